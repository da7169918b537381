package search

import (
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"

	"orka/shard"
)

// section holds the key-value pairs of the documents of one page, each distinct pair once with the set of
// documents that have it. Neighbours are alike (replicas of one workload), so the ten fields of each of 64 pods
// make fewer than 250 pairs, and most of those are addresses. Pairs of one key stand together, so that whole
// keys are passed over by one mask, and keys with few values come first, so that those decide about most
// documents before the long ones are read. A section is immutable.
type section struct {
	keys   []string // of groups, by group.key; pages with the same keys share the slice
	groups []group
	masks  []uint64 // of the characters of each value
	docs   []uint64 // which documents have the pair; never empty
	refs   []ref    // where in text the value is
	text   string
}

// group is the run of pairs of one key.
type group struct {
	mask     uint64 // of all values together
	from, to uint32
	key      uint16 // in section.keys, or statusKey
}

// ref is where the text of a value is. A value of ASCII with upper-case letters is there twice: in lower case, which is
// what most terms are held against, and behind that as it is.
type ref struct {
	start, length uint32
	class         class
}

// size is how much text the value takes.
func (r ref) size() uint32 {
	if r.class == hasUpper {
		return 2 * r.length
	}
	return r.length
}

// statusKey marks the Status word, which free text finds and field: does not.
const statusKey = ^uint16(0)

// maxKeys bounds the distinct keys of one page. Objects of one kind have a few dozen; a value under a key
// beyond the bound is found by free text but not by field:.
const maxKeys = int(statusKey) - 1

// class says what a text holds beside lower-case ASCII.
type class uint8

const (
	hasUpper   class = 1 << iota // ASCII letters in upper case
	hasUnicode                   // characters beyond ASCII
)

func classOf(s string) class {
	var c class
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return c | hasUnicode
		}
		if 'A' <= s[i] && s[i] <= 'Z' {
			c |= hasUpper
		}
	}
	return c
}

// value is the text of pair i.
func (s *section) value(i int) string {
	r := s.refs[i]
	end := r.start + r.size()
	return s.text[end-r.length : end]
}

// folded is the text of pair i in lower case if it is ASCII, and what is left of its class then.
func (s *section) folded(i int) (string, class) {
	r := s.refs[i]
	if r.class == hasUpper {
		return s.text[r.start : r.start+r.length], 0
	}
	return s.text[r.start : r.start+r.length], r.class
}

// bytes is what the section takes, without shared keys.
func (s *section) bytes() int {
	return int(unsafe.Sizeof(group{}))*cap(s.groups) + 16*cap(s.masks) + int(unsafe.Sizeof(ref{}))*cap(s.refs) + len(s.text)
}

// sectionBuilder makes sections; it is the scratch memory of one build.
type sectionBuilder struct {
	seed  maphash.Seed
	keys  []string
	pairs []pair
	text  []byte
	slots slots
	// hashing says that slots finds pairs, as in a section that is made from nothing.
	hashing bool

	before []string // the keys of the section before, to be shared when equal
	order  []uint16
	counts []uint32
}

type pair struct {
	mask, docs uint64
	ref        ref
	key        uint16
}

// begin starts an empty section.
func (b *sectionBuilder) begin() {
	b.keys, b.pairs, b.text = b.keys[:0], b.pairs[:0], b.text[:0]
	b.slots.reset()
	b.hashing = true
}

// resume starts with the pairs of an earlier section, whose documents are moved to their new places.
func (b *sectionBuilder) resume(s *section, move moves) {
	b.keys, b.pairs, b.text = append(b.keys[:0], s.keys...), b.pairs[:0], append(b.text[:0], s.text...)
	b.hashing = false // a page changes in a few documents: looking through the pairs is cheaper than hashing all
	for _, g := range s.groups {
		for i := g.from; i < g.to; i++ {
			if docs := move.apply(s.docs[i]); docs != 0 {
				b.pairs = append(b.pairs, pair{mask: s.masks[i], docs: docs, ref: s.refs[i], key: g.key})
			}
		}
	}
}

// add notes that documents have a pair.
func (b *sectionBuilder) add(key, v string, docs uint64) { b.addTo(b.key(key), v, docs) }

func (b *sectionBuilder) addTo(key uint16, v string, docs uint64) {
	if !b.hashing {
		mask := shard.MaskText(v)
		for i := range b.pairs {
			if p := &b.pairs[i]; p.mask == mask && b.is(p, key, v) {
				p.docs |= docs
				return
			}
		}
		b.push(key, v, mask, docs)
		return
	}
	at, found := b.slots.find(maphash.String(b.seed, v)+uint64(key)*0x9e3779b97f4a7c15, func(at int) bool {
		return b.is(&b.pairs[at], key, v)
	})
	if found {
		b.pairs[at].docs |= docs
		return
	}
	b.push(key, v, shard.MaskText(v), docs)
}

func (b *sectionBuilder) is(p *pair, key uint16, v string) bool {
	end := p.ref.start + p.ref.size()
	return p.key == key && string(b.text[end-p.ref.length:end]) == v
}

