package watch_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// full is a store that, so many times, has no room for an event for as long as the caller will wait.
type full struct {
	watch.Sink
	times atomic.Int32
}

func (f *full) Offer(ctx context.Context, kind *watch.Kind, events []watch.Delta) (int, error) {
	if f.times.Add(-1) >= 0 {
		<-ctx.Done()
		return len(events), context.Cause(ctx)
	}
	return f.Sink.Offer(ctx, kind, events)
}

// TestSuspendWhileTheStoreIsFull: the machine sleeps while an event waits to be stored. The watch resumes before that
// event, not behind it.
func TestSuspendWhileTheStoreIsFull(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		f := &full{Sink: r.store}
		r.sink = f
		r.pods(0, 20)
		w := r.startLive(podKind)
		f.times.Store(1)
		r.delete(3)
		r.pass(time.Second)
		if n := r.store.World().Count(podKind); n != 20 {
			t.Fatalf("%d pods: the event did not wait", n)
		}
		w.Suspend()
		r.await(w, 5*time.Second, "fresh by the event", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.agrees(podKind)
		if s := w.Status(); s.Relists != 0 {
			t.Errorf("%d relists, want the watch to be resumed", s.Relists)
		}
	})
}

// TestSuspendBetweenAttempts: a suspend that is noticed while no request runs counts all the same, and ends the wait.
func TestSuspendBetweenAttempts(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 5)
		var w *watch.Watcher
		var armed atomic.Bool
		note := r.cfg.OnStatus
		r.cfg.OnStatus = func(s *watch.Status) { // called by the watcher itself, between an attempt and the wait that follows it
			note(s)
			if s.Phase == watch.Backoff && armed.CompareAndSwap(true, false) {
				w.Suspend()
			}
		}
		w = r.startLive(podKind)
		armed.Store(true)
		r.sim.Refuse(true)
		r.await(w, time.Second, "Backoff", func(s *watch.Status) bool { return s.Phase == watch.Backoff })
		if armed.Load() {
			t.Fatal("the suspend did not take place")
		}
		if s := w.Status(); !s.Suspended || s.Fresh(time.Now()) {
			t.Errorf("after a suspend: %+v", *s)
		}
		r.sim.Refuse(false)
		r.touch(1)
		r.await(w, 31*time.Second, "fresh by an event", func(s *watch.Status) bool { return s.Fresh(time.Now()) && !s.Suspended })
		r.settled(podKind)
	})
}

// TestSleepOfEightHours is fault 20: the connections are dead and the server's history is gone when the machine wakes.
// Nothing is called fresh until the server has been asked anew, and what was deleted meanwhile goes.
func TestSleepOfEightHours(t *testing.T) {
	for _, tls := range []bool{false, true} {
		inRig(t, sim.Config{TLS: tls}, func(r *rig) {
			r.pods(0, 50)
			w, other := r.startLive(podKind), r.startLive(nodeKind)
			r.pass(time.Minute)
			r.sim.StallConnections()
			for i := range 20 {
				r.delete(i)
			}
			r.touch(30)
			r.must(r.sim.Compact(r.sim.Revision()))
			heard := map[*watch.Kind]int{podKind: len(r.history(podKind)), nodeKind: len(r.history(nodeKind))}
			woken := time.Now()
			w.Suspend()
			other.Suspend()
			r.client.CloseIdle()
			// Over HTTP/2 it is the transport's ping that finds the connection dead.
			for _, w := range []*watch.Watcher{w, other} {
				r.await(w, 46*time.Second, "fresh", func(s *watch.Status) bool { return s.Fresh(time.Now()) && !s.ConfirmedAt.Before(woken.Round(0)) })
			}
			r.agrees(podKind)
			for kind, n := range heard {
				since := r.history(kind)[n:]
				if len(since) == 0 || !since[0].Suspended {
					t.Errorf("%s: not told at once that the machine slept", kind)
				}
				for _, s := range since {
					if s.Fresh(time.Now()) && s.ConfirmedAt.Before(woken.Round(0)) {
						t.Errorf("fresh by what was heard before the sleep: %+v", s)
					}
				}
			}
			r.settled(podKind)
			r.settled(nodeKind)
		})
	}
}
