package watch_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// line is a slow line: what streams say is held up while it is frozen, and comes one event each so often when it thaws.
type line struct {
	watch.Source
	mu    sync.Mutex
	until time.Time
	each  time.Duration
}

func (l *line) freeze(d, each time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until, l.each = time.Now().Add(d), each
}

func (l *line) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	s, err := l.Source.Watch(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	return &lineStream{Stream: s, line: l, done: ctx.Done()}, nil
}

type lineStream struct {
	watch.Stream
	line *line
	done <-chan struct{}
	rest []watch.Event
	err  error
}

func (s *lineStream) Next() ([]watch.Event, error) {
	if len(s.rest) == 0 && s.err == nil {
		s.rest, s.err = s.Stream.Next()
	}
	s.line.mu.Lock()
	wait, slow := time.Until(s.line.until), s.line.each
	s.line.mu.Unlock()
	if wait <= 0 {
		wait = slow
	}
	if wait > 0 {
		select {
		case <-time.After(wait):
		case <-s.done:
		}
	}
	if len(s.rest) <= 1 {
		out := s.rest
		s.rest = nil
		return out, s.err
	}
	out := s.rest[:1]
	s.rest = s.rest[1:]
	return out, nil
}

// change is a write to a pod: from a time on it has a version.
type change struct {
	at      time.Time
	version uint64
}

// changeAll changes every pod at one go.
func (r *rig) changeAll() map[string]change {
	r.t.Helper()
	changed := map[string]change{}
	for i := range 20 {
		r.touch(i)
		changed[pod(i).Name] = change{time.Now(), r.sim.Revision()}
	}
	return changed
}

// freshOnlyWhenTrue looks each second for a while, and fails when the kind is called fresh with a pod as it was more than
// ConfirmWithin ago.
func (r *rig) freshOnlyWhenTrue(w *watch.Watcher, d time.Duration, changed map[string]change) {
	r.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); r.pass(time.Second) {
		if !w.Status().Fresh(time.Now()) {
			continue
		}
		r.must(r.store.Sync(r.ctx)) // what has been taken in is shown a blink later
		for name, c := range changed {
			o := r.store.World().Get(podKind, "default", name)
			if age := time.Since(c.at); number(o) < c.version && age > watch.ConfirmWithin+time.Second {
				r.t.Fatalf("called fresh with %s as it was %s ago: %+v", name, age, *w.Status())
			}
		}
	}
}

// TestBacklogAfterSilence: what a connection delivers after it was silent for long is old, where the watcher was stopped and so
// has not given it up. It confirms once it has caught up with the server, however slow the line is.
func TestBacklogAfterSilence(t *testing.T) {
	for _, each := range []time.Duration{0, time.Second, 3 * time.Second, 6 * time.Second} {
		t.Run(each.String(), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				l, sink := &line{Source: r.client}, &stopped{Sink: r.sink}
				r.sink = sink
				w := r.startOver(podKind, l)
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.pass(time.Second)
				sink.stop(86 * time.Second)
				r.touch(1)
				r.pass(time.Millisecond)
				l.freeze(85*time.Second, each)
				r.freshOnlyWhenTrue(w, 100*time.Second, r.changeAll())
				if s := w.Status(); s.Restarts != 0 {
					t.Errorf("want the same stream: %+v", *s)
				}
				r.freshOnlyWhenTrue(w, 5*time.Minute, r.changeAll())
				if s := w.Status(); s.Relists != 0 || !s.Fresh(time.Now()) {
					t.Errorf("want it fresh, without a relist: %+v", *s)
				}
				r.settled(podKind)
			})
		})
	}
}

// TestSilenceWhileBehind: what comes after a long silence proves nothing of a stream that has yet to catch up, either: a
// bookmark may be as old as the silence.
func TestSilenceWhileBehind(t *testing.T) {
	for _, blind := range []bool{false, true} {
		t.Run(fmt.Sprintf("blind=%t", blind), func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				l, sink := &line{Source: r.client}, &stopped{Sink: r.sink}
				r.sink = sink
				w := r.startOver(podKind, l)
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.must(r.sim.Create(configMap(1, 1)))
				if blind {
					r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Status{Code: 500}})
				}
				w.Suspend()
				l.freeze(3*time.Second, 0)
				r.touch(1) // arrives when the server is known to be beyond it
				for i := range 25 {
					r.must(r.sim.Update(configMap(1, i)))
					r.pass(100 * time.Millisecond)
				}
				sink.stop(68 * time.Second)
				r.pass(time.Second)
				l.freeze(66*time.Second, 0)
				r.pass(60 * time.Second) // a bookmark is on its way
				changed := r.changeAll()
				l.freeze(80*time.Second, 0) // it comes when it would have, and the rest after another silence
				r.freshOnlyWhenTrue(w, 90*time.Second, changed)
				r.sim.Heal()
				r.settled(podKind)
			})
		})
	}
}

// TestLateEnd: a stream that ends in form, but past its deadline, may have ended at any time before it: a server that shuts down
// ends its streams, too. It proves nothing as of the deadline.
func TestLateEnd(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		l := &line{Source: r.client}
		w := r.startOver(podKind, l)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
		r.sim.CloseStreams()
		r.await(w, 5*time.Minute, "short streams, as for a kind without bookmarks", func(s *watch.Status) bool { return s.Restarts >= 3 })
		r.pass(time.Second)
		l.freeze(62*time.Second, 0)
		r.sim.CloseStreams()
		changed := r.changeAll()
		r.freshOnlyWhenTrue(w, 10*time.Second, changed)
		l.freeze(130*time.Second, 0) // the news of the end comes when it would have, and the rest much later
		r.freshOnlyWhenTrue(w, 140*time.Second, changed)
		r.settled(podKind)
	})
}

