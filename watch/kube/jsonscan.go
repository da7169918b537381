package kube

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// JSON is scanned, not parsed, where only its structure matters: to part a list or a stream into objects
// and to cut managedFields out. Scanning trusts braces and quotes; what is wrong inside a value is found
// when the value is decoded.

var errJSON = errors.New("malformed JSON")

// structural are the bytes that end a number or word.
var structural = func() (t [256]bool) {
	for _, c := range []byte(" \n\t\r,:]}[{\"") {
		t[c] = true
	}
	return t
}()

// span is a range of bytes.
type span struct{ from, to int }

func (s span) of(b []byte) []byte { return b[s.from:s.to] }

// skipSpace returns the index of the first byte at or after i that is not white space.
func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skipString returns the index after the string whose opening quote is at i.
func skipString(b []byte, i int) (int, bool) {
	for i++; i < len(b); i++ {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return 0, false
		}
		i += q
		slashes := 0
		for b[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1, true
		}
	}
	return 0, false
}

// skipValue returns the index after the value at i.
func skipValue(b []byte, i int) (int, bool) {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			j, ok := skipString(b, i)
			if !ok {
				return 0, false
			}
			i = j
		case '{', '[':
			depth++
			i++
		case '}', ']':
			if depth--; depth < 0 {
				return 0, false
			}
			i++
		case ' ', '\n', '\t', '\r', ',', ':':
			if depth == 0 {
				return 0, false
			}
			i++
			continue
		default:
			for i < len(b) && !structural[b[i]] {
				i++
			}
		}
		if depth == 0 {
			return i, true
		}
	}
	return 0, false
}

// members calls visit for each member of the object that starts at i until it returns false: where the
// member starts, its key without quotes, its value. It reports whether the object was well formed as far
// as it was looked at; from a cut-off object the whole members are still reported.
func members(b []byte, i int, visit func(start int, key []byte, value span) bool) bool {
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != '{' {
		return false
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return true
	}
	for i < len(b) {
		if b[i] != '"' {
			return false
		}
		start := i
		end, ok := skipString(b, i)
		if !ok {
			return false
		}
		key := b[start+1 : end-1]
		i = skipSpace(b, end)
		if i >= len(b) || b[i] != ':' {
			return false
		}
		i = skipSpace(b, i+1)
		end, ok = skipValue(b, i)
		if !ok {
			// The value is cut off; a reader of identities may still want what is there.
			visit(start, key, span{i, len(b)})
			return false
		}
		if !visit(start, key, span{i, end}) {
			return true
		}
		i = skipSpace(b, end)
		if i < len(b) && b[i] == '}' {
			return true
		}
		if i >= len(b) || b[i] != ',' {
			return false
		}
		i = skipSpace(b, i+1)
	}
	return false
}

// member finds one member of an object.
func member(b []byte, name string) (value span, ok bool) {
	members(b, 0, func(_ int, key []byte, v span) bool {
		if string(key) == name {
			value, ok = v, true
		}
		return !ok
	})
	return value, ok
}

// cut copies b without the member that starts at start and ends at end, and without the comma that
// parted it from a neighbour.
func cut(b []byte, start, end int) []byte {
	if i := skipSpace(b, end); i < len(b) && b[i] == ',' {
		end = skipSpace(b, i+1)
	} else {
		for i := start - 1; i >= 0; i-- {
			if b[i] == ',' {
				start = i
				break
			}
			if b[i] == '{' {
				break
			}
		}
	}
	out := make([]byte, 0, len(b)-(end-start))
	return append(append(out, b[:start]...), b[end:]...)
}

// stripJSON copies an object without metadata.managedFields and returns it with its metadata.
func stripJSON(raw []byte) (body, meta []byte, err error) {
	m, ok := member(raw, "metadata")
	if !ok {
		return nil, nil, errJSON
	}
	from, to := -1, -1
	ok = members(raw, m.from, func(start int, key []byte, v span) bool {
		if string(key) == "managedFields" {
			from, to = start, v.to
		}
		return from < 0
	})
	if !ok {
		return nil, nil, errJSON
	}
	if from < 0 {
		body = bytes.Clone(raw)
	} else {
		body = cut(raw, from, to)
		m.to -= len(raw) - len(body)
	}
	return body, m.of(body), nil
}

