package shard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Run builds and publishes until ctx ends, then waits for its goroutines and returns nil. It may be called once. It
// returns an error only when a World breaks an invariant (Config.Check), which is then not published.
func (s *Store) Run(ctx context.Context) error {
	if s.running.Swap(true) {
		return errors.New("shard: Run was called twice on one Store; make another with NewStore")
	}
	defer close(s.stopped)
	workers := make([]*worker, s.cfg.Workers)
	for i := range workers {
		workers[i] = &worker{store: s}
		if !s.cfg.KeepBodies {
			continue
		}
		p, err := s.bodies.newPress()
		if err != nil {
			return err
		}
		workers[i].press = p
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range workers {
		g.Go(func() error { return w.run(ctx) })
	}
	g.Go(func() error { return s.publishLoop(ctx) })
	return g.Wait()
}

// publishLoop publishes when it is due. While nothing changes it waits without any timer.
func (s *Store) publishLoop(ctx context.Context) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var last time.Time
	for {
		now := time.Now()
		due, ok := s.due(last)
		if ok && !due.After(now) {
			if err := s.publish(); err != nil {
				return err
			}
			last = time.Now()
			continue
		}
		if flush, open := s.bodies.flushDue(); open {
			if !flush.After(now) {
				for _, b := range s.bodies.unflushed() {
					s.schedule(job{flush: b})
				}
				continue
			}
			if !ok || flush.Before(due) {
				due, ok = flush, true
			}
		}
		timer.Stop()
		if ok {
			timer.Reset(due.Sub(now))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.pending:
		case <-timer.C:
		}
	}
}

// due is when the next World is to be published, if there is anything new: at the fast cadence for the first change
// after a pause and while someone waits, else at the slow one.
func (s *Store) due(last time.Time) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.applied) > 0 && len(s.unpublished) == 0:
		return time.Time{}, true
	case len(s.applied) > 0:
		return last.Add(publishFast), true
	case len(s.unpublished) == 0:
		return time.Time{}, false
	}
	soon, cadence := s.firstChange.Add(publishFast), publishSlow
	if s.hurry.Load() > time.Now().UnixNano() {
		cadence = publishFast
	}
	if next := last.Add(cadence); next.After(soon) {
		return next, true
	}
	return soon, true
}

// publish freezes what changed, composes the World and puts it in place by one atomic store; then it tells.
func (s *Store) publish() error {
	start := time.Now()
	s.mu.Lock()
	changed, barriers, first := s.unpublished, s.applied, s.firstChange
	restructured := s.structure
	s.unpublished, s.applied, s.firstChange, s.structure = nil, nil, time.Time{}, false
	for _, shard := range changed {
		shard.unpublished = false
	}
	if restructured {
		s.order = s.order[:0]
		for _, ks := range s.kinds {
			for _, shard := range ks.shards {
				s.order = append(s.order, shard)
			}
		}
	}
	s.mu.Unlock()
	if restructured {
		slices.SortStableFunc(s.order, func(a, b *shardState) int { return a.key.Compare(b.key) })
	}
	if len(changed) > 0 || restructured {
		if err := s.swap(changed, start, first); err != nil {
			return err
		}
	}
	for _, b := range barriers {
		close(b.done)
	}
	return nil
}

func (s *Store) swap(changed []*shardState, start, first time.Time) error {
	epoch := s.World().Epoch + 1
	var oldest time.Time
	for _, shard := range changed {
		if t := shard.freeze(epoch); !t.IsZero() && (oldest.IsZero() || t.Before(oldest)) {
			oldest = t
		}
	}
	shards := make([]*Shard, 0, len(s.order))
	for _, shard := range s.order {
		if p := shard.published.Load(); p != nil {
			shards = append(shards, p.shard)
		}
	}
	w := newWorld(epoch, start.Round(0), s.cfg.Planner, shards)
	if s.cfg.Check {
		if err := w.Check(); err != nil {
			return fmt.Errorf("shard: a World breaks an invariant and is not published: %w", err)
		}
	}
	stats := &PublishStats{Epoch: epoch, Shards: len(changed), Merge: time.Since(start)}
	s.world.Store(w)
	post(s.changed)
	now := time.Now()
	if !first.IsZero() {
		stats.Swap = now.Sub(first)
	}
	if !oldest.IsZero() {
		stats.Lag = max(0, now.Sub(oldest))
	}
	s.last.Store(stats)
	if f := s.cfg.OnPublish; f != nil {
		f(*stats)
	}
	return nil
}

// freeze makes the shard's newest version the published one and returns the earliest arrival in it.
func (shard *shardState) freeze(epoch uint64) time.Time {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.published.Store(&publishedShard{
		shard:     shard.builder.freeze(epoch),
		bytes:     shard.builder.bytes,
		labelSets: shard.builder.labelSets.live,
	})
	oldest := shard.oldest
	shard.oldest = time.Time{}
	return oldest
}