// TestBacklogAfterOutage is the same for a stream that resumes where one broke off long ago.
func TestBacklogAfterOutage(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.cfg.BackoffMax = 2 * time.Second
		r.pods(0, 20)
		l := &line{Source: r.client}
		w := r.startOver(podKind, l)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.pass(time.Second)
		r.sim.Inject(sim.Fault{Action: sim.Reset{}})
		r.sim.DropConnections()
		changed := r.changeAll()
		r.pass(80 * time.Second)
		l.freeze(0, 3*time.Second)
		r.sim.Heal()
		r.freshOnlyWhenTrue(w, 3*time.Minute, changed)
		if s := w.Status(); s.Relists != 0 || !s.Fresh(time.Now()) {
			t.Errorf("want a resumed watch, fresh: %+v", *s)
		}
		r.settled(podKind)
	})
}

// TestCaughtUpByProof: after an outage in which nothing happened, the server's word for that confirms at once.
func TestCaughtUpByProof(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.Inject(sim.Fault{Action: sim.Reset{}})
		r.sim.DropConnections()
		r.pass(2 * time.Minute)
		if w.Status().Fresh(time.Now()) {
			t.Errorf("fresh in an outage: %+v", *w.Status())
		}
		r.sim.ResetRequests()
		r.sim.Heal()
		r.await(w, 35*time.Second, "watch", func(*watch.Status) bool { return len(r.requests("watch", podKind)) > 0 })
		r.pass(time.Second)
		if s := w.Status(); !s.Fresh(time.Now()) || s.Relists != 0 {
			t.Errorf("nothing has happened, and the server says so: %+v", *s)
		}
		if n := len(r.requests("list", podKind)); n != 1 {
			t.Errorf("%d lists, want one probe", n)
		}
		r.settled(podKind)
	})
}

// TestCaughtUpWithoutProof: a server that can't say where it stands is believed once events have been coming for a while.
func TestCaughtUpWithoutProof(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.must(r.sim.Create(configMap(1, 1)))
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Status{Code: 500}})
		r.sim.ResetRequests()
		w.Suspend()
		r.pass(time.Second)
		r.touch(1)
		r.pass(time.Second)
		if s := w.Status(); s.Phase != watch.Unconfirmed || s.Fresh(time.Now()) {
			t.Errorf("an event alone has confirmed: %+v", *s)
		}
		r.pass(10 * time.Second)
		r.touch(2)
		r.pass(time.Second)
		if s := w.Status(); !s.Fresh(time.Now()) {
			t.Errorf("not fresh, though events have come for 10 s: %+v", *s)
		}
		r.pass(time.Minute)
		if n := len(r.requests("list", podKind)); n > 3 {
			t.Errorf("%d probes, want 1, one for being late, and one for a bookmark that says nothing new", n)
		}
	})
}

// TestSlowList: a list is as of when it began, not of when its last page came.
func TestSlowList(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery, r.cfg.PageLimit = time.Hour, 5
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Delay{For: 25 * time.Second}})
		began := time.Now()
		w := r.startOver(podKind, pagesOnly{r.client})
		r.await(w, 2*time.Minute, "a whole list", func(s *watch.Status) bool { return s.Complete })
		if took := time.Since(began); took < watch.ConfirmWithin {
			t.Fatalf("the list took %s", took)
		}
		if s := w.Status(); s.Fresh(time.Now()) || s.ConfirmedAt.Sub(began) > time.Second {
			t.Errorf("called fresh as of %s after the list began: %+v", s.ConfirmedAt.Sub(began), *s)
		}
		r.await(w, time.Minute, "fresh, as the server has had no change", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(podKind)
	})
}

// TestQuietKindCatchesUp: of a kind in which nothing happens, the next bookmark confirms, and the ones after it.
func TestQuietKindCatchesUp(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.must(r.sim.Create(configMap(1, 1)))
		w.Suspend()
		r.pass(time.Second)
		if s := w.Status(); s.Fresh(time.Now()) {
			t.Errorf("fresh with nothing heard: %+v", *s)
		}
		r.await(w, time.Minute, "a bookmark", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.sim.ResetRequests()
		for range 4 * 60 {
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) {
				t.Fatalf("not fresh between bookmarks: %+v", *s)
			}
		}
		if n := len(r.requests("list", podKind)); n != 0 {
			t.Errorf("%d probes of a stream that keeps up", n)
		}
	})
}

// TestProbeIsOvertaken: a stream may be ahead of the answer to a probe. That is no restore from a backup.
func TestProbeIsOvertaken(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Trickle{BytesPerSecond: 100}})
		w.Suspend()
		for i := range 20 {
			r.pass(time.Second)
			r.touch(i)
		}
		if s := w.Status(); s.Relists != 0 || !s.Fresh(time.Now()) {
			t.Errorf("want it fresh, without a relist: %+v", *s)
		}
		if r.sawPhase(podKind, watch.Diverged) {
			t.Error("taken for a restore from a backup")
		}
		r.settled(podKind)
	})
}
