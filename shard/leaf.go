package shard

import (
	"orka/watch"
)

// leaf is a page in the making. What it owns was made since the last freeze and may be written; the rest of the
// page is published and is copied before the first write, column by column: a change of status copies the object
// pointers and shares the rest.
type leaf struct {
	page  *Page
	owned columns
	// Never published, beside each object: the generation it was last seen in, and the hash of its key. An update
	// finds its place by the hashes, which lie together, instead of reading the names of half a dozen objects, which
	// lie all over memory.
	marks  []uint64
	hashes []uint32
	// first is the key of the first object, for the same reason.
	first objectKey
}

// columns is a set of the columns of a page.
type columns uint8

const (
	ownObjects columns = 1 << iota
	ownMasks
	ownIDs
	ownPage // the Page itself
	ownAll  = ownObjects | ownMasks | ownIDs | ownPage
)

func newLeaf(capacity int) *leaf {
	return &leaf{
		page: &Page{
			Objects:    make([]*watch.Object, 0, capacity),
			Masks:      make([]uint64, 0, capacity),
			Namespaces: make([]uint32, 0, capacity),
			LabelSets:  make([]uint32, 0, capacity),
		},
		owned:  ownAll,
		marks:  make([]uint64, 0, capacity),
		hashes: make([]uint32, 0, capacity),
	}
}

// own makes the columns writable and returns the page.
func (l *leaf) own(c columns) *Page { return l.ownWith(c, 0) }

// ownWith is own with room for extra more objects where a column has to be copied.
func (l *leaf) ownWith(c columns, extra int) *Page {
	missing := (c | ownPage) &^ l.owned
	if missing == 0 {
		return l.page
	}
	if missing&ownPage != 0 {
		p := *l.page
		l.page = &p
	}
	if missing&ownObjects != 0 {
		l.page.Objects = cloneWith(l.page.Objects, extra)
	}
	if missing&ownMasks != 0 {
		l.page.Masks = cloneWith(l.page.Masks, extra)
	}
	if missing&ownIDs != 0 {
		l.page.Namespaces = cloneWith(l.page.Namespaces, extra)
		l.page.LabelSets = cloneWith(l.page.LabelSets, extra)
	}
	l.owned |= missing
	return l.page
}

func cloneWith[T any](s []T, extra int) []T {
	return append(make([]T, 0, min(len(s)+extra, PageSize)), s...)
}

func (l *leaf) len() int { return len(l.marks) }

// find is the place of a key of that hash, if it is in the leaf.
func (l *leaf) find(hash uint32, namespace, name string) (int, bool) {
	for i, h := range l.hashes {
		if h != hash {
			continue
		}
		if o := l.page.Objects[i]; o.Name == name && o.Namespace == namespace {
			return i, true
		}
	}
	return 0, false
}

// insert puts r before position i; there must be room.
func (l *leaf) insert(i int, r row) {
	p := l.ownWith(ownAll, growth(l.len()))
	p.Objects = insertAt(p.Objects, i, r.object)
	p.Masks = insertAt(p.Masks, i, r.mask)
	p.Namespaces = insertAt(p.Namespaces, i, r.namespace)
	p.LabelSets = insertAt(p.LabelSets, i, r.labelSet)
	l.marks = insertAt(l.marks, i, r.mark)
	l.hashes = insertAt(l.hashes, i, r.hash)
	l.begin()
}

// remove takes out position i.
func (l *leaf) remove(i int) {
	p := l.own(ownAll)
	p.Objects = removeAt(p.Objects, i)
	p.Masks = removeAt(p.Masks, i)
	p.Namespaces = removeAt(p.Namespaces, i)
	p.LabelSets = removeAt(p.LabelSets, i)
	l.marks = removeAt(l.marks, i)
	l.hashes = removeAt(l.hashes, i)
	if l.len() > 0 {
		l.begin()
	}
}

// growth is how much room a column of n gets beyond n when it has to grow: small kinds are many and stay small,
// and no column is ever larger than a page.
func growth(n int) int { return min(max(4, n/2), PageSize-n) }

func insertAt[T any](s []T, i int, v T) []T {
	if len(s) == cap(s) {
		s = append(make([]T, 0, len(s)+growth(len(s))), s...)
	}
	s = s[:len(s)+1]
	copy(s[i+1:], s[i:])
	s[i] = v
	return s
}

func removeAt[T any](s []T, i int) []T {
	copy(s[i:], s[i+1:])
	var zero T
	s[len(s)-1] = zero
	return s[:len(s)-1]
}

// appendRows adds l[from:to] of another leaf at the end.
func (l *leaf) appendRows(m *leaf, from, to int) {
	p, q := l.page, m.page
	p.Objects = append(p.Objects, q.Objects[from:to]...)
	p.Masks = append(p.Masks, q.Masks[from:to]...)
	p.Namespaces = append(p.Namespaces, q.Namespaces[from:to]...)
	p.LabelSets = append(p.LabelSets, q.LabelSets[from:to]...)
	l.marks = append(l.marks, m.marks[from:to]...)
	l.hashes = append(l.hashes, m.hashes[from:to]...)
	l.begin()
}

// begin notes the first object, of which there must be one.
func (l *leaf) begin() {
	o := l.page.Objects[0]
	l.first = objectKey{o.Namespace, o.Name}
}

// startsBehind reports whether a key belongs before the leaf.
func (l *leaf) startsBehind(namespace, name string) bool {
	if l.first.namespace != namespace {
		return l.first.namespace > namespace
	}
	return l.first.name > name
}
