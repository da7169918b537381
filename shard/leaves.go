package shard

import (
	"slices"

	"orka/watch"
)

// How leaves stay full. A full leaf first shifts objects to a neighbour with room; when both neighbours are full,
// two full leaves become three (a B*-tree's rule), so that random inserts leave pages about four fifths full. A list
// arrives in key order: an insertion right behind the last one splits at that very place, so that the leaf behind
// the list's front is left completely full. A leaf that loses objects is merged with a neighbour as soon as both fit
// into one.

// roomToShift is the least room a neighbour must have for a shift: a shift for one place would be repeated at once.
const roomToShift = 8

// locate finds a key: the leaf and position where it is, or where it would be inserted.
func (b *builder) locate(namespace, name string) (li, pos int, found bool) {
	if len(b.leaves) == 0 {
		return 0, 0, false
	}
	li = b.locateLeaf(namespace, name)
	if was := b.hint.leaf; was != li {
		b.hint.near = li == was+1
		b.hint.leaf, b.hint.inserted = li, false
	} else {
		b.hint.near = true
	}
	l := b.leaves[li]
	if b.hint.inserted && compareKey(l.page.Objects[l.len()-1], namespace, name) < 0 {
		return li, l.len(), false // a list at the end of a leaf
	}
	if pos, found = l.find(hashKey(namespace, name), namespace, name); found {
		return li, pos, true
	}
	pos, found = searchPage(l.page, namespace, name)
	return li, pos, found
}

// locateLeaf is the leaf of a key: the last one that does not start behind it.
func (b *builder) locateLeaf(namespace, name string) int {
	if b.hint.near {
		for li := b.hint.leaf; li < min(b.hint.leaf+2, len(b.leaves)); li++ {
			if b.covers(li, namespace, name) {
				return li
			}
		}
	}
	lo, hi := 0, len(b.leaves) // the first leaf that starts behind the key
	for lo < hi {
		mid := int(uint(lo+hi) >> 1) //nolint:gosec // not negative
		if b.leaves[mid].startsBehind(namespace, name) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return max(lo-1, 0)
}

// covers reports whether the key belongs into leaf li for sure.
func (b *builder) covers(li int, namespace, name string) bool {
	return li < len(b.leaves) && !b.leaves[li].startsBehind(namespace, name) &&
		(li+1 == len(b.leaves) || b.leaves[li+1].startsBehind(namespace, name))
}

// insert puts o at a place that locate gave.
func (b *builder) insert(li, pos int, o *watch.Object, generation uint64) {
	r := b.enter(o, generation)
	if len(b.leaves) == 0 {
		b.leaves = append(b.leaves, newLeaf(4))
	}
	if b.leaves[li].len() == PageSize {
		li, pos = b.makeRoom(li, pos)
	}
	b.leaves[li].insert(pos, r)
	b.hint.leaf, b.hint.pos, b.hint.inserted = li, pos, true
}

// makeRoom splits or shifts the full leaf li and returns the place of an insertion that was to go to pos of it.
func (b *builder) makeRoom(li, pos int) (int, int) {
	behindLast := pos > 0 && b.hint.inserted && b.hint.leaf == li && b.hint.pos == pos-1
	if behindLast || pos == PageSize && li == len(b.leaves)-1 {
		return b.splitAt(li, pos)
	}
	room := func(i int) bool {
		return i >= 0 && i < len(b.leaves) && b.leaves[i].len() <= PageSize-roomToShift
	}
	from, take, give := li, 2, 3
	switch {
	case room(li + 1):
		give = 2
	case room(li - 1):
		from, give = li-1, 2
	case li+1 < len(b.leaves):
	case li > 0:
		from = li - 1
	default:
		take, give = 1, 2
	}
	if from < li {
		pos += b.leaves[from].len()
	}
	b.respread(from, take, give)
	for pos > b.leaves[from].len() {
		pos -= b.leaves[from].len()
		from++
	}
	return from, pos
}

// splitAt parts the full leaf li at pos and returns the end of the first part, which has the room.
func (b *builder) splitAt(li, pos int) (int, int) {
	if pos == PageSize {
		if li+1 == len(b.leaves) || b.leaves[li+1].len() == PageSize {
			b.leaves = slices.Insert(b.leaves, li+1, newLeaf(PageSize))
		}
		return li + 1, 0
	}
	l, left, right := b.leaves[li], newLeaf(PageSize), newLeaf(PageSize)
	left.appendRows(l, 0, pos)
	right.appendRows(l, pos, PageSize)
	b.leaves[li] = left
	b.leaves = slices.Insert(b.leaves, li+1, right)
	b.mergeNext(li + 1)
	return li, pos
}

// respread gives the objects of take leaves from li on to give new ones, evenly.
func (b *builder) respread(li, take, give int) {
	old := slices.Clone(b.leaves[li : li+take])
	total := 0
	for _, l := range old {
		total += l.len()
	}
	made := make([]*leaf, 0, give)
	src, at := 0, 0
	for k := range give {
		l := newLeaf(PageSize)
		for want := total*(k+1)/give - total*k/give; want > 0; {
			n := min(want, old[src].len()-at)
			l.appendRows(old[src], at, at+n)
			if at, want = at+n, want-n; at == old[src].len() {
				src, at = src+1, 0
			}
		}
		made = append(made, l)
	}
	b.leaves = slices.Replace(b.leaves, li, li+take, made...)
}

// mend restores the leaves around li after it lost an object.
func (b *builder) mend(li int) {
	if b.leaves[li].len() == 0 {
		b.leaves = slices.Delete(b.leaves, li, li+1)
		return
	}
	if !b.mergeNext(li) && li > 0 {
		b.mergeNext(li - 1)
	}
}

// mergeNext merges leaf li with the next one if both together leave some room in a page.
func (b *builder) mergeNext(li int) bool {
	if li+1 >= len(b.leaves) || b.leaves[li].len()+b.leaves[li+1].len() > PageSize-roomToShift {
		return false
	}
	b.respread(li, 2, 1)
	return true
}