// jsonIdentity reads the identity of an object of which the end may be missing or wrong.
func jsonIdentity(raw []byte) (id identity, ok bool) {
	m, ok := member(raw, "metadata")
	if !ok {
		return id, false
	}
	members(raw, m.from, func(_ int, key []byte, v span) bool {
		switch string(key) {
		case "name":
			id.name = jsonString(v.of(raw))
		case "namespace":
			id.namespace = jsonString(v.of(raw))
		case "uid":
			id.uid = jsonString(v.of(raw))
		case "resourceVersion":
			id.version = jsonString(v.of(raw))
		case "annotations":
			if a, ok := member(v.of(raw), initialEndAnnotation); ok {
				id.initialEnd = jsonString(a.of(v.of(raw))) == "true"
			}
		}
		return true
	})
	return id, id.name != ""
}

// jsonString is a plain string value, and "" for anything else: names, uids and versions hold no escapes.
func jsonString(v []byte) string {
	if len(v) < 2 || v[0] != '"' || v[len(v)-1] != '"' || bytes.IndexByte(v, '\\') >= 0 {
		return ""
	}
	return string(v[1 : len(v)-1])
}

// peekByte skips white space and returns the next byte without taking it.
func peekByte(r *bufio.Reader) (byte, error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, err
		}
		if b != ' ' && b != '\n' && b != '\t' && b != '\r' {
			return b, r.UnreadByte()
		}
	}
}

// readJSON reads one value into buf. Of a value over maxObject only the front is kept, and whole is false.
// io.EOF means that there is none.
func readJSON(r *bufio.Reader, buf []byte) (value []byte, whole bool, err error) {
	buf = buf[:0]
	if _, err := peekByte(r); err != nil {
		return buf, false, err
	}
	whole = true
	var s jsonSplitter
	for {
		if r.Buffered() == 0 {
			if _, err := r.Peek(1); err != nil {
				if errors.Is(err, io.EOF) {
					if s.scalar {
						return buf, whole, nil
					}
					err = io.ErrUnexpectedEOF
				}
				return buf, false, err
			}
		}
		chunk, _ := r.Peek(r.Buffered())
		n, done, ok := s.scan(chunk)
		if !ok {
			return buf, false, errJSON
		}
		if keep := min(n, maxObject-len(buf)); keep < n {
			buf, whole = append(buf, chunk[:keep]...), false
		} else {
			buf = append(buf, chunk[:n]...)
		}
		if _, err := r.Discard(n); err != nil {
			return buf, false, err
		}
		if done {
			return buf, whole, nil
		}
	}
}

// jsonSplitter finds the end of a value that comes in chunks.
type jsonSplitter struct {
	depth           int
	quoted, escaped bool
	scalar          bool // a number or word, which ends where something else begins
}

// scan returns how many bytes of the chunk belong to the value and whether it ends there.
func (s *jsonSplitter) scan(chunk []byte) (n int, done, ok bool) {
	for i := 0; i < len(chunk); i++ {
		c := chunk[i]
		if s.quoted {
			switch {
			case s.escaped:
				s.escaped = false
			case c == '\\':
				s.escaped = true
			case c == '"':
				s.quoted = false
				if s.depth == 0 {
					return i + 1, true, true
				}
			}
			continue
		}
		switch c {
		case '"':
			s.quoted = true
		case '{', '[':
			s.depth++
		case '}', ']':
			if s.scalar && s.depth == 0 {
				return i, true, true
			}
			if s.depth--; s.depth < 0 {
				return i, false, false
			}
			if s.depth == 0 {
				return i + 1, true, true
			}
		case ' ', '\n', '\t', '\r', ',', ':':
			if s.depth == 0 {
				return i, true, s.scalar
			}
		default:
			s.scalar = s.depth == 0
		}
	}
	return len(chunk), false, true
}
