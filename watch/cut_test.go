package watch_test

import (
	"context"
	"fmt"
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
	inForm    bool
}

func (c cutting) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	s, err := c.Source.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	out := &cutStream{Stream: s, idle: c.idle, err: io.ErrUnexpectedEOF}
	if c.inForm {
		out.err = io.EOF
	}
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
	err    error // when it was cut
	broken atomic.Bool
}

func (s *cutStream) cut() {
	s.broken.Store(true)
	s.Stream.Close()
}

func (s *cutStream) Next() ([]watch.Event, error) {
	events, err := s.Stream.Next()
	if s.broken.Load() {
		return nil, s.err
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
	for _, inForm := range []bool{false, true} {
		for _, idle := range []time.Duration{20 * time.Second, 29 * time.Second, 35 * time.Second, 45 * time.Second, 55 * time.Second, 58 * time.Second, 60 * time.Second} {
			t.Run(fmt.Sprintf("%s, in form %t", idle, inForm), func(t *testing.T) {
				inRig(t, sim.Config{}, func(r *rig) {
					r.cfg.RelistEvery = 24 * time.Hour
					r.pods(0, 20)
					r.must(r.sim.Create(configMap(1, 0)))
					w := r.startOver(podKind, cutting{r.client, idle, time.Hour, inForm})
					r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
					r.freshBehindProxy(w, false)
				})
			})
		}
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
				w := r.startOver(podKind, cutting{r.client, time.Hour, old, false})
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
	if streams > 5*minutes || lists > minutes { // the lists are probes
		r.t.Errorf("%d streams and %d lists in %d minutes", streams, lists, minutes)
	}
	r.settled(podKind)
}

// TestLongListBehindCutter: streams are kept shorter than what a proxy cuts, but not those that list: one that has more to send than
// fits would look like one of which the end is swallowed.
func TestLongListBehindCutter(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 600)
		r.must(r.sim.Create(configMap(1, 1)))
		w := r.startOver(podKind, cutting{r.client, 35 * time.Second, time.Hour, false})
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.pass(5 * time.Minute)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.Trickle{BytesPerSecond: 1700}})
		w.Retry()
		took := r.await(w, 3*time.Minute, "relist", func(s *watch.Status) bool { return s.Relists > 0 && s.Phase == watch.Live })
		if lists := r.lists(podKind); len(lists) > 0 || took < 40*time.Second {
			t.Errorf("relisted in %s, by %d LISTs; want a streamed list that is longer than streams are", took, len(lists))
		}
		r.sim.Heal()
		for range 60 { // nor is the stream that was the list's cut later on
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) {
				t.Fatalf("%+v", *s)
			}
		}
		r.settled(podKind)
	})
}