func (b *sectionBuilder) push(key uint16, v string, mask, docs uint64) {
	r := ref{start: uint32(len(b.text)), length: uint32(len(v)), class: classOf(v)} //nolint:gosec // 64 objects of at most a few MB
	b.pairs = append(b.pairs, pair{mask: mask, docs: docs, key: key, ref: r})
	if r.class == hasUpper {
		for i := range len(v) {
			b.text = append(b.text, foldByte[v[i]])
		}
	}
	b.text = append(b.text, v...)
}

// key is the index of a key; statusKey when there are too many.
func (b *sectionBuilder) key(key string) uint16 {
	// Pairs are sorted and much the same in all objects of a kind, so this is short.
	for i, k := range b.keys {
		if k == key {
			return uint16(i) //nolint:gosec // below maxKeys
		}
	}
	if len(b.keys) == maxKeys {
		return statusKey
	}
	b.keys = append(b.keys, key)
	return uint16(len(b.keys) - 1) //nolint:gosec // below maxKeys
}

// finish makes the section.
func (b *sectionBuilder) finish() section {
	if len(b.pairs) == 0 {
		return section{}
	}
	// Count the pairs of each key; the status is key len(keys).
	n := len(b.keys) + 1
	b.counts = append(b.counts[:0], make([]uint32, n)...)
	live := uint32(0)
	slot := func(key uint16) int { return min(int(key), n-1) }
	for i := range b.pairs {
		b.counts[slot(b.pairs[i].key)]++
		live += b.pairs[i].ref.size()
	}
	b.order = b.order[:0]
	for k, c := range b.counts {
		if c > 0 {
			b.order = append(b.order, uint16(k)) //nolint:gosec // at most maxKeys
		}
	}
	slices.SortFunc(b.order, func(i, j uint16) int {
		if b.counts[i] != b.counts[j] {
			return int(b.counts[i]) - int(b.counts[j])
		}
		return int(i) - int(j)
	})
	s := section{
		groups: make([]group, len(b.order)),
		masks:  make([]uint64, len(b.pairs)), docs: make([]uint64, len(b.pairs)), refs: make([]ref, len(b.pairs)),
	}
	from := uint32(0)
	for i, k := range b.order {
		count := b.counts[k]
		s.groups[i] = group{key: k, from: from, to: from}
		if int(k) == n-1 {
			s.groups[i].key = statusKey
		}
		b.counts[k] = uint32(i) //nolint:gosec // at most maxKeys; from here on the key's group
		from += count
	}
	text := b.text
	if len(b.text) > 2*int(live) { // more is dead than alive
		text = make([]byte, 0, live)
	}
	for i := range b.pairs {
		p := &b.pairs[i]
		g := &s.groups[b.counts[slot(p.key)]]
		if len(b.text) > 2*int(live) {
			v := b.text[p.ref.start : p.ref.start+p.ref.size()]
			p.ref.start = uint32(len(text)) //nolint:gosec // shorter than b.text
			text = append(text, v...)
		}
		s.masks[g.to], s.docs[g.to], s.refs[g.to] = p.mask, p.docs, p.ref
		g.mask |= p.mask
		g.to++
	}
	s.text = string(text)
	if !slices.Equal(b.keys, b.before) {
		b.before = make([]string, len(b.keys))
		for i, k := range b.keys {
			b.before[i] = strings.Clone(k) // not to hold on to an object's strings
		}
	}
	s.keys = b.before
	return s
}

// slots is an open-addressing hash table of the indices 0, 1, 2 … of entries kept elsewhere.
type slots struct {
	table  []slot // a power of two, at most half full
	round  uint32 // slots of other rounds are empty
	length int
}

type slot struct {
	hash  uint32
	round uint32
	index int32
}

func (s *slots) reset() {
	s.length = 0
	if s.round++; s.round == 0 || s.table == nil {
		s.table, s.round = make([]slot, 512), 1
	}
}

// find returns the index of the entry that has this hash and is equal; if there is none, the caller must append
// one, which has the index that the next entry has.
func (s *slots) find(hash uint64, equal func(index int) bool) (index int, found bool) {
	if 2*s.length >= len(s.table) {
		s.grow()
	}
	short := uint32(hash >> 32) //nolint:gosec // half of the hash is meant
	for at := int(short) & (len(s.table) - 1); ; at = (at + 1) & (len(s.table) - 1) {
		e := &s.table[at]
		if e.round != s.round {
			*e = slot{hash: short, round: s.round, index: int32(s.length)} //nolint:gosec // entries of one page
			s.length++
			return s.length - 1, false
		}
		if e.hash == short && equal(int(e.index)) {
			return int(e.index), true
		}
	}
}

func (s *slots) grow() {
	old := s.table
	s.table = make([]slot, 2*len(old))
	for _, e := range old {
		if e.round != s.round {
			continue
		}
		at := int(e.hash) & (len(s.table) - 1)
		for s.table[at].round == s.round {
			at = (at + 1) & (len(s.table) - 1)
		}
		s.table[at] = e
	}
}
