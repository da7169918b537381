package watch

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks one base character keeps. Living scripts stack up to four
// (Vietnamese two, Thai two, pointed Hebrew three or four); what piles up more paints over other rows.
const maxMarks = 4

// tabStop is the distance of tab stops in SanitizeText, as terminals have it.
const tabStop = 8

// Sanitize makes a string from a cluster safe for one line of a terminal, and for Cells and Pairs.
// What could move the cursor, reorder or hide text is shown as an escape that can be read: control
// characters ("\n", "\x1b"), bytes that aren't UTF-8 ("\xff"), line and paragraph separators, bidi
// controls, zero-width, tag and other invisible characters ("\u202e", "\U000e0041"). More than four
// combining marks on one character end in one "…".
//
// A string that needs none of that is returned as it is, without an allocation. The result is valid
// UTF-8, and sanitising it again changes nothing; backslashes of the original are therefore not doubled.
func Sanitize(s string) string {
	if n := cleanPrefix(s); n < len(s) {
		return string(appendLine(make([]byte, 0, len(s)+16), s, n))
	}
	return s
}

// AppendSanitized appends Sanitize(s) to dst.
func AppendSanitized(dst []byte, s string) []byte {
	if n := cleanPrefix(s); n < len(s) {
		return appendLine(dst, s, n)
	}
	return append(dst, s...)
}

// SanitizeText is Sanitize for text of several lines (YAML, descriptions, logs): line feeds stay, a
// carriage return before a line feed is dropped, and tabs become spaces up to the next multiple of eight
// characters of the line.
func SanitizeText(s string) string {
	if !strings.ContainsAny(s, "\n\t") {
		return Sanitize(s)
	}
	out := make([]byte, 0, len(s)+16)
	for {
		line, rest, more := strings.Cut(s, "\n")
		if more {
			line = strings.TrimSuffix(line, "\r")
		}
		out = appendTabbed(out, line)
		if !more {
			return string(out)
		}
		out = append(out, '\n')
		s = rest
	}
}

// appendTabbed appends a sanitised line with its tabs expanded.
func appendTabbed(dst []byte, line string) []byte {
	start := len(dst)
	for {
		before, after, more := strings.Cut(line, "\t")
		dst = AppendSanitized(dst, before)
		if !more {
			return dst
		}
		column := utf8.RuneCount(dst[start:])
		for range tabStop - column%tabStop {
			dst = append(dst, ' ')
		}
		line = after
	}
}

// cleanPrefix is the length of the longest prefix that needs no change: len(s) for a clean string.
func cleanPrefix(s string) int {
	i := 0
	for i < len(s) && s[i]-0x20 < 0x7f-0x20 {
		i++
	}
	if i == len(s) {
		return i
	}
	marks := maxMarks // a mark with nothing before it has no base
	if i > 0 {
		marks = 0
	}
	for i < len(s) {
		if b := s[i]; b < utf8.RuneSelf {
			if b < 0x20 || b == 0x7f {
				return i
			}
			marks = 0
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1, hidden(r):
			return i
		case unicode.In(r, unicode.Mn, unicode.Me):
			if marks == maxMarks {
				return i
			}
			marks++
		default:
			marks = 0
		}
		i += size
	}
	return i
}

// appendLine appends s; its first clean bytes need no change.
func appendLine(dst []byte, s string, clean int) []byte {
	// The prefix may end in marks: they are counted again rather than remembered.
	base := clean
	for base > 0 && (s[base-1] >= utf8.RuneSelf) {
		base--
	}
	if base > 0 {
		base--
	}
	dst = append(dst, s[:base]...)
	based, marks := base > 0, 0
	for i := base; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = appendHex(append(dst, '\\', 'x'), rune(s[i]), 2)
			based, marks = true, 0
		case unicode.In(r, unicode.Mn, unicode.Me) && !hidden(r):
			switch {
			case !based:
				dst = appendEscape(dst, r)
				based, marks = true, 0
			case marks < maxMarks:
				dst = append(dst, s[i:i+size]...)
				marks++
			case marks == maxMarks:
				dst = append(dst, "…"...)
				marks++
			}
		case hidden(r):
			dst = appendEscape(dst, r)
			based, marks = true, 0
		default:
			dst = append(dst, s[i:i+size]...)
			based, marks = true, 0
		}
		i += size
	}
	return dst
}

// hidden reports whether a terminal would act on r or show nothing for it.
func hidden(r rune) bool {
	if r < 0xa0 {
		return r < 0x20 || r >= 0x7f
	}
	switch {
	case r == '\u2028', r == '\u2029':
		return true
	case r >= 0xe0100 && r <= 0xe01ef: // variation selectors beyond the 16 of emoji: invisible payload
		return true
	case r&0xfffe == 0xfffe: // noncharacters
		return true
	case unicode.Is(unicode.Cf, r):
		return !unicode.Is(unicode.Prepended_Concatenation_Mark, r) // those of Arabic are drawn
	}
	return unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r)
}

// appendEscape writes r as Go would in a string literal, so that what a screen shows can be pasted into a query.
func appendEscape(dst []byte, r rune) []byte {
	switch {
	case r == '\n':
		return append(dst, '\\', 'n')
	case r == '\t':
		return append(dst, '\\', 't')
	case r == '\r':
		return append(dst, '\\', 'r')
	case r < utf8.RuneSelf:
		return appendHex(append(dst, '\\', 'x'), r, 2)
	case r <= 0xffff:
		return appendHex(append(dst, '\\', 'u'), r, 4)
	default:
		return appendHex(append(dst, '\\', 'U'), r, 8)
	}
}

func appendHex(dst []byte, r rune, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, "0123456789abcdef"[r>>(4*i)&0xf])
	}
	return dst
}
