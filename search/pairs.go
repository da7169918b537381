package search

import (
	"orka/search/query"
	"orka/shard"
	"orka/watch"
)

// pairsPass evaluates an anno: term on one object, negation aside.
func pairsPass(t query.Term, p watch.Pairs) bool {
	for k, v := range p.All() {
		if matchAny(t.Keys, k) && (t.Op == query.Present || matchAny(t.Values, v)) {
			return t.Op != query.NotEqual
		}
	}
	return t.Op == query.NotEqual
}

// pairFilter evaluates one field: or label: term over pages, negation aside.
type pairFilter struct {
	term query.Term
	mask uint64 // characters without which no value matches
	// keys tells for the keys of the last page whether the term asks for them; neighbours share theirs.
	keys   []string
	wanted []bool
}

func newPairFilter(t query.Term) *pairFilter {
	f := &pairFilter{term: t}
	if t.Op != query.Present && !t.Op.Ordered() {
		f.mask = patternsMask(t.Values)
	}
	return f
}

// patternsMask holds the characters without which none of the patterns matches.
func patternsMask(patterns []query.Pattern) uint64 {
	mask := ^uint64(0)
	for _, p := range patterns {
		var m uint64
		for _, part := range p.Parts {
			m |= shard.MaskText(part)
		}
		mask &= m
	}
	return mask
}

// docs is the subset of docs that pass.
func (f *pairFilter) docs(s *section, docs uint64) uint64 {
	if len(s.keys) != len(f.keys) || len(s.keys) > 0 && &s.keys[0] != &f.keys[0] {
		f.keys, f.wanted = s.keys, f.wanted[:0]
		for _, k := range s.keys {
			f.wanted = append(f.wanted, matchAny(f.term.Keys, k))
		}
	}
	var found uint64
	for _, g := range s.groups {
		if g.key == statusKey || !f.wanted[g.key] || f.mask&^g.mask != 0 {
			continue
		}
		for i := g.from; i < g.to; i++ {
			if f.mask&^s.masks[i] == 0 && s.docs[i]&docs&^found != 0 && f.holds(s.value(int(i))) {
				found |= s.docs[i]
			}
		}
	}
	if f.term.Op == query.NotEqual {
		return docs &^ found
	}
	return docs & found
}

// holds reports whether a value is what the term names; for NotEqual, what it excludes.
func (f *pairFilter) holds(v string) bool {
	switch {
	case f.term.Op == query.Present:
		return true
	case f.term.Op.Ordered():
		n, ok := query.ParseQuantity(v)
		return ok && f.term.Op.Holds(n.Compare(f.term.Number))
	default:
		return matchAny(f.term.Values, v)
	}
}

// annoFilter evaluates one anno: term over pages, negation aside.
type annoFilter struct {
	term  query.Term
	marks []uint64 // fingerprints of the pairs asked for; none when stars leave them open
}

func newAnnoFilter(t query.Term) *annoFilter {
	f := &annoFilter{term: t}
	if t.Op == query.Present {
		return f
	}
	key, ok := t.Keys[0].Literal()
	for _, v := range t.Values {
		value, literal := v.Literal()
		if ok = ok && literal; !ok {
			f.marks = nil
			return f
		}
		f.marks = append(f.marks, markAnno(key, value))
	}
	f.term.Op = query.Equal
	return f
}

// docs is the subset of docs that pass. The page's keys and fingerprints decide about most documents; an object's
// annotations are read only when they can't.
func (f *annoFilter) docs(p *page, docs uint64, op query.Op) uint64 {
	var found uint64
	for i := range p.annoKeys {
		if p.annoKeys[i].docs&docs&^found != 0 && matchAny(f.term.Keys, p.annoKeys[i].key) {
			found |= p.annoKeys[i].docs
		}
	}
	found &= docs
	if op != query.Present {
		found = keep(found, func(i int) bool { return f.marked(p.annoMarks[i]) && pairsPass(f.term, p.src.Objects[i].Annos) })
	}
	if op == query.NotEqual {
		return docs &^ found
	}
	return found
}

func (f *annoFilter) marked(mark uint64) bool {
	for _, m := range f.marks {
		if m&^mark == 0 {
			return true
		}
	}
	return len(f.marks) == 0
}

func matchAny(patterns []query.Pattern, s string) bool {
	for i := range patterns {
		if patterns[i].Match(s) {
			return true
		}
	}
	return false
}
