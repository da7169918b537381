package columns

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
)

// A minimal scanner of JSON that a server has written: it finds the ends of values and looks at nothing
// else. Structure that makes no sense ends in errJSON or in less than everything, never in a panic;
// whether tokens are well formed inside of what is skipped is not its concern.

var errJSON = errors.New("malformed JSON")

// maxDepth bounds a recursive descent; it is far above what an API server accepts.
const maxDepth = 1000

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString is the index after the string that starts at b[i].
func skipString(b []byte, i int) (int, error) {
	if i >= len(b) || b[i] != '"' {
		return i, errJSON
	}
	for start := i + 1; ; {
		i++
		quote := bytes.IndexByte(b[i:], '"')
		if quote < 0 {
			return len(b), errJSON
		}
		i += quote
		escapes := 0
		for i-escapes > start && b[i-escapes-1] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i + 1, nil
		}
	}
}

// skipValue is the index after the value that starts at b[i], which is not a space.
func skipValue(b []byte, i int) (int, error) {
	if i >= len(b) {
		return i, errJSON
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		depth := 0
		for i < len(b) {
			switch b[i] {
			case '"':
				end, err := skipString(b, i)
				if err != nil {
					return end, err
				}
				i = end
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
				if depth == 0 {
					return i + 1, nil
				}
			}
			i++
		}
		return i, errJSON
	}
	start := i
	for i < len(b) {
		switch b[i] {
		case ',', '}', ']', ' ', '\n', '\t', '\r':
			if i == start {
				return i, errJSON
			}
			return i, nil
		}
		i++
	}
	return i, nil
}

// member reads `"key": ` at b[i] and returns the key with its quotes and the index of the value.
func member(b []byte, i int) (key []byte, value int, err error) {
	end, err := skipString(b, i)
	if err != nil {
		return nil, end, err
	}
	colon := skipSpace(b, end)
	if colon >= len(b) || b[colon] != ':' {
		return nil, colon, errJSON
	}
	return b[i:end], skipSpace(b, colon+1), nil
}

// next is called after a value of an object or array that ends with closing: it returns the index of the
// next one, or more as false and the index after the end.
func next(b []byte, i int, closing byte) (int, bool, error) {
	i = skipSpace(b, i)
	if i >= len(b) {
		return i, false, errJSON
	}
	switch b[i] {
	case ',':
		return skipSpace(b, i+1), true, nil
	case closing:
		return i + 1, false, nil
	}
	return i, false, errJSON
}

// open steps into an object or array at b[i]: more is false when it is empty.
func open(b []byte, i int, closing byte) (first int, more bool) {
	i = skipSpace(b, i+1)
	return i, i < len(b) && b[i] != closing
}

// members yields the keys, with their quotes, and the values of an object; nothing when b is something else.
// It ends at what makes no sense.
func members(b []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if len(b) == 0 || b[0] != '{' {
			return
		}
		i, more := open(b, 0, '}')
		for more {
			key, start, err := member(b, i)
			if err != nil {
				return
			}
			end, err := skipValue(b, start)
			if err != nil || !yield(key, b[start:end]) {
				return
			}
			if i, more, err = next(b, end, '}'); err != nil {
				return
			}
		}
	}
}

// elements yields the elements of an array; nothing when b is something else.
func elements(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(b) == 0 || b[0] != '[' {
			return
		}
		i, more := open(b, 0, ']')
		for more {
			end, err := skipValue(b, i)
			if err != nil || !yield(b[i:end]) {
				return
			}
			if i, more, err = next(b, end, ']'); err != nil {
				return
			}
		}
	}
}

// is reports whether the quoted string b is s. Keys with escapes are rare, and longer than what they stand for.
func is(b []byte, s string) bool {
	switch n := len(b) - 2; {
	case n == len(s):
		return string(b[1:len(b)-1]) == s
	case n > len(s):
		return bytes.IndexByte(b, '\\') >= 0 && unquote(b) == s
	}
	return false
}

// unquote is the text of a quoted string; "" of anything else.
func unquote(b []byte) string {
	if len(b) < 2 || b[0] != '"' {
		return ""
	}
	if bytes.IndexByte(b, '\\') >= 0 {
		var s string
		if json.Unmarshal(b, &s) != nil {
			return ""
		}
		return s
	}
	return string(b[1 : len(b)-1])
}
