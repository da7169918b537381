package shard

import (
	"bytes"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"orka/watch"
)

// bodies keeps the bodies of one kind beside the World. A body is found by the uid of its object and is only handed
// out for the very resourceVersion it belongs to.
type bodies struct {
	pool *bodyPool

	mu     sync.Mutex
	at     map[uint64]uint32 // hash of identity → block index × blockBodies + slot
	blocks []*block          // nil where free
	free   []uint32
	open   *block   // takes the next body; nil when there is none
	short  *block   // the last block that was flushed before it was full
	sparse []*block // to be rewritten
	closed bool
}

// identity is the hash a body is filed under: of the uid, or of the name where a kind has no uids. Two objects of one
// hash take each other's place, which costs a live fetch and never shows a wrong body: the slot knows its object.
func (b *bodies) identity(o *watch.Object) uint64 {
	if o.UID != "" {
		return maphash.String(b.pool.seed, o.UID)
	}
	return maphash.Comparable(b.pool.seed, objectKey{o.Namespace, o.Name})
}

// find returns the slot filed under o's identity. b.mu is held.
func (b *bodies) find(id uint64) (*block, int) {
	at, ok := b.at[id]
	if !ok {
		return nil, 0
	}
	return b.blocks[at/blockBodies], int(at % blockBodies)
}

// belongs reports whether a body filed for a is one of b, whatever the resourceVersion.
func belongs(a, b *watch.Object) bool {
	return a.UID == b.UID && a.Name == b.Name && a.Namespace == b.Namespace
}

// add files a body and returns the block that is full with it, if any: the caller has it compressed.
func (b *bodies) add(o *watch.Object, body watch.Body, now int64) *block {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	id := b.identity(o)
	if blk, i := b.find(id); blk != nil {
		// A server that was restored from a backup gives versions out anew, to other bodies.
		if had := blk.objects[i]; belongs(had, o) && had.ResourceVersion == o.ResourceVersion && o.ResourceVersion != "" &&
			blk.encodings[i] == body.Encoding && blk.sums[i] == b.pool.sum(body.Data) {
			return nil
		}
		b.kill(id, blk, i)
	}
	return b.place(id, o, body, now)
}

// place puts a body into the open block. b.mu is held.
func (b *bodies) place(id uint64, o *watch.Object, body watch.Body, now int64) *block {
	blk := b.open
	if blk == nil {
		blk = &block{raw: make([][]byte, 0, blockBodies)}
		if n := len(b.free); n > 0 {
			blk.index, b.free = b.free[n-1], b.free[:n-1]
			b.blocks[blk.index] = blk
		} else {
			blk.index = uint32(len(b.blocks)) //nolint:gosec // far fewer blocks than objects
			b.blocks = append(b.blocks, blk)
		}
		b.open = blk
		b.pool.opened(b)
	}
	i := blk.n
	blk.objects[i], blk.encodings[i], blk.sums[i] = o, body.Encoding, b.pool.sum(body.Data)
	blk.raw = append(blk.raw, body.Data)
	blk.n++
	blk.live++
	blk.plain += len(body.Data)
	blk.used = now
	if b.at == nil {
		b.at = map[uint64]uint32{}
	}
	b.at[id] = blk.index*blockBodies + uint32(i) //nolint:gosec // below blockBodies
	b.pool.count(1, len(body.Data), len(body.Data))
	if blk.n < blockBodies && blk.plain < blockBytes {
		return nil
	}
	if blk.live < blk.n/2 && blk.plain < blockBytes {
		b.closeRanks(blk)
		return nil
	}
	b.open = nil
	return blk
}

// closeRanks makes room in the open block by taking out its empty slots: an object that changes all the time must not
// fill blocks by itself. b.mu is held.
func (b *bodies) closeRanks(blk *block) {
	n := 0
	for i, o := range blk.objects[:blk.n] {
		if o == nil {
			continue
		}
		b.at[b.identity(o)] = blk.index*blockBodies + uint32(n) //nolint:gosec // below blockBodies
		blk.objects[n], blk.encodings[n], blk.sums[n], blk.raw[n] = o, blk.encodings[i], blk.sums[i], blk.raw[i]
		n++
	}
	clear(blk.objects[n:])
	clear(blk.raw[n:])
	blk.n, blk.raw = n, blk.raw[:n]
}

// kill empties a slot. b.mu is held.
func (b *bodies) kill(id uint64, blk *block, i int) {
	size, held := blk.size(i), blk.held()
	delete(b.at, id)
	blk.objects[i] = nil
	blk.live--
	blk.plain -= size
	if blk == b.open {
		blk.raw[i] = nil
	}
	b.pool.count(-1, blk.held()-held, -size)
	switch {
	case blk == b.open:
	case blk.live == 0:
		b.release(blk)
	case blk.data != nil && !blk.sparse && blk.live < blk.n/2:
		blk.sparse = true
		b.sparse = append(b.sparse, blk)
	}
}

// release frees a block without live bodies. b.mu is held.
func (b *bodies) release(blk *block) {
	b.pool.count(0, -blk.held(), 0)
	blk.freed, blk.data, blk.raw = true, nil, nil
	b.blocks[blk.index] = nil
	b.free = append(b.free, blk.index)
}

// remove forgets the body of an object that is gone.
func (b *bodies) remove(o *watch.Object) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := b.identity(o)
	if blk, i := b.find(id); blk != nil && belongs(blk.objects[i], o) {
		b.kill(id, blk, i)
	}
}

// get returns a copy of the body of o, as it is at o's resourceVersion.
func (b *bodies) get(o *watch.Object) (watch.Body, bool) {
	b.mu.Lock()
	blk, i := b.find(b.identity(o))
	if blk == nil || !belongs(blk.objects[i], o) || blk.objects[i].ResourceVersion != o.ResourceVersion {
		b.mu.Unlock()
		return watch.Body{}, false
	}
	blk.used = time.Now().UnixNano()
	body := watch.Body{Encoding: blk.encodings[i]}
	if blk.raw != nil {
		body.Data = bytes.Clone(blk.raw[i])
		b.mu.Unlock()
		return body, true
	}
	data, total := blk.data, blk.total()
	start, end := blk.span(i)
	b.mu.Unlock()
	text, err := b.pool.decompress(data, total)
	if err != nil {
		return watch.Body{}, false // a body that can't be had is fetched live, as one that was dropped
	}
	body.Data = bytes.Clone(text[start:end])
	return body, true
}

// drop lets go of a pressed block and returns the bodies dropped. b.mu is held.
func (b *bodies) drop(blk *block) int {
	if blk.freed || blk.data == nil {
		return 0
	}
	n := blk.live
	for i, o := range blk.objects {
		if o != nil {
			b.kill(b.identity(o), blk, i)
		}
	}
	if len(b.at) == 0 {
		b.at = nil // Go's maps keep their size
	}
	return n
}

// close lets go of everything, now and later.
func (b *bodies) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, blk := range b.blocks {
		if blk != nil {
			b.pool.count(-blk.live, -blk.held(), -blk.plain)
			blk.freed, blk.data, blk.raw = true, nil, nil
		}
	}
	b.at, b.blocks, b.free, b.open, b.short, b.sparse = nil, nil, nil, nil, nil, nil
	b.closed = true
	b.pool.forget(b)
}

// takeSparse hands out the blocks to rewrite that are still worth it.
func (b *bodies) takeSparse() []*block {
	b.mu.Lock()
	defer b.mu.Unlock()
	taken := slices.DeleteFunc(b.sparse, func(blk *block) bool { return blk.freed })
	b.sparse = nil
	return taken
}
