package shard

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"orka/watch"
)

// bodyPool is what the bodies of all kinds share: the counters, the bound, the decoder.
type bodyPool struct {
	// immutable
	seed    maphash.Seed
	limit   uint64 // of held bytes; 0 means none
	decoder *zstd.Decoder

	// atomic
	bodies, held, plain atomic.Int64
	dropped             atomic.Uint64

	evicting sync.Mutex // one at a time; others go on

	mu     sync.Mutex
	kinds  map[*bodies]bool // true: has had an open block since the last flush
	openAt time.Time        // when the first of those was begun; zero when there is none
}

func newBodyPool(cfg Config) (*bodyPool, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(cfg.Workers), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return &bodyPool{seed: maphash.MakeSeed(), limit: cfg.MaxRawBytes, decoder: d, kinds: map[*bodies]bool{}}, nil
}

func (p *bodyPool) newBodies() *bodies {
	b := &bodies{pool: p}
	p.mu.Lock()
	p.kinds[b] = false
	p.mu.Unlock()
	return b
}

func (p *bodyPool) decompress(data []byte, total int) ([]byte, error) {
	return p.decoder.DecodeAll(data, make([]byte, 0, total))
}

// sum tells bodies apart that bear one resourceVersion.
func (p *bodyPool) sum(data []byte) uint32 {
	return uint32(maphash.Bytes(p.seed, data)) //nolint:gosec // half of it is enough
}

// count moves the gauges.
func (p *bodyPool) count(bodies, held, plain int) {
	p.bodies.Add(int64(bodies))
	p.held.Add(int64(held))
	p.plain.Add(int64(plain))
}

// opened notes that b has bodies waiting for their block to fill.
func (p *bodyPool) opened(b *bodies) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.kinds[b]; !ok {
		return
	}
	p.kinds[b] = true
	if p.openAt.IsZero() {
		p.openAt = time.Now()
	}
}

func (p *bodyPool) forget(b *bodies) {
	p.mu.Lock()
	delete(p.kinds, b)
	p.mu.Unlock()
}

// flushDue is when the open blocks are to be compressed as they are, if there are any.
func (p *bodyPool) flushDue() (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.openAt.Add(bodiesWait), !p.openAt.IsZero()
}

// unflushed returns the kinds that may have an open block; they count as flushed from here on.
func (p *bodyPool) unflushed() []*bodies {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*bodies
	for b, open := range p.kinds {
		if open {
			p.kinds[b] = false
			out = append(out, b)
		}
	}
	p.openAt = time.Time{}
	return out
}

// bound drops the least recently used blocks when more is held than allowed, and a tenth more, so that it is not done
// for each block.
func (p *bodyPool) bound() {
	if p.limit == 0 || p.held.Load() <= int64(min(p.limit, math.MaxInt64)) || !p.evicting.TryLock() { //nolint:gosec // bounded
		return
	}
	defer p.evicting.Unlock()
	p.evict(p.limit - p.limit/10)
}

// evict drops least recently used blocks until at most limit bytes are held, as far as pressed blocks go.
func (p *bodyPool) evict(limit uint64) int {
	type candidate struct {
		used   int64
		bodies *bodies
		block  *block
	}
	var all []candidate
	for _, b := range p.all() {
		b.mu.Lock()
		for _, blk := range b.blocks {
			if blk != nil && blk.data != nil {
				all = append(all, candidate{blk.used, b, blk})
			}
		}
		b.mu.Unlock()
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return cmp.Compare(a.used, b.used) })
	n := 0
	for _, c := range all {
		if p.held.Load() <= int64(min(limit, math.MaxInt64)) { //nolint:gosec // bounded
			break
		}
		c.bodies.mu.Lock()
		n += c.bodies.drop(c.block)
		c.bodies.mu.Unlock()
	}
	p.dropped.Add(uint64(n)) //nolint:gosec // a count
	return n
}

func (p *bodyPool) all() []*bodies {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]*bodies, 0, len(p.kinds))
	for b := range p.kinds {
		out = append(out, b)
	}
	return out
}

func (p *bodyPool) dropUnusedSince(t int64) int {
	n := 0
	for _, b := range p.all() {
		b.mu.Lock()
		for _, blk := range b.blocks {
			if blk != nil && blk.data != nil && blk.used < t {
				n += b.drop(blk)
			}
		}
		b.mu.Unlock()
	}
	p.dropped.Add(uint64(n)) //nolint:gosec // a count
	return n
}

func (p *bodyPool) gauges(st *Stats) {
	st.Bodies = int(p.bodies.Load())
	st.RawBytes = uint64(max(0, p.held.Load()))    //nolint:gosec // not negative
	st.PlainBytes = uint64(max(0, p.plain.Load())) //nolint:gosec // not negative
	st.BodiesDropped = p.dropped.Load()
}

// Body returns a copy of the body of o as it was at o's resourceVersion. False means that it has to be fetched: it was
// withheld, dropped, or belongs to another version of the object than o.
func (s *Store) Body(o *watch.Object) (watch.Body, bool) {
	s.mu.Lock()
	ks := s.kinds[o.Kind]
	s.mu.Unlock()
	if ks == nil {
		return watch.Body{}, false
	}
	return ks.bodies.get(o)
}

// DropBodies lets go of bodies that were neither delivered nor looked at since unusedSince, then of the least recently
// used until at most maxBytes are held; math.MaxUint64 holds on to all of them, 0 to none but the few that wait for their
// block to fill. It returns how many bodies were dropped. The World is not affected: a dropped body is fetched
// live when it is looked at.
func (s *Store) DropBodies(unusedSince time.Time, maxBytes uint64) int {
	s.bodies.evicting.Lock()
	defer s.bodies.evicting.Unlock()
	n := 0
	if !unusedSince.IsZero() {
		n += s.bodies.dropUnusedSince(unusedSince.UnixNano())
	}
	if s.bodies.held.Load() > int64(min(maxBytes, math.MaxInt64)) { //nolint:gosec // bounded
		n += s.bodies.evict(maxBytes)
	}
	return n
}
