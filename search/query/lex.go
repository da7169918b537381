package query

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// char is one character of a word after quotes and escapes are taken away. Quoted characters stand for
// themselves; only unquoted ones can be syntax.
type char struct {
	r      rune
	quoted bool
	pos    int // bytes from the start of the line
	runes  int // the same in runes
}

// is reports whether c is the unquoted character r, and so syntax.
func (c char) is(r rune) bool { return c.r == r && !c.quoted }

// word is what stands between two runs of white space.
type word struct {
	chars []char
	start char // the place where the word begins, be it with a quote
	end   char // the place just after the word
	// last is set for a word that ends the line: what is missing there may be still to come.
	last bool
}

// split takes a line apart into words. It fails on a quote that is never closed.
func split(line string) ([]word, error) {
	var words []word
	cur := word{}
	inWord := false
	var quote *char // the open quote
	runes := 0
	for i := 0; i < len(line); runes++ {
		r, size := utf8.DecodeRuneInString(line[i:])
		c := char{r: r, pos: i, runes: runes}
		i += size
		switch {
		case quote != nil && r == '"':
			quote = nil
		case quote != nil:
			if r == '\\' && i < len(line) && (line[i] == '"' || line[i] == '\\') {
				c.r = rune(line[i])
				i++
				runes++
			}
			c.quoted = true
			cur.chars = append(cur.chars, c)
		case r == '"':
			if !inWord {
				cur.start = c
			}
			quote, inWord = &c, true
			// Quotes leave a mark, so that "" is a value and not a missing one.
			cur.chars = append(cur.chars, char{r: quoteMark, quoted: true, pos: c.pos, runes: c.runes})
		case unicode.IsSpace(r):
			if inWord {
				cur.end = c
				words = append(words, cur)
				cur, inWord = word{}, false
			}
		default:
			if !inWord {
				cur.start = c
			}
			inWord = true
			cur.chars = append(cur.chars, c)
		}
	}
	end := char{pos: len(line), runes: runes}
	if quote != nil {
		return nil, &SyntaxError{
			Span:       Span{Start: quote.pos, End: end.pos, RuneStart: quote.runes, RuneEnd: end.runes},
			Problem:    "quote without an end",
			Want:       `a closing "`,
			Incomplete: true,
		}
	}
	if inWord {
		cur.end, cur.last = end, true
		words = append(words, cur)
	}
	return words, nil
}

// quoteMark stands where a quote opened. It is no Unicode code point, so no input can hold it.
const quoteMark rune = -1

// text is the plain text of chars.
func text(chars []char) string {
	var b strings.Builder
	for _, c := range chars {
		if c.r != quoteMark {
			b.WriteRune(c.r)
		}
	}
	return b.String()
}

// index is the first unquoted occurrence of r in chars, or -1.
func index(chars []char, r rune) int {
	for i, c := range chars {
		if c.is(r) {
			return i
		}
	}
	return -1
}

// filterPrefix returns the part of a word before its first colon when the word has the form of a filter, and
// how many characters it takes with the colon. The rule is in the package comment.
func filterPrefix(chars []char) (name string, length int, ok bool) {
	for i, c := range chars {
		switch {
		case c.quoted:
			return "", 0, false
		case 'a' <= c.r && c.r <= 'z' || 'A' <= c.r && c.r <= 'Z':
		case c.r == ':' && i > 0:
			rest := chars[i+1:]
			if len(rest) > 0 && rest[0].is(':') || len(rest) > 1 && rest[0].is('/') && rest[1].is('/') {
				return "", 0, false
			}
			return strings.ToLower(text(chars[:i])), i + 1, true
		default:
			return "", 0, false
		}
	}
	return "", 0, false
}
