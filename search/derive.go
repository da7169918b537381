package search

import (
	"math/bits"
	"strings"

	"orka/shard"
)

// An object's change gives its page a new version, in which 63 of 64 objects are those of the old one. Deriving the
// new index page from the old one touches only the objects that changed.

// maxMoves bounds the runs of documents a page may be derived in; with more of them, so much has changed that
// building from nothing is no slower.
const maxMoves = 12

// moves says where documents of a page are in its next version: runs of them, each moved by some places.
type moves struct {
	runs [maxMoves]move
	n    int
}

type move struct {
	from uint64 // documents of the old page
	by   int    // places up
}

// apply moves a set of documents; those in no run are dropped.
func (m *moves) apply(docs uint64) uint64 {
	var out uint64
	for i := range m.n {
		r := &m.runs[i]
		if r.by >= 0 {
			out |= docs & r.from << r.by
		} else {
			out |= docs & r.from >> -r.by
		}
	}
	return out
}

// add notes that document from is now document to; false when there are too many runs.
func (m *moves) add(from, to int) bool {
	doc := uint64(1) << from
	if m.n > 0 && m.runs[m.n-1].by == to-from {
		m.runs[m.n-1].from |= doc
		return true
	}
	if m.n == maxMoves {
		return false
	}
	m.runs[m.n] = move{from: doc, by: to - from}
	m.n++
	return true
}

// derive makes the page of src out of an old page of the same shard. Namespaces is the shard's table, in which the ids
// of both pages hold. It reports false when too little of the old page is left.
func (b *pageBuilder) derive(old *page, src *shard.Page, namespaces []string) (*page, bool) {
	var m moves
	source, kept, ok := align(old, src, namespaces, &m)
	if !ok || bits.OnesCount64(kept) < len(src.Objects)/2 {
		return nil, false
	}
	p := newPage(src)
	b.fields.resume(&old.fields, m)
	b.labels.resume(&old.labels, m)
	b.names = b.names[:0]
	p.unhealthy, p.terminating = m.apply(old.unhealthy), m.apply(old.terminating)
	for _, a := range old.annoKeys {
		if docs := m.apply(a.docs); docs != 0 {
			p.annoKeys = append(p.annoKeys, annoKey{a.key, docs})
		}
	}
	for i, o := range src.Objects {
		if j := source[i]; kept>>i&1 != 0 {
			p.addName(i, old.name(j), old.nameMasks[j], &b.names)
			p.created[i], p.annoMarks[i] = old.created[j], old.annoMarks[j]
			continue
		}
		p.addName(i, o.Name, shard.MaskText(o.Name), &b.names)
		b.add(p, i, o)
		for k, v := range o.Labels.All() {
			b.labels.add(k, v, 1<<i)
		}
	}
	b.finish(p)
	return p, true
}

// align finds which documents of src are those of old: source[i] is the old place of document i where kept has it.
func align(old *page, src *shard.Page, namespaces []string, m *moves) (source [shard.PageSize]int, kept uint64, ok bool) {
	j := 0
	for i, o := range src.Objects {
		for ; j < len(old.src.Objects) && old.src.Objects[j] != o; j++ {
			c := strings.Compare(namespaces[old.src.Namespaces[j]], namespaces[src.Namespaces[i]])
			if c == 0 {
				c = strings.Compare(old.name(j), o.Name)
			}
			if c > 0 {
				break // o is new
			}
		}
		if j < len(old.src.Objects) && old.src.Objects[j] == o {
			if !m.add(j, i) {
				return source, 0, false
			}
			source[i] = j
			kept |= 1 << i
			j++
		}
	}
	return source, kept, true
}
