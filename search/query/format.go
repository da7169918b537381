package query

import (
	"strings"
	"unicode"
)

// String is the canonical line of the query: Parse of it gives an equal query.
func (q Query) String() string {
	var b strings.Builder
	for i, t := range q.Terms {
		if i > 0 {
			b.WriteByte(' ')
		}
		t.format(&b)
	}
	return b.String()
}

// String is the canonical form of one term.
func (t Term) String() string {
	var b strings.Builder
	t.format(&b)
	return b.String()
}

func (t Term) format(b *strings.Builder) {
	if t.Negated {
		b.WriteByte('-')
	}
	if t.Filter == Text {
		b.WriteString(formatText(t.Text))
		return
	}
	b.WriteString(t.Filter.String())
	b.WriteByte(':')
	switch t.Filter {
	case Label, Anno, Field:
		formatPatterns(b, t.Keys)
		b.WriteString(t.Op.String())
		if t.Op.Ordered() {
			b.WriteString(t.Number.String())
		} else {
			formatPatterns(b, t.Values)
		}
	case Is:
		for i, s := range t.States {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(s.String())
		}
	case Age:
		b.WriteString(t.Op.String())
		b.WriteString(formatAge(t.Age))
	default:
		formatPatterns(b, t.Values)
	}
}

func formatPatterns(b *strings.Builder, ps []Pattern) {
	for i, p := range ps {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(p.String())
	}
}

// String is the pattern as it is typed.
func (p Pattern) String() string {
	var b strings.Builder
	for i, part := range p.Parts {
		if i > 0 {
			b.WriteByte('*')
		}
		if part == "" && len(p.Parts) > 1 {
			continue
		}
		// A colon or slash right behind the filter's own colon would make the word a text.
		odd := i == 0 && part != "" && (part[0] == ':' || part[0] == '/')
		if part == "" || odd || strings.ContainsFunc(part, syntaxInValue) {
			b.WriteString(quote(part))
		} else {
			b.WriteString(part)
		}
	}
	return b.String()
}

// syntaxInValue reports whether r must be quoted inside a filter.
func syntaxInValue(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune(`",*=!<>`, r)
}

// formatText writes free text, quoted where it would otherwise mean something else.
func formatText(s string) string {
	if s == "" || s[0] == '-' || s[0] == '!' ||
		strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r == '"' }) {
		return quote(s)
	}
	var chars []char
	for _, r := range s {
		chars = append(chars, char{r: r})
	}
	if _, _, ok := filterPrefix(chars); ok {
		return quote(s)
	}
	return s
}

// quote puts s in double quotes.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
