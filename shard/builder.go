package shard

import (
	"hash/maphash"
	"sync/atomic"

	"orka/watch"
)

// builder makes the versions of one shard. Its leaves are the pages of the next version: those that changed since
// the last one are its own to write, the others are shared with what was published. It is used by one goroutine
// at a time.
type builder struct {
	key    Key
	leaves []*leaf // none empty
	len    int
	last   *Shard // newest frozen version; nil before the first

	namespaces *table[string]
	labelSets  *table[watch.Pairs]
	tables     uint64 // names the two, until ids are given anew

	dead    tombstones
	changed bool   // something differs from last
	bytes   uint64 // accounted memory of the objects and their label sets

	// hint is where the last look-up ended: lists arrive in key order.
	hint struct {
		leaf, pos int
		near      bool // the look-up before ended there, too, or one leaf before: worth a first try
		inserted  bool // and something was inserted at pos
	}
}

func newBuilder(key Key) *builder {
	return &builder{key: key, namespaces: &table[string]{}, labelSets: &table[watch.Pairs]{}, tables: tablesMade.Add(1)}
}

// tablesMade counts the tables of all builders, so that no two are named alike: a shard that was forgotten and is there again
// has others than before, and a reader may have missed the Worlds in between.
var tablesMade atomic.Uint64

// effect is what a delta did.
type effect struct {
	verdict verdict
	// removed is the object that is no longer there, if any: the former version, or what was deleted.
	removed *watch.Object
}

// apply takes one delta; f are the floors of the kind.
func (b *builder) apply(d *watch.Delta, f *floors) effect {
	o := d.Object
	if d.Generation < f.at(o.Namespace) {
		return effect{}
	}
	if d.Op == watch.Deleted {
		return b.delete(o, d.Generation)
	}
	if b.dead.buried(o.UID, d.Generation) {
		return effect{}
	}
	li, pos, found := b.locate(o.Namespace, o.Name)
	if !found {
		b.insert(li, pos, o, d.Generation)
		return effect{verdict: replaced}
	}
	l := b.leaves[li]
	stored := l.page.Objects[pos]
	v := judge(stored, l.marks[pos], o, d.Generation)
	if v == ignored {
		return effect{}
	}
	l.marks[pos] = d.Generation
	if v == remarked {
		return effect{verdict: remarked}
	}
	b.replace(l, pos, o)
	return effect{verdict: replaced, removed: stored}
}

func (b *builder) delete(o *watch.Object, generation uint64) effect {
	b.dead.bury(o.UID, generation)
	li, pos, found := b.locate(o.Namespace, o.Name)
	if !found {
		return effect{}
	}
	l := b.leaves[li]
	stored := l.page.Objects[pos]
	if stored.UID != o.UID || generation < l.marks[pos] {
		return effect{}
	}
	b.forget(l, pos)
	l.remove(pos)
	b.mend(li)
	b.hint.inserted = false
	return effect{verdict: replaced, removed: stored}
}

// get returns an object of the version in the making, or nil.
func (b *builder) get(namespace, name string) *watch.Object {
	if li, pos, found := b.locate(namespace, name); found {
		return b.leaves[li].page.Objects[pos]
	}
	return nil
}

// sweep deletes what a completed list of the namespace ("" means all) did not show, and reports each to removed,
// which may be nil.
func (b *builder) sweep(namespace string, generation uint64, removed func(*watch.Object)) {
	kept := b.leaves[:0]
	for _, l := range b.leaves {
		for pos := len(l.marks) - 1; pos >= 0; pos-- {
			o := l.page.Objects[pos]
			if l.marks[pos] >= generation || namespace != "" && o.Namespace != namespace {
				continue
			}
			b.forget(l, pos)
			l.remove(pos)
			if removed != nil {
				removed(o)
			}
		}
		if len(l.marks) > 0 {
			kept = append(kept, l)
		}
	}
	clear(b.leaves[len(kept):])
	b.leaves = kept
	for li := 0; li < len(b.leaves); {
		if !b.mergeNext(li) {
			li++
		}
	}
	b.hint.inserted = false
	if namespace == "" {
		b.dead.expire(generation)
	}
}

