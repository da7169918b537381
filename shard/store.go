package shard

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"orka/watch"
)

// Store takes deltas and publishes Worlds. It implements watch.Sink. All methods are safe for concurrent use.
type Store struct {
	// immutable
	cfg     Config
	changed chan struct{} // cap 1: a mailbox
	work    chan struct{} // cap Workers: wakes a worker
	pending chan struct{} // cap 1: wakes the publisher
	stopped chan struct{} // closed when Run has ended
	bodies  *bodyPool

	// atomic
	world   atomic.Pointer[World]
	hurry   atomic.Int64 // Unix nanoseconds until which someone waits
	last    atomic.Pointer[PublishStats]
	running atomic.Bool

	mu          sync.Mutex
	kinds       map[*watch.Kind]*kindState
	dirty       []job // first in, first out
	unpublished []*shardState
	firstChange time.Time  // of what is unpublished
	applied     []*barrier // complete with the next publication
	structure   bool       // shards came or went since the last publication

	// owned by the publisher
	order []*shardState // by key
}

// kindState is what the store has of one kind.
type kindState struct {
	kind   *watch.Kind
	bodies *bodies

	// guarded by Store.mu
	shards map[Key]*shardState
	floors atomic.Pointer[floors] // written under Store.mu
}

// shardState is one shard on its way.
type shardState struct {
	kind  *kindState
	key   Key
	queue coalescer

	mu      sync.Mutex // held while building and while freezing
	builder *builder
	oldest  time.Time // earliest arrival among the changes since the last freeze

	// guarded by Store.mu
	unpublished bool
	gone        bool

	// atomic
	published atomic.Pointer[publishedShard]
	lastBuild atomic.Int64 // nanoseconds
}

// publishedShard is a frozen shard with its gauges.
type publishedShard struct {
	shard     *Shard
	bytes     uint64
	labelSets int
}

// NewStore makes a Store; nothing moves before Run.
func NewStore(cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	pool, err := newBodyPool(cfg)
	if err != nil {
		return nil, err
	}
	s := &Store{
		cfg:     cfg,
		changed: make(chan struct{}, 1),
		work:    make(chan struct{}, cfg.Workers),
		pending: make(chan struct{}, 1),
		stopped: make(chan struct{}),
		bodies:  pool,
		kinds:   map[*watch.Kind]*kindState{},
	}
	s.world.Store(newWorld(0, time.Now().Round(0), cfg.Planner, nil))
	return s, nil
}

// World returns the newest World; never nil.
func (s *Store) World() *World { return s.world.Load() }

// Changed is told after each publication; it holds at most one notice, for one reader.
func (s *Store) Changed() <-chan struct{} { return s.changed }

// Hurry publishes at the fast cadence for the next d: someone waits for what is about to arrive.
func (s *Store) Hurry(d time.Duration) {
	s.hurry.Store(time.Now().Add(d).UnixNano())
	post(s.pending)
}

// Put implements watch.Sink: it waits for room, and fails only with ctx, when the store has stopped, or for a delta
// that is not of the kind.
func (s *Store) Put(ctx context.Context, kind *watch.Kind, page []watch.Delta) error {
	var shard *shardState
	for i := range page {
		d := &page[i]
		if err := checkDelta(kind, d); err != nil {
			return err
		}
		if shard == nil || d.Object.Namespace != page[i-1].Object.Namespace { //nolint:gosec // shard is nil at the first
			shard = s.shard(kind, d.Object.Namespace)
		}
		for {
			a := shard.queue.add(d, true)
			if a.schedule {
				s.schedule(job{shard: shard})
			}
			if a.ok {
				break
			}
			if a.gone {
				shard = s.shard(kind, d.Object.Namespace)
				continue
			}
			select {
			case <-a.room:
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-s.stopped:
				return ErrStopped
			}
		}
	}
	return nil
}

// Offer implements watch.Sink: it waits for room at most OfferWait in all, then drops what finds none and counts it.
// The error is that of ctx, of a stopped store, or of a delta that is not of the kind; what was not taken then counts
// as dropped.
func (s *Store) Offer(ctx context.Context, kind *watch.Kind, events []watch.Delta) (dropped int, err error) {
	var timer *time.Timer
	var expired bool
	for i := range events {
		d := &events[i]
		if err := checkDelta(kind, d); err != nil {
			return dropped + len(events) - i, err
		}
		shard := s.shard(kind, d.Object.Namespace)
		for {
			a := shard.queue.add(d, false)
			if a.schedule {
				s.schedule(job{shard: shard})
			}
			if a.ok {
				break
			}
			if a.gone {
				shard = s.shard(kind, d.Object.Namespace)
				continue
			}
			if expired {
				shard.queue.drop(1)
				dropped++
				break
			}
			if timer == nil {
				timer = time.NewTimer(OfferWait)
				defer timer.Stop()
			}
			select {
			case <-a.room:
			case <-timer.C:
				expired = true
			case <-ctx.Done():
				shard.queue.drop(len(events) - i)
				return dropped + len(events) - i, context.Cause(ctx)
			case <-s.stopped:
				return dropped + len(events) - i, ErrStopped
			}
		}
	}
	return dropped, nil
}

func checkDelta(kind *watch.Kind, d *watch.Delta) error {
	if d.Object == nil || d.Object.Kind != kind {
		return fmt.Errorf("shard: a delta handed in for %s holds no object of that kind", kind.ResourceName())
	}
	return nil
}

// Forget removes a kind with all its objects and bodies. It returns once a World without them is published. The
// kind's watchers must have ended: a delta that comes later makes the kind known again.
func (s *Store) Forget(ctx context.Context, kind *watch.Kind) error {
	s.mu.Lock()
	ks := s.kinds[kind]
	if ks == nil {
		s.mu.Unlock()
		return nil
	}
	delete(s.kinds, kind)
	s.structure = true
	b := newBarrier("", 0)
	b.left.Store(1)
	states := make([]*shardState, 0, len(ks.shards))
	for _, shard := range ks.shards {
		shard.gone = true
		states = append(states, shard)
	}
	s.mu.Unlock()
	for _, shard := range states {
		for _, waiting := range shard.queue.close() {
			s.pass(waiting)
		}
	}
	ks.bodies.close()
	s.pass(b)
	return s.await(ctx, b)
}

// shard returns the shard of a namespace, making it when it is new.
func (s *Store) shard(kind *watch.Kind, namespace string) *shardState {
	key := s.cfg.Planner.Plan(kind, namespace)
	s.mu.Lock()
	defer s.mu.Unlock()
	ks := s.kindState(kind)
	shard := ks.shards[key]
	if shard == nil {
		shard = &shardState{kind: ks, key: key, queue: coalescer{capacity: s.cfg.QueueCap}, builder: newBuilder(key)}
		ks.shards[key] = shard
		s.structure = true
	}
	return shard
}

// kindState returns the state of a kind, making it when it is new. s.mu is held.
func (s *Store) kindState(kind *watch.Kind) *kindState {
	ks := s.kinds[kind]
	if ks == nil {
		ks = &kindState{kind: kind, shards: map[Key]*shardState{}, bodies: s.bodies.newBodies()}
		s.kinds[kind] = ks
	}
	return ks
}

// post puts a notice into a mailbox that may hold one already.
func post(mailbox chan struct{}) {
	select {
	case mailbox <- struct{}{}:
	default:
	}
}
