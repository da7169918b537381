package shard

import (
	"bytes"
	"fmt"
	"time"

	"github.com/klauspost/compress/zstd"

	"orka/watch"
)

// scratchBytes is how much working memory a press keeps between blocks.
const scratchBytes = 1 << 20

// press compresses bodies for one worker.
type press struct {
	pool    *bodyPool
	encoder *zstd.Encoder
	plain   []byte // scratch
	packed  []byte // scratch
}

// newPress makes one. The fastest level on blocks of neighbours is within a few percent of slower ones; a window of one
// block and no concurrency keep an encoder under a megabyte.
func (p *bodyPool) newPress() (*press, error) {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(blockBytes),
		zstd.WithLowerEncoderMem(true),
		zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("shard: compressing bodies: %w", err)
	}
	return &press{pool: p, encoder: e}, nil
}

// keep files the bodies of deltas and compresses the blocks they fill.
func (p *press) keep(b *bodies, deltas []watch.Delta) {
	now := time.Now().UnixNano()
	for i := range deltas {
		p.compress(b, b.add(deltas[i].Object, deltas[i].Body, now))
	}
	for _, blk := range b.takeSparse() {
		p.rewrite(b, blk)
	}
	p.pool.bound()
}

// flush compresses the open block although it is not full, together with the last one that met the same fate: a
// kind that changes now and then must not leave a trail of blocks of one.
func (p *press) flush(b *bodies) {
	b.mu.Lock()
	short := b.short
	if b.open == nil {
		b.mu.Unlock()
		return
	}
	merge := short != nil && !short.freed && short.data != nil && !short.sparse && short.live+b.open.live <= blockBodies
	b.short = nil
	b.mu.Unlock()
	if merge {
		p.rewrite(b, short)
	}
	b.mu.Lock()
	blk := b.open
	b.open = nil
	if blk != nil && blk.live == 0 {
		b.release(blk)
		blk = nil
	}
	if blk != nil {
		b.short = blk
	}
	b.mu.Unlock()
	p.compress(b, blk)
	p.pool.bound()
}

// compress presses a block that takes no more bodies; nil is none.
func (p *press) compress(b *bodies, blk *block) {
	if blk == nil {
		return
	}
	b.mu.Lock()
	if blk.freed {
		b.mu.Unlock()
		return
	}
	if blk.live == 0 {
		b.release(blk)
		b.mu.Unlock()
		return
	}
	raw := blk.raw // not written any more
	var wanted [blockBodies]bool
	for i, o := range blk.objects {
		wanted[i] = o != nil
	}
	b.mu.Unlock()

	var ends [blockBodies]uint32
	p.plain = p.plain[:0]
	for i, r := range raw {
		if wanted[i] {
			p.plain = append(p.plain, r...)
		}
		ends[i] = uint32(len(p.plain)) //nolint:gosec // a block is at most one body above blockBytes
	}
	p.packed = p.encoder.EncodeAll(p.plain, p.packed[:0])
	data := bytes.Clone(p.packed)
	if cap(p.plain) > scratchBytes {
		p.plain, p.packed = nil, nil
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	if blk.freed {
		return
	}
	held := blk.held()
	blk.data, blk.raw, blk.ends = data, nil, ends
	b.pool.count(0, blk.held()-held, 0)
	if blk.live < blk.n/2 {
		blk.sparse = true
		b.sparse = append(b.sparse, blk)
	}
}

// rewrite moves the live bodies of a pressed block into the open one.
func (p *press) rewrite(b *bodies, blk *block) {
	b.mu.Lock()
	if blk.freed || blk.data == nil {
		b.mu.Unlock()
		return
	}
	data, total := blk.data, blk.total()
	b.mu.Unlock()
	text, err := b.pool.decompress(data, total)

	b.mu.Lock()
	var full []*block
	if !blk.freed {
		used := blk.used
		for i, o := range blk.objects {
			if o == nil {
				continue
			}
			id, encoding := b.identity(o), blk.encodings[i]
			start, end := blk.span(i)
			b.kill(id, blk, i)
			if err != nil {
				continue // it can't be read: let go, and fetched live
			}
			if f := b.place(id, o, watch.Body{Encoding: encoding, Data: text[start:end:end]}, used); f != nil {
				full = append(full, f)
			}
		}
	}
	b.mu.Unlock()
	for _, f := range full {
		p.compress(b, f)
	}
}
