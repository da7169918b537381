package sim

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// packSize is how many bulk-loaded neighbours are compressed together. Sixteen pods of one kind shrink to
// about a twentieth, and one of them costs a block to read.
const packSize = 16

// pack is a block of compressed bodies: what keeps a hundred thousand loaded objects small.
type pack struct {
	data    []byte
	offsets []uint32 // of each body in the plain bytes; one more than there are bodies
}

// packer compresses blocks. zstd's coders are made once per server: they hold channels, and a test's
// bubble must own those.
type packer struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
	// scratch of pack
	plain, packed []byte
}

func newPacker() (*packer, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return nil, fmt.Errorf("sim: zstd encoder: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2))
	if err != nil {
		return nil, fmt.Errorf("sim: zstd decoder: %w", err)
	}
	return &packer{enc: enc, dec: dec}, nil
}

func (p *packer) close() {
	p.dec.Close()
	_ = p.enc.Close() // it writes nowhere
}

// pack moves the bodies of objs into blocks, neighbours by key together. It is for one goroutine at a time.
func (p *packer) pack(objs []*object) {
	slices.SortFunc(objs, func(a, b *object) int { return strings.Compare(a.key, b.key) })
	for block := range slices.Chunk(objs, packSize) {
		b := &pack{offsets: make([]uint32, 1, len(block)+1)}
		p.plain = p.plain[:0]
		for _, o := range block {
			p.plain = append(p.plain, o.body...)
			b.offsets = append(b.offsets, uint32(len(p.plain)))
		}
		p.packed = p.enc.EncodeAll(p.plain, p.packed[:0])
		b.data = bytes.Clone(p.packed)
		for i, o := range block {
			o.body, o.pack, o.slot = nil, b, int32(i)
		}
	}
}

// batch gathers loaded objects of one collection until they are worth packing.
type batch struct {
	objs  []*object
	bytes int
}

// pack empties a batch.
func (s *Server) pack(b *batch) {
	if !s.cfg.Plain {
		s.packer.pack(b.objs)
	}
	*b = batch{}
}

// packAbove is how many bytes of bodies a batch gathers.
const packAbove = 4 << 20

// reader reads bodies; it keeps the last block it opened, because lists go along neighbours. It is owned
// by one goroutine, and what it returned last is overwritten by the next call that opens another block.
type reader struct {
	p     *packer
	last  *pack
	plain []byte
}

// body returns the stored bytes of o. They are not to be written to, and valid until the next call.
func (r *reader) body(o *object) ([]byte, error) {
	if o.pack == nil {
		return o.body, nil
	}
	if r.last != o.pack {
		plain, err := r.p.dec.DecodeAll(o.pack.data, r.plain[:0])
		if err != nil {
			return nil, fmt.Errorf("sim: stored object %s: %w", o.key, err)
		}
		r.plain, r.last = plain, o.pack
	}
	return r.plain[o.pack.offsets[o.slot]:o.pack.offsets[o.slot+1]], nil
}

// size is the length of the body of o.
func (o *object) size() int {
	if o.pack == nil {
		return len(o.body)
	}
	return int(o.pack.offsets[o.slot+1] - o.pack.offsets[o.slot])
}
