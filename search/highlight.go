package search

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sahilm/fuzzy"

	"orka/search/query"
	"orka/watch"
)

// Highlight returns the byte positions in o.NamespacedName() of the characters that the query's text terms
// match, in order and each once. A term that is held in one piece is shown so; for a fuzzy match, positions are
// those sahilm/fuzzy gives. It allocates, and is meant for rows on screen.
func Highlight(q query.Query, o *watch.Object) []int {
	var out []int
	full := o.NamespacedName()
	nameAt := len(full) - len(o.Name)
	for _, text := range q.Texts() {
		t := newTerm(text)
		p, ok := t.place(o)
		if !ok {
			continue
		}
		offset := 0 // of the matched text in full
		switch p.tier {
		case TierName, TierNamePrefix, TierNamePart, TierNameFuzzy:
			offset = nameAt
		case TierScope, TierScopeFuzzy:
			if !strings.HasSuffix(p.text, full) {
				continue // a name of the kind
			}
			offset = len(full) - len(p.text)
		default:
			continue
		}
		for _, i := range t.positions(p) {
			if i+offset >= 0 {
				out = append(out, i+offset)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// positions are the byte positions of the term's characters in the text of a placement.
func (t *term) positions(p placement) []int {
	if p.tier < TierNameFuzzy {
		from, to, ok := query.IndexFold(p.text, t.text)
		if !ok {
			return nil
		}
		var out []int
		for i := range p.text[from:to] {
			out = append(out, from+i)
		}
		return out
	}
	if strings.ContainsRune(p.text, 0) {
		return nil // sanitised text holds none, and the library would panic
	}
	for _, m := range fuzzy.FindNoSort(t.text, []string{p.text}) {
		return m.MatchedIndexes
	}
	return nil
}

// explain says for each text term where it matched and what that scored:
// `nginx: prefix of name, 187; prod: kind or namespace "Pod prod/nginx-1", 58`.
func explain(texts []*term, o *watch.Object) string {
	var b strings.Builder
	for _, t := range texts {
		p, ok := t.place(o)
		if !ok {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(t.text)
		b.WriteString(": ")
		b.WriteString(TierString(p.tier))
		if p.path != "" {
			b.WriteString(" " + p.path)
		}
		if p.text != o.Name {
			b.WriteString(" " + strconv.Quote(p.text))
		}
		b.WriteString(", " + strconv.Itoa(p.score))
	}
	return b.String()
}
