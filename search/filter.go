package search

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"orka/search/query"
	"orka/shard"
	"orka/watch"
)

// filter evaluates a plan's filters shard by shard and page by page. It belongs to one worker.
type filter struct {
	plan      *plan
	fields    []*pairFilter
	labels    []*pairFilter
	annos     []*annoFilter
	nameMasks []uint64 // characters without which a name does not match, for each of plan.names
	kinds     map[*watch.Kind]bool

	shard      *shard.Shard
	namespaces []bool // by id
}

func newFilter(p *plan) *filter {
	f := &filter{plan: p, kinds: map[*watch.Kind]bool{}}
	for _, t := range p.fields {
		f.fields = append(f.fields, newPairFilter(t))
	}
	for _, t := range p.labels {
		f.labels = append(f.labels, newPairFilter(t))
	}
	for _, t := range p.annos {
		f.annos = append(f.annos, newAnnoFilter(t))
	}
	for _, t := range p.names {
		f.nameMasks = append(f.nameMasks, patternsMask(t.Values))
	}
	return f
}

// enter prepares for the pages of a shard, and reports whether any can pass.
func (f *filter) enter(s *shard.Shard) bool {
	if !f.kindPasses(s.Kind) {
		return false
	}
	if s == f.shard {
		return true
	}
	f.shard = s
	if f.byNamespace() {
		f.namespaces = f.namespaces[:0]
		for _, ns := range s.Namespaces {
			f.namespaces = append(f.namespaces, f.plan.namespacePasses(ns))
		}
	}
	return true
}

func (f *filter) byNamespace() bool { return f.plan.allowed != nil || len(f.plan.namespaces) > 0 }

func (f *filter) kindPasses(k *watch.Kind) bool {
	pass, known := f.kinds[k]
	if !known {
		pass = !slices.ContainsFunc(f.plan.kinds, func(t query.Term) bool { return !kindPasses(t, k) })
		f.kinds[k] = pass
	}
	return pass
}

// docs is the subset of docs that pass all filters but negated text. The shard must have been entered.
func (f *filter) docs(p *page, docs uint64) uint64 {
	if f.byNamespace() {
		docs &= f.inNamespaces(p.src.Namespaces)
	}
	for i := range f.plan.states {
		docs = signed(docs, f.plan.states[i].Negated, f.inStates(&f.plan.states[i], p, docs))
	}
	for _, l := range f.labels {
		docs = signed(docs, l.term.Negated, l.docs(&p.labels, docs))
	}
	for _, l := range f.fields {
		docs = signed(docs, l.term.Negated, l.docs(&p.fields, docs))
	}
	for i := range f.plan.names {
		t := &f.plan.names[i]
		found := keep(docs&masked(p.nameMasks, f.nameMasks[i]), func(i int) bool { return matchAny(t.Values, p.name(i)) })
		docs = signed(docs, t.Negated, found)
	}
	for i, a := range f.annos {
		docs = signed(docs, a.term.Negated, a.docs(p, docs, f.plan.annos[i].Op))
	}
	return docs
}

// signed is found, or with negation the rest of docs.
func signed(docs uint64, negated bool, found uint64) uint64 {
	if negated {
		return docs &^ found
	}
	return docs & found
}

func (f *filter) inNamespaces(ids []uint32) uint64 {
	if ids[0] == ids[len(ids)-1] { // in key order, so all are the same
		if f.namespaces[ids[0]] {
			return ^uint64(0)
		}
		return 0
	}
	var docs uint64
	for i, id := range ids {
		if f.namespaces[id] {
			docs |= 1 << i
		}
	}
	return docs
}

// inStates evaluates an is: or age: term, negation aside.
func (f *filter) inStates(t *query.Term, p *page, docs uint64) uint64 {
	if t.Filter == query.Age {
		// An unknown age is neither young nor old; one before the present's beginning is 0.
		return keep(docs, func(i int) bool {
			created := int64(p.created[i])
			return created != 0 && t.Op.Holds(cmp.Compare(max(0, f.plan.opts.Now.Sub(time.Unix(created, 0))), t.Age))
		})
	}
	var found uint64
	for _, s := range t.States {
		found |= f.inState(s, p, docs&^found)
	}
	return found
}

func (f *filter) inState(s query.State, p *page, docs uint64) uint64 {
	switch s {
	case query.Unhealthy:
		return docs & p.unhealthy
	case query.Terminating:
		return docs & p.terminating
	case query.Stale:
		if f.plan.opts.Stale != nil {
			return keep(docs, func(i int) bool { return f.plan.opts.Stale(p.src.Objects[i]) })
		}
	case query.Marked:
		if f.plan.opts.Marked != nil {
			return keep(docs, func(i int) bool { return f.plan.opts.Marked(p.src.Objects[i].UID) })
		}
	}
	return 0
}

// keep is the subset of docs for which pass holds.
func keep(docs uint64, pass func(i int) bool) uint64 {
	kept := docs
	for rest := docs; rest != 0; rest &= rest - 1 {
		if i := bits.TrailingZeros64(rest); !pass(i) {
			kept &^= 1 << i
		}
	}
	return kept
}
