package shard

import (
	"context"
	"slices"
	"time"

	"orka/watch"
)

// job is something for a worker: a shard to build, or a kind whose last bodies are to be compressed.
type job struct {
	shard *shardState
	flush *bodies
}

// worker is one goroutine of the pool with what it alone uses.
type worker struct {
	store *Store
	press *press // compresses bodies; nil when none are kept
}

// schedule hands a job to the workers. A shard is handed over at most once until its worker is done with it
// (coalescer.scheduled), which is what keeps it to one goroutine.
func (s *Store) schedule(j job) {
	s.mu.Lock()
	s.dirty = append(s.dirty, j)
	s.mu.Unlock()
	post(s.work)
}

func (s *Store) next() (job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.dirty) == 0 {
		return job{}, false
	}
	j := s.dirty[0]
	s.dirty[0] = job{}
	if s.dirty = s.dirty[1:]; len(s.dirty) == 0 {
		s.dirty = nil
	}
	return j, true
}

// run works until ctx ends.
func (w *worker) run(ctx context.Context) error {
	for ctx.Err() == nil {
		j, ok := w.store.next()
		switch {
		case ok && j.shard != nil:
			w.build(j.shard)
		case ok:
			w.press.flush(j.flush)
		default:
			select {
			case <-ctx.Done():
			case <-w.store.work:
			}
		}
	}
	return nil
}

// build drains one shard: deltas, then the sweeps that came after them, then the bodies, which nobody waits for.
func (w *worker) build(shard *shardState) {
	entries, sweeps := shard.queue.drain()
	start := time.Now()
	stats := BuildStats{Key: shard.key, Batch: len(entries)}
	floors := shard.kind.floors.Load()
	var keep kept
	for chunk := range slices.Chunk(entries, applyChunk) {
		changed := w.apply(shard, chunk, floors, &keep)
		if stats.Changed += changed; changed > 0 {
			w.store.markUnpublished(shard, start)
		}
	}
	for _, b := range sweeps {
		if n := w.sweep(shard, b); n > 0 {
			keep.stale = true
			stats.Changed += n
			w.store.markUnpublished(shard, start)
		}
		if b.covers(shard.key) {
			w.store.reap(shard)
		}
		w.store.pass(b)
	}
	stats.Took = time.Since(start)
	shard.lastBuild.Store(int64(stats.Took))
	if f := w.store.cfg.OnBuild; f != nil && (stats.Batch > 0 || stats.Changed > 0) {
		f(stats)
	}
	if w.press != nil {
		if keep.stale {
			keep.filter(shard)
		}
		w.press.keep(shard.kind.bodies, keep.deltas)
		post(w.store.pending) // the publisher watches for the flow to pause
	}
	if shard.queue.done() {
		w.store.schedule(job{shard: shard})
	}
}

// kept are the deltas of a batch whose bodies are to be kept.
type kept struct {
	deltas []watch.Delta
	stale  bool // some of them may be gone again
}

// filter leaves only what is still in the shard.
func (k *kept) filter(shard *shardState) {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	k.deltas = slices.DeleteFunc(k.deltas, func(d watch.Delta) bool {
		o := shard.builder.get(d.Object.Namespace, d.Object.Name)
		return o == nil || o.UID != d.Object.UID || o.ResourceVersion != d.Object.ResourceVersion
	})
}

// apply builds deltas and adds those whose body has to be kept to keep. It returns how many objects changed.
func (w *worker) apply(shard *shardState, deltas []watch.Delta, f *floors, keep *kept) int {
	shard.mu.Lock()
	defer shard.mu.Unlock()
	changed := 0
	for i := range deltas {
		d := &deltas[i]
		e := shard.builder.apply(d, f)
		if w.press != nil {
			if e.removed != nil && (d.Op == watch.Deleted || e.removed.UID != d.Object.UID || d.Body.Data == nil) {
				shard.kind.bodies.remove(e.removed)
				keep.stale = true
			}
			if e.verdict != ignored && d.Op == watch.Applied && d.Body.Data != nil {
				keep.deltas = append(keep.deltas, *d)
			}
		}
		if e.verdict != replaced {
			continue
		}
		changed++
		if !d.Arrived.IsZero() && (shard.oldest.IsZero() || d.Arrived.Before(shard.oldest)) {
			shard.oldest = d.Arrived
		}
	}
	return changed
}

func (w *worker) sweep(shard *shardState, b *barrier) int {
	if b.generation == 0 {
		return 0
	}
	shard.mu.Lock()
	defer shard.mu.Unlock()
	n := 0
	shard.builder.sweep(b.namespace, b.generation, func(o *watch.Object) {
		n++
		shard.kind.bodies.remove(o)
	})
	return n
}

// markUnpublished tells the publisher that shard has something new.
func (s *Store) markUnpublished(shard *shardState, at time.Time) {
	s.mu.Lock()
	if !shard.unpublished && !shard.gone {
		shard.unpublished = true
		s.unpublished = append(s.unpublished, shard)
		if s.firstChange.IsZero() {
			s.firstChange = at
		}
	}
	s.mu.Unlock()
	post(s.pending)
}

// reap removes a shard that is empty after a completed list: shards of namespaces long gone must not pile up.
func (s *Store) reap(shard *shardState) {
	shard.mu.Lock()
	idle := shard.builder.len == 0 && len(shard.builder.dead.order) == 0
	shard.mu.Unlock()
	if !idle {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if shard.gone || !shard.queue.closeIdle() {
		return
	}
	shard.gone = true
	delete(shard.kind.shards, shard.key)
	s.structure = true
}
