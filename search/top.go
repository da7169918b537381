package search

import (
	"slices"
	"strings"

	"orka/watch"
)

// entry is one hit on its way into the result.
type entry struct {
	tier      Tier
	score     int
	namespace string
	name      string
	object    *watch.Object
}

// compare orders hits: tier, score (higher first), namespace, name, kind, uid. It is a total order on the objects
// of a World, whatever shards they came from.
func (e *entry) compare(f *entry) int {
	if e.tier != f.tier {
		return e.tier - f.tier
	}
	if e.score != f.score {
		if e.score > f.score {
			return -1
		}
		return 1
	}
	return e.compareKey(f)
}

// compareKey orders by namespace, name, kind, uid.
func (e *entry) compareKey(f *entry) int {
	if c := strings.Compare(e.namespace, f.namespace); c != 0 {
		return c
	}
	if c := strings.Compare(e.name, f.name); c != 0 {
		return c
	}
	if e.object.Kind != f.object.Kind {
		if c := e.object.Kind.Compare(f.object.Kind.GVK); c != 0 {
			return c
		}
	}
	return strings.Compare(e.object.UID, f.object.UID)
}

// top keeps the best hits seen: a heap with the worst of them at its root.
type top struct {
	limit int // 0 is none
	heap  []entry
}

// full reports whether a new hit must be better than the worst kept one.
func (t *top) full() bool { return t.limit > 0 && len(t.heap) == t.limit }

// need is the worst tier a new hit may have to be kept.
func (t *top) need() Tier {
	if !t.full() {
		return tiers - 1
	}
	return t.heap[0].tier
}

// beats reports whether a hit of that tier and score could be kept, names aside.
func (t *top) beats(tier Tier, score int) bool {
	if !t.full() {
		return true
	}
	worst := &t.heap[0]
	return tier < worst.tier || tier == worst.tier && score >= worst.score
}

// offer keeps e if it is among the best.
func (t *top) offer(e entry) {
	switch {
	case t.limit == 0:
		t.heap = append(t.heap, e)
	case len(t.heap) < t.limit:
		t.heap = append(t.heap, e)
		for i := len(t.heap) - 1; i > 0; {
			up := (i - 1) / 2
			if t.heap[i].compare(&t.heap[up]) <= 0 {
				break
			}
			t.heap[i], t.heap[up] = t.heap[up], t.heap[i]
			i = up
		}
	case e.compare(&t.heap[0]) < 0:
		t.heap[0] = e
		for i := 0; ; {
			down := 2*i + 1
			if down >= len(t.heap) {
				break
			}
			if down+1 < len(t.heap) && t.heap[down+1].compare(&t.heap[down]) > 0 {
				down++
			}
			if t.heap[down].compare(&t.heap[i]) <= 0 {
				break
			}
			t.heap[i], t.heap[down] = t.heap[down], t.heap[i]
			i = down
		}
	}
}

// sorted returns the hits in order, and leaves t empty.
func (t *top) sorted() []entry {
	out := t.heap
	t.heap = nil
	slices.SortFunc(out, func(a, b entry) int { return a.compare(&b) })
	return out
}
