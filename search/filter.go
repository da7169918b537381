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

// plan is a query prepared for one search: its terms by what they cost to evaluate. It is immutable while
// workers share it.
type plan struct {
	kinds      []query.Term // k: and g:, once per kind
	namespaces []query.Term // ns:, once per namespace id
	labels     []query.Term // label: and field:, once per distinct pair of a page
	fields     []query.Term
	names      []query.Term // name:, per document
	annos      []query.Term // anno:, per document that has the key
	states     []query.Term // is: and age:
	texts      []*term      // positive free text
	without    []*term      // negated free text
	opts       Options
	allowed    map[string]bool // Options.Namespaces; nil is all
}

func newPlan(q query.Query, opts Options) *plan {
	p := &plan{opts: opts}
	if p.opts.Now.IsZero() {
		p.opts.Now = time.Now()
	}
	if len(opts.Namespaces) > 0 {
		p.allowed = make(map[string]bool, len(opts.Namespaces))
		for _, ns := range opts.Namespaces {
			p.allowed[ns] = true
		}
	}
	for _, t := range q.Terms {
		switch t.Filter {
		case query.Kind, query.Group:
			p.kinds = append(p.kinds, t)
		case query.Namespace:
			p.namespaces = append(p.namespaces, t)
		case query.Label:
			p.labels = append(p.labels, t)
		case query.Field:
			p.fields = append(p.fields, t)
		case query.Name:
			p.names = append(p.names, t)
		case query.Anno:
			p.annos = append(p.annos, t)
		case query.Is, query.Age:
			p.states = append(p.states, t)
		default:
			if t.Negated {
				p.without = append(p.without, newTerm(t.Text))
			} else {
				p.texts = append(p.texts, newTerm(t.Text))
			}
		}
	}
	return p
}

// SelectsKind reports whether the query's k: and g: filters let objects of a kind pass; a query without such
// filters lets every kind pass. A command can spare itself the others.
func SelectsKind(q query.Query, kind *watch.Kind) bool {
	for _, t := range q.Terms {
		if (t.Filter == query.Kind || t.Filter == query.Group) && !kindPasses(t, kind) {
			return false
		}
	}
	return true
}

func kindPasses(t query.Term, k *watch.Kind) bool {
	return t.Negated != slices.ContainsFunc(t.Values, func(v query.Pattern) bool {
		if t.Filter == query.Group {
			return v.Match(k.Group) || k.Group == "" && v.Match(CoreGroup)
		}
		if s, ok := v.Literal(); ok {
			return k.Answers(s)
		}
		return v.Match(k.Kind) || v.Match(k.Resource) || v.Match(k.Singular) || v.Match(k.GVK.String()) ||
			v.Match(k.ResourceName()) || slices.ContainsFunc(k.ShortNames, v.Match)
	})
}

// CoreGroup is how g: calls the API group that has no name.
const CoreGroup = "core"

func (p *plan) namespacePasses(ns string) bool {
	if p.allowed != nil && !p.allowed[ns] {
		return false
	}
	for _, t := range p.namespaces {
		if t.Negated == matchAny(t.Values, ns) {
			return false
		}
	}
	return true
}

func matchAny(patterns []query.Pattern, s string) bool {
	for i := range patterns {
		if patterns[i].Match(s) {
			return true
		}
	}
	return false
}

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
