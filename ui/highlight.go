package ui

import (
	"strings"
)

// YAML is coloured by a scanner for what Kubernetes' own printers write: one key a line, block scalars, no flow
// collections but empty ones. A general highlighter (chroma, regular expressions) was measured at 0.3 MB/s on
// the same text, which is a third of a second for a hundred kilobytes; this one does it in the time of a frame.

// yamlScanner remembers, from line to line, whether it is in a block scalar.
type yamlScanner struct {
	th    *theme
	block int // a block scalar lasts while lines are indented deeper than this; -1 outside of one
}

// yamlLines cuts sanitised YAML into lines with the theme's styles.
func yamlLines(th *theme, text string) []textLine {
	lines := plainLines(text)
	s := yamlScanner{th: th, block: -1}
	for i := range lines {
		lines[i].spans = s.line(lines[i].text)
	}
	return lines
}

// line returns the styled ranges of the next line.
func (s *yamlScanner) line(text string) []styled {
	body := strings.TrimLeft(text, " ")
	at := len(text) - len(body)
	if s.block >= 0 {
		if body == "" || at > s.block {
			return []styled{{at, len(text), s.th.yamlString}}
		}
		s.block = -1
	}
	if body == "" {
		return nil
	}
	if body[0] == '#' || body == "---" {
		return []styled{{at, len(text), s.th.yamlComment}}
	}
	var spans []styled
	parent := at // what a block scalar's lines are indented deeper than
	for strings.HasPrefix(body, "- ") || body == "-" {
		spans = append(spans, styled{at, at + 1, s.th.yamlPunct})
		parent = at
		rest := strings.TrimLeft(body[1:], " ")
		at += len(body) - len(rest)
		body = rest
	}
	if n := keyLen(body); n > 0 {
		spans = append(spans, styled{at, at + n, s.th.yamlKey}, styled{at + n, at + n + 1, s.th.yamlPunct})
		parent = at
		rest := strings.TrimLeft(body[n+1:], " ")
		at += len(body) - len(rest)
		body = rest
	}
	if body == "" {
		return spans
	}
	if body[0] == '|' || body[0] == '>' {
		s.block = parent
	}
	return append(spans, styled{at, len(text), s.scalar(body)})
}

// keyLen is the length of the key that s begins with, without its colon; 0 when it begins with none.
func keyLen(s string) int {
	if s == "" {
		return 0
	}
	end := 0
	if q := s[0]; q == '"' || q == '\'' {
		for end = 1; end < len(s) && s[end] != q; end++ {
			if s[end] == '\\' && q == '"' {
				end++
			}
		}
		end++
		if end < len(s) && s[end] == ':' && (end+1 == len(s) || s[end+1] == ' ') {
			return end
		}
		return 0
	}
	if strings.IndexByte("[{|>&*!", s[0]) >= 0 {
		return 0
	}
	if i := strings.Index(s, ": "); i > 0 {
		return i
	}
	if strings.HasSuffix(s, ":") {
		return len(s) - 1
	}
	return 0
}

func (s *yamlScanner) scalar(v string) style {
	switch v[0] {
	case '|', '>', '[', '{':
		return s.th.yamlPunct
	case '"', '\'':
		return s.th.yamlString
	}
	switch v {
	case "true", "false", "null", "~":
		return s.th.yamlConst
	}
	if yamlNumber(v) {
		return s.th.yamlNumber
	}
	return s.th.yamlString
}

// yamlNumber reports whether a plain scalar is a number: what is quoted is none.
func yamlNumber(v string) bool {
	digit := false
	for i := range len(v) {
		switch c := v[i]; {
		case c >= '0' && c <= '9':
			digit = true
		case c == '-' || c == '+':
			if i > 0 && v[i-1] != 'e' && v[i-1] != 'E' {
				return false
			}
		case c == '.' || c == 'e' || c == 'E':
			if !digit {
				return false
			}
		default:
			return false
		}
	}
	return digit
}
