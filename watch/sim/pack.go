package sim

import (
	"fmt"

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
	return &packer{enc, dec}, nil
}

func (p *packer) close() {
	p.dec.Close()
	p.enc.Close()
}

// pack moves the bodies of objs into one block.
func (p *packer) pack(objs []*object) {
	if len(objs) == 0 {
		return
	}
	var plain []byte
	b := &pack{offsets: make([]uint32, 1, len(objs)+1)}
	for _, o := range objs {
		plain = append(plain, o.body...)
		b.offsets = append(b.offsets, uint32(len(plain)))
	}
	b.data = p.enc.EncodeAll(plain, nil)
	for i, o := range objs {
		o.body, o.pack, o.slot = nil, b, int32(i)
	}
}

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
