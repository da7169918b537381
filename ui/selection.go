package ui

import (
	"orka/search/query"
	"orka/watch"
)

// kindsOf are the kinds a query can find anything of, in the order given. narrowed is false when the query
// doesn't ask for kinds or groups, so that the answer is all of them.
func kindsOf(q query.Query, kinds []*watch.Kind) (of []*watch.Kind, narrowed bool) {
	for _, t := range q.Terms {
		narrowed = narrowed || t.Filter == query.Kind || t.Filter == query.Group
	}
	if !narrowed {
		return kinds, false
	}
	for _, k := range kinds {
		if askedFor(q, k) {
			of = append(of, k)
		}
	}
	return of, true
}

func askedFor(q query.Query, k *watch.Kind) bool {
	for _, t := range q.Terms {
		var match bool
		switch t.Filter {
		case query.Kind:
			match = matchAny(t.Values, func(p query.Pattern) bool { return kindMatches(p, k) })
		case query.Group:
			match = matchAny(t.Values, func(p query.Pattern) bool { return groupMatches(p, k.Group) })
		default:
			continue
		}
		if match == t.Negated {
			return false
		}
	}
	return true
}

func matchAny(patterns []query.Pattern, match func(query.Pattern) bool) bool {
	for _, p := range patterns {
		if match(p) {
			return true
		}
	}
	return false
}

func kindMatches(p query.Pattern, k *watch.Kind) bool {
	if name, ok := p.Literal(); ok {
		return k.Answers(name)
	}
	return p.Match(k.Kind) || p.Match(k.Resource)
}

func groupMatches(p query.Pattern, group string) bool {
	if name, ok := p.Literal(); ok && group == "" {
		return name == "" || name == "core"
	}
	return p.Match(group)
}

// kindTerm is the query term that asks for one kind and no other among kinds.
func kindTerm(k *watch.Kind, kinds []*watch.Kind) string {
	name := k.Resource
	for _, other := range kinds {
		if other != k && other.Answers(name) {
			name = k.ResourceName()
			break
		}
	}
	for _, other := range kinds {
		if other != k && other.Answers(name) {
			return "k:" + k.GVK.String() // the same resource in another version
		}
	}
	return "k:" + name
}
