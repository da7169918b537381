package shard

import (
	"iter"
	"slices"

	"orka/watch"
)

// Change is one object that differs between two Worlds. Old is nil for one that is new, New for one that is
// gone; an object that was deleted and made again under its name shows as both, with two uids.
type Change struct {
	Old, New *watch.Object
}

// Diff yields what changed of a kind between two Worlds of the same planner, shard by shard in name order.
// Shards and pages that both share cost nothing.
func Diff(old, now *World, kind *watch.Kind) iter.Seq[Change] {
	return func(yield func(Change) bool) {
		before := map[Key]*Shard{}
		for s := range old.Find(kind) {
			before[s.Key] = s
		}
		for s := range now.Find(kind) {
			was := before[s.Key]
			delete(before, s.Key)
			if was != s && !diffShards(was, s, yield) {
				return
			}
		}
		for s := range old.Find(kind) {
			if before[s.Key] != nil && !diffShards(s, nil, yield) {
				return
			}
		}
	}
}

// diffShards merges the pages that only one side has; nil is an empty shard.
func diffShards(old, now *Shard, yield func(Change) bool) bool {
	a, b := unshared(old, now), unshared(now, old)
	for len(a) > 0 || len(b) > 0 {
		var c Change
		switch order := compareHeads(a, b); {
		case order < 0:
			c.Old, a = a[0], a[1:]
		case order > 0:
			c.New, b = b[0], b[1:]
		default:
			c.Old, c.New, a, b = a[0], b[0], a[1:], b[1:]
		}
		if c.Old != c.New && !yield(c) {
			return false
		}
	}
	return true
}

// compareHeads orders the first objects of two lists of which one may be empty.
func compareHeads(a, b []*watch.Object) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	default:
		return a[0].CompareName(b[0])
	}
}

// unshared lists the objects of s on pages that other doesn't have, in name order.
func unshared(s, other *Shard) []*watch.Object {
	if s == nil {
		return nil
	}
	shared := map[*Page]bool{}
	if other != nil {
		for _, p := range other.Pages {
			shared[p] = true
		}
	}
	var out []*watch.Object
	for _, p := range s.Pages {
		if !shared[p] {
			out = append(out, p.Objects...)
		}
	}
	return out
}

// Sorted lists all objects of a kind by namespace and name, across its shards.
func (w *World) Sorted(kind *watch.Kind) []*watch.Object {
	out := make([]*watch.Object, 0, w.Count(kind))
	for s := range w.Find(kind) {
		for _, p := range s.Pages {
			out = append(out, p.Objects...)
		}
	}
	slices.SortFunc(out, (*watch.Object).CompareName)
	return out
}
