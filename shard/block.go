package shard

import (
	"orka/watch"
)

const (
	// blockBodies is how many bodies are compressed together. Neighbours of one kind share most of their text: measured
	// on 8.7 KB pods, 432 bytes a pod in blocks of 16 against 2,181 alone; a larger block gains little and
	// makes a look-up (which decompresses all of it, 30 µs) dearer.
	blockBodies = 16
	// blockBytes closes a block of large bodies early: beyond it decompressing takes longer than a frame allows.
	blockBytes = 256 << 10
)

// block is a handful of bodies that are compressed together. It is guarded by its bodies' mu.
//
// A block is open while bodies are added to it (raw), full while a worker compresses it (raw, not written any more),
// then pressed (data).
type block struct {
	index   uint32 // in bodies.blocks
	n, live int
	// objects[i] is whose body slot i holds; nil once nobody wants it.
	objects   [blockBodies]*watch.Object
	encodings [blockBodies]watch.Encoding
	sums      [blockBodies]uint32 // bodyPool.sum of the slots
	ends      [blockBodies]uint32 // of the slots, in the uncompressed text
	raw       [][]byte            // nil once pressed
	data      []byte
	plain     int   // bytes of the live bodies
	used      int64 // Unix nanoseconds of the last look-up, or of the last body added
	sparse    bool  // is on the list of blocks to rewrite
	freed     bool
}

// held is the memory a block's bodies take.
func (b *block) held() int {
	if b.raw != nil {
		return b.plain
	}
	return len(b.data)
}

// size is the length of slot i's body.
func (b *block) size(i int) int {
	if b.raw != nil {
		return len(b.raw[i])
	}
	start, end := b.span(i)
	return end - start
}

// span is where slot i lies in the uncompressed text.
func (b *block) span(i int) (start, end int) {
	if i > 0 {
		start = int(b.ends[i-1])
	}
	return start, int(b.ends[i])
}

// total is the length of the uncompressed text of a pressed block.
func (b *block) total() int { return int(b.ends[b.n-1]) }
