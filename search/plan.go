package search

import (
	"slices"
	"time"

	"orka/search/query"
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
