package search

import (
	"hash/maphash"
	"math"
	"unsafe"

	"orka/shard"
	"orka/watch"
)

// page is what the index keeps beside one shard.Page: columns of what queries ask for, laid end to end, so that a
// scan reads memory in order and never follows an object's pointers. (An object out of cache costs more than
// the whole work on its columns.) A page is immutable; successive ones share columns that did not change.
type page struct {
	src  *shard.Page
	mask uint64 // characters that occur in any document

	names     string // all names, end to end
	nameEnd   []uint32
	nameMasks []uint64
	shared    []uint16 // how many bytes each name shares with the one before it
	nameClass class    // of all names together

	fields section // and the Status words
	labels section

	created     []uint32 // Unix seconds, 0 for unknown
	unhealthy   uint64   // documents in this state
	terminating uint64

	annoKeys  []annoKey
	annoMarks []uint64 // fingerprints of key-value pairs, see markAnno
}

// annoKey is one annotation key of a page.
type annoKey struct {
	key  string
	docs uint64
}

// docs is the set of all documents of the page.
func (p *page) docs() uint64 { return ^uint64(0) >> (64 - len(p.nameEnd)) }

// name is the name of document i.
func (p *page) name(i int) string {
	begin := uint32(0)
	if i > 0 {
		begin = p.nameEnd[i-1]
	}
	return p.names[begin:p.nameEnd[i]]
}

// bytes is what the page takes, without what it shares with objects.
func (p *page) bytes() int {
	return int(unsafe.Sizeof(*p)) + len(p.names) + 4*cap(p.nameEnd) + 8*cap(p.nameMasks) + 2*cap(p.shared) +
		p.fields.bytes() + p.labels.bytes() + 4*cap(p.created) +
		int(unsafe.Sizeof(annoKey{}))*cap(p.annoKeys) + 8*cap(p.annoMarks)
}

// markAnno is the fingerprint of an annotation in 64 bits, of which it sets two. An object's mark is that of all
// its annotations together: one that lacks a bit of a wanted pair does not have the pair. Letter case is folded.
func markAnno(key, value string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for _, s := range [...]string{key, "=", value} {
		for _, r := range s {
			h = (h ^ uint64(foldRune(r))) * 1099511628211 //nolint:gosec // a rune is not negative
		}
	}
	h ^= h >> 29
	return 1<<(h&63) | 1<<(h>>6&63)
}

// pageBuilder makes pages; it is the scratch memory of one build.
type pageBuilder struct {
	fields, labels sectionBuilder
	names          []byte
}

func newPageBuilder() *pageBuilder {
	seed := maphash.MakeSeed()
	return &pageBuilder{fields: sectionBuilder{seed: seed}, labels: sectionBuilder{seed: seed}}
}

// build makes the page of src from nothing.
func (b *pageBuilder) build(src *shard.Page) *page {
	p := newPage(src)
	b.fields.begin()
	b.labels.begin()
	b.names = b.names[:0]
	for i, o := range src.Objects {
		b.add(p, i, o)
		p.addName(i, o.Name, shard.MaskText(o.Name), &b.names)
		// Replicas share their label set; taking it apart once is enough.
		if docs := sameBefore(src.LabelSets, i); docs == 0 {
			for k, v := range o.Labels.All() {
				b.labels.add(k, v, 1<<i|sameBehind(src.LabelSets, i))
			}
		}
	}
	b.finish(p)
	return p
}

func newPage(src *shard.Page) *page {
	n := len(src.Objects)
	p := &page{
		src: src, nameEnd: make([]uint32, n), nameMasks: make([]uint64, n), shared: make([]uint16, n),
		created: make([]uint32, n), annoMarks: make([]uint64, n),
	}
	for _, m := range src.Masks {
		p.mask |= m
	}
	return p
}

// sameBefore and sameBehind are the documents before and behind i with the same id.
func sameBefore(ids []uint32, i int) (docs uint64) {
	for j, id := range ids[:i] {
		if id == ids[i] {
			docs |= 1 << j
		}
	}
	return docs
}

func sameBehind(ids []uint32, i int) (docs uint64) {
	for j, id := range ids[i+1:] {
		if id == ids[i] {
			docs |= 1 << (i + 1 + j)
		}
	}
	return docs
}

// add takes in all of document i but its name and labels.
func (b *pageBuilder) add(p *page, i int, o *watch.Object) {
	doc := uint64(1) << i
	if o.Status != "" {
		b.fields.addTo(statusKey, o.Status, doc)
	}
	for key, v := range o.Fields.All() {
		b.fields.add(key, v, doc)
	}
	for key, v := range o.Annos.All() {
		p.annoMarks[i] |= markAnno(key, v)
		p.addAnno(key, doc)
	}
	p.created[i] = uint32(min(max(o.Created, 0), math.MaxUint32)) //nolint:gosec // held in range; good until 2106
	if o.Health == watch.HealthBad {
		p.unhealthy |= doc
	}
	if o.Deleted != 0 {
		p.terminating |= doc
	}
}

func (p *page) addAnno(key string, docs uint64) {
	for i := range p.annoKeys {
		if p.annoKeys[i].key == key {
			p.annoKeys[i].docs |= docs
			return
		}
	}
	p.annoKeys = append(p.annoKeys, annoKey{key, docs})
}

// addName lays the name of document i behind those before it in names.
func (p *page) addName(i int, name string, mask uint64, names *[]byte) {
	begin := uint32(0)
	if i > 1 {
		begin = p.nameEnd[i-2]
	}
	if i > 0 {
		p.shared[i] = uint16(commonPrefix((*names)[begin:], name)) //nolint:gosec // held below 2^16 by commonPrefix
	}
	*names = append(*names, name...)
	p.nameEnd[i] = uint32(len(*names)) //nolint:gosec // 64 names of API objects are far below 4 GiB
	p.nameMasks[i] = mask
	p.nameClass |= classOf(name)
}

func (b *pageBuilder) finish(p *page) {
	p.names = string(b.names)
	p.fields, p.labels = b.fields.finish(), b.labels.finish()
}

// commonPrefix is how many bytes a and b share at their start, up to what a uint16 holds.
func commonPrefix(a []byte, b string) int {
	n := min(len(a), len(b), math.MaxUint16)
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// appendScopePrefix appends what stands before the name in "Kind namespace/name".
func appendScopePrefix(b []byte, kind, namespace string) []byte {
	b = append(append(b, kind...), ' ')
	if namespace != "" {
		b = append(append(b, namespace...), '/')
	}
	return b
}
