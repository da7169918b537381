package query

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Pattern is a text in which stars may stand for any run of characters: the parts between the stars. One
// part means no star; "a*" is {"a", ""}. Letter case does not matter.
type Pattern struct {
	Parts []string
}

// Literal makes a pattern without stars.
func Literal(s string) Pattern { return Pattern{Parts: []string{s}} }

// newPattern makes a pattern of chars; unquoted stars are wild.
func newPattern(chars []char) Pattern {
	var p Pattern
	for {
		i := index(chars, '*')
		if i < 0 {
			p.Parts = append(p.Parts, text(chars))
			break
		}
		part := text(chars[:i])
		if part != "" || len(p.Parts) == 0 { // "**" says no more than "*"
			p.Parts = append(p.Parts, part)
		}
		chars = chars[i+1:]
	}
	return p
}

// Literal returns the text of a pattern without stars.
func (p Pattern) Literal() (string, bool) {
	if len(p.Parts) == 1 {
		return p.Parts[0], true
	}
	return "", false
}

// Any reports whether the pattern is a lone star, which matches everything.
func (p Pattern) Any() bool { return len(p.Parts) == 2 && p.Parts[0] == "" && p.Parts[1] == "" }

// Equal reports whether two patterns are written alike.
func (p Pattern) Equal(q Pattern) bool { return slices.Equal(p.Parts, q.Parts) }

// Match reports whether s as a whole is of the pattern. It does not allocate.
func (p Pattern) Match(s string) bool {
	switch len(p.Parts) {
	case 0:
		return false
	case 1:
		return strings.EqualFold(s, p.Parts[0])
	}
	n, ok := prefixFold(s, p.Parts[0])
	if !ok {
		return false
	}
	s = s[n:]
	last := len(p.Parts) - 1
	for _, part := range p.Parts[1:last] {
		_, after, ok := IndexFold(s, part)
		if !ok {
			return false
		}
		s = s[after:]
	}
	return suffixFold(s, p.Parts[last])
}

// ContainsFold reports whether part occurs in s, letter case aside. It does not allocate.
func ContainsFold(s, part string) bool {
	_, _, ok := IndexFold(s, part)
	return ok
}

// PrefixFold reports whether s begins with part, letter case aside. It does not allocate.
func PrefixFold(s, part string) bool {
	_, ok := prefixFold(s, part)
	return ok
}

// prefixFold reports whether s begins with part, letter case aside, and how many bytes of s that takes.
func prefixFold(s, part string) (int, bool) {
	i := 0
	for _, r := range part {
		if i >= len(s) {
			return 0, false
		}
		t, size := rune(s[i]), 1
		if t >= utf8.RuneSelf {
			t, size = utf8.DecodeRuneInString(s[i:])
		}
		if t != r && !equalFold(t, r) {
			return 0, false
		}
		i += size
	}
	return i, true
}

// IndexFold finds the first occurrence of part in s, letter case aside: where it starts and ends,
// in bytes. It does not allocate.
func IndexFold(s, part string) (start, end int, ok bool) {
	for i := 0; i <= len(s); {
		if n, ok := prefixFold(s[i:], part); ok {
			return i, i + n, true
		}
		if i == len(s) {
			break
		}
		_, size := utf8.DecodeRuneInString(s[i:])
		i += size
	}
	return 0, 0, false
}

// suffixFold reports whether s ends with part, letter case aside.
func suffixFold(s, part string) bool {
	i := len(s)
	for range utf8.RuneCountInString(part) {
		if i == 0 {
			return false
		}
		_, size := utf8.DecodeLastRuneInString(s[:i])
		i -= size
	}
	return strings.EqualFold(s[i:], part)
}

// equalFold reports whether a and b are the same letter under simple folding, as strings.EqualFold does.
func equalFold(a, b rune) bool {
	if a == b {
		return true
	}
	if a < utf8.RuneSelf && b < utf8.RuneSelf {
		return a|0x20 == b|0x20 && 'a' <= a|0x20 && a|0x20 <= 'z'
	}
	for r := unicode.SimpleFold(a); r != a; r = unicode.SimpleFold(r) {
		if r == b {
			return true
		}
	}
	return false
}
