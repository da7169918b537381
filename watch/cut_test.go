package watch_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// cutting is a proxy that cuts a stream which has said nothing for a while, or which is old.
type cutting struct {
	watch.Source
	idle, old time.Duration
}

func (c cutting) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	s, err := c.Source.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	out := &cutStream{Stream: s, idle: c.idle}
	out.timer = time.AfterFunc(min(c.idle, c.old), out.cut)
	if c.old < c.idle {
		out.idle = 0
	}
	return out, nil
}

type cutStream struct {
	watch.Stream
	idle   time.Duration // 0: what it says is of no use to it
	timer  *time.Timer
	broken atomic.Bool
}

func (s *cutStream) cut() {
	s.broken.Store(true)
	s.Stream.Close()
}

func (s *cutStream) Next() ([]watch.Event, error) {
	events, err := s.Stream.Next()
	if s.broken.Load() {
		return nil, io.ErrUnexpectedEOF
	}
	if err == nil && s.idle > 0 {
		s.timer.Reset(s.idle)
	}
	return events, err
}

func (s *cutStream) Close() error {
	s.timer.Stop()
	return s.Stream.Close()
}

// TestProxyThatCutsIdleStreams: a quiet kind of which no bookmark can come is fresh all the same.
func TestProxyThatCutsIdleStreams(t *testing.T) {
	for _, idle := range []time.Duration{35 * time.Second, 45 * time.Second, 55 * time.Second, 60 * time.Second} {
		t.Run(idle.String(), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = 24 * time.Hour
				r.pods(0, 20)
				r.must(r.sim.Create(configMap(1, 0)))
				w := r.startOver(podKind, cutting{r.client, idle, time.Hour})
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.freshBehindProxy(w, false)
			})
		})
	}
}

// TestProxyThatCutsOldStreams: a kind in which things happen is fresh although its streams break off all the time, without
// the wait that a server in trouble is given.
func TestProxyThatCutsOldStreams(t *testing.T) {
	for _, old := range []time.Duration{20 * time.Second, 30 * time.Second, 60 * time.Second} {
		t.Run(old.String(), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = 24 * time.Hour
				r.pods(0, 20)
				r.must(r.sim.Create(configMap(1, 0)))
				w := r.startOver(podKind, cutting{r.client, time.Hour, old})
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.freshBehindProxy(w, true)
			})
		})
	}
}

// freshBehindProxy looks each second of half an hour, while other kinds change and this one perhaps: after the first minutes,
// in which it learns, the kind is fresh but for the moments between two streams.
func (r *rig) freshBehindProxy(w *watch.Watcher, busy bool) {
	r.t.Helper()
	const learning, minutes = 5 * 60, 30
	stale := 0
	for i := range minutes * 60 {
		r.must(r.sim.Update(configMap(1, i+1)))
		if busy {
			r.touch(i % 20)
		}
		r.pass(time.Second)
		if i == learning {
			r.sim.ResetRequests()
		}
		if i > learning && !w.Status().Fresh(time.Now()) {
			stale++
		}
	}
	streams, lists := len(r.requests("watch", podKind)), len(r.requests("list", podKind))
	r.t.Logf("not fresh for %d of %d s, %d streams, %d lists", stale, minutes*60-learning, streams, lists)
	if stale > (minutes*60-learning)/8 {
		r.t.Errorf("not fresh for %d of %d s: %+v", stale, minutes*60-learning, *w.Status())
	}
	if streams > 3*minutes || lists > minutes { // the lists are probes
		r.t.Errorf("%d streams and %d lists in %d minutes", streams, lists, minutes)
	}
	r.settled(podKind)
}