// replace puts o in the place of the object at pos, copying only the columns that differ.
func (b *builder) replace(l *leaf, pos int, o *watch.Object) {
	was := l.page.Objects[pos]
	b.changed = true
	b.bytes += objectBytes(o) - objectBytes(was)
	l.own(ownObjects).Objects[pos] = o
	if o.Status != was.Status || o.Fields != was.Fields {
		if m := MaskOf(o); m != l.page.Masks[pos] {
			l.own(ownMasks).Masks[pos] = m
		}
	}
	if o.Labels != was.Labels {
		id := b.acquireLabels(o.Labels)
		b.releaseLabels(l.page.LabelSets[pos])
		l.own(ownIDs).LabelSets[pos] = id
	}
}

var keySeed = maphash.MakeSeed()

// hashKey is the hash by which a leaf finds a key.
func hashKey(namespace, name string) uint32 {
	h := maphash.String(keySeed, name) + 31*maphash.String(keySeed, namespace)
	return uint32(h ^ h>>32) //nolint:gosec // folded
}

// row is an object with what pages and marks hold of it.
type row struct {
	object    *watch.Object
	mask      uint64
	namespace uint32
	labelSet  uint32
	mark      uint64
	hash      uint32
}

func (b *builder) enter(o *watch.Object, generation uint64) row {
	b.changed = true
	b.len++
	b.bytes += objectBytes(o)
	return row{o, MaskOf(o), b.namespaces.acquire(o.Namespace), b.acquireLabels(o.Labels), generation, hashKey(o.Namespace, o.Name)}
}

// forget releases what the object at pos held of the tables; the caller removes it from the leaf.
func (b *builder) forget(l *leaf, pos int) {
	b.changed = true
	b.len--
	b.bytes -= objectBytes(l.page.Objects[pos])
	b.namespaces.release(l.page.Namespaces[pos])
	b.releaseLabels(l.page.LabelSets[pos])
}

func (b *builder) acquireLabels(set watch.Pairs) uint32 {
	n := len(b.labelSets.values)
	id := b.labelSets.acquire(set)
	if len(b.labelSets.values) > n {
		b.bytes += labelSetBytes(set)
	}
	return id
}

func (b *builder) releaseLabels(id uint32) { b.labelSets.release(id) }

// freeze makes the next version of the shard and numbers it; without a change it returns the last one.
func (b *builder) freeze(version uint64) *Shard {
	if !b.changed && b.last != nil {
		return b.last
	}
	if b.namespaces.wasteful() || b.labelSets.wasteful() {
		b.renumber()
	}
	pages := make([]*Page, len(b.leaves))
	for i, l := range b.leaves {
		l.owned = 0
		pages[i] = l.page
	}
	b.changed = false
	b.last = &Shard{
		Key: b.key, Version: version, Pages: pages, Len: b.len,
		Namespaces: clip(b.namespaces.values), LabelSets: clip(b.labelSets.values), Tables: b.tables,
	}
	return b.last
}

// renumber rebuilds the tables without dead values and writes the new ids into every page.
func (b *builder) renumber() {
	var namespaces, labelSets []uint32
	b.namespaces, namespaces = b.namespaces.compact()
	for _, set := range b.labelSets.values {
		b.bytes -= labelSetBytes(set)
	}
	b.labelSets, labelSets = b.labelSets.compact()
	for _, set := range b.labelSets.values {
		b.bytes += labelSetBytes(set)
	}
	for _, l := range b.leaves {
		p := l.own(ownIDs)
		for i := range p.Objects {
			p.Namespaces[i] = namespaces[p.Namespaces[i]]
			p.LabelSets[i] = labelSets[p.LabelSets[i]]
		}
	}
	b.tables = tablesMade.Add(1)
}

// clip forbids appending in place: the builder goes on growing the array behind a published slice.
func clip[T any](s []T) []T { return s[:len(s):len(s)] }
