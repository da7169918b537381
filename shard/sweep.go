package shard

import (
	"context"
	"sync/atomic"

	"orka/watch"
)

// barrier is a Sweep (generation above 0) or a Sync on its way through the shards. It is done once every shard it was
// queued in has passed it and what they held is published.
type barrier struct {
	namespace  string // of the sweep; "" means all
	generation uint64
	left       atomic.Int64 // shards still to pass it
	done       chan struct{}
}

func newBarrier(namespace string, generation uint64) *barrier {
	return &barrier{namespace: namespace, generation: generation, done: make(chan struct{})}
}

// covers reports whether the barrier is the end of a list that covered all of a shard.
func (b *barrier) covers(key Key) bool {
	return b.generation > 0 && (b.namespace == "" || b.namespace == key.Namespace)
}

// Sweep implements watch.Sink. It fails only with ctx or when the store has stopped; the sweep then takes place all the
// same as long as the store runs.
func (s *Store) Sweep(ctx context.Context, scope watch.Scope, generation uint64) error {
	s.mu.Lock()
	ks := s.kindState(scope.Kind)
	// At once, so that shards made from here on have it too. What is still queued from before the list would be swept
	// anyway.
	ks.floors.Store(ks.floors.Load().raise(scope.Namespace, generation))
	var shards []*shardState
	if scope.Namespace != "" {
		if shard := ks.shards[s.cfg.Planner.Plan(scope.Kind, scope.Namespace)]; shard != nil {
			shards = append(shards, shard)
		}
	} else {
		for _, shard := range ks.shards {
			shards = append(shards, shard)
		}
	}
	s.mu.Unlock()
	return s.barrier(ctx, newBarrier(scope.Namespace, generation), shards)
}

// Sync returns once a World with everything accepted before the call is published.
func (s *Store) Sync(ctx context.Context) error {
	s.mu.Lock()
	var shards []*shardState
	for _, ks := range s.kinds {
		for _, shard := range ks.shards {
			shards = append(shards, shard)
		}
	}
	s.mu.Unlock()
	return s.barrier(ctx, newBarrier("", 0), shards)
}

func (s *Store) barrier(ctx context.Context, b *barrier, shards []*shardState) error {
	b.left.Store(int64(len(shards)) + 1) // one for this function
	for _, shard := range shards {
		ok, schedule := shard.queue.addBarrier(b)
		if schedule {
			s.schedule(job{shard: shard})
		}
		if !ok {
			s.pass(b)
		}
	}
	s.pass(b)
	return s.await(ctx, b)
}

// pass counts one shard down; the last one leaves the rest to the publisher.
func (s *Store) pass(b *barrier) {
	if b.left.Add(-1) > 0 {
		return
	}
	s.mu.Lock()
	s.applied = append(s.applied, b)
	s.mu.Unlock()
	post(s.pending)
}

func (s *Store) await(ctx context.Context, b *barrier) error {
	select {
	case <-b.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.stopped:
		return ErrStopped
	}
}
