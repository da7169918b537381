package watch_test

import (
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// relisted waits for the relist after a fault, within a second of it.
func relisted(r *rig, w *watch.Watcher, since time.Time, why watch.Reason) {
	r.t.Helper()
	r.await(w, 3*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
	for _, s := range r.history(podKind) {
		if s.Relists == 1 {
			if took := s.Since.Sub(since); took > time.Second {
				r.t.Errorf("relist began %s after the fault, want at most 1s", took)
			}
			break
		}
	}
	for _, s := range r.history(podKind) {
		if s.Reason == why {
			return
		}
	}
	r.t.Errorf("no status with reason %s", why)
}

// Test410AtWatchStart is fault 1: HTTP 200, then an ERROR event with code 410.
func Test410AtWatchStart(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 50)
		w := r.startLive(podKind)
		r.sim.Refuse(true)
		r.pass(time.Millisecond)
		r.delete(7)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.StreamError{Code: 410}})
		r.sim.Refuse(false)
		r.await(w, 2*time.Second, "watch again", func(s *watch.Status) bool { return s.Reason == watch.ReasonExpired })
		relisted(r, w, time.Now(), watch.ReasonExpired)
		r.settled(podKind)
	})
}

// TestHTTP410 is fault 2.
func TestHTTP410(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 50)
		w := r.startLive(podKind)
		r.sim.Refuse(true)
		r.pass(time.Millisecond)
		r.delete(7)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.Status{Code: 410}})
		r.sim.Refuse(false)
		r.await(w, 2*time.Second, "watch again", func(s *watch.Status) bool { return s.Reason == watch.ReasonExpired })
		relisted(r, w, time.Now(), watch.ReasonExpired)
		r.settled(podKind)
	})
}

// Test410MidStreamSweepsDeletes is fault 3: what was deleted while events were lost is gone after the relist.
func Test410MidStreamSweepsDeletes(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 200)
		w := r.startLive(podKind)
		lost := r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.DropEvent{Type: "DELETED"}})
		for i := 50; i < 80; i++ {
			r.delete(i)
		}
		r.pass(time.Second)
		if n := r.store.World().Count(podKind); n != 200 || lost.Hits() != 30 {
			t.Fatalf("%d pods after %d lost deletes: the fault did not work", n, lost.Hits())
		}
		r.sim.Heal()
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.StreamError{Code: 410}})
		relisted(r, w, time.Now(), watch.ReasonExpired)
		if n := r.store.World().Count(podKind); n != 170 {
			t.Errorf("%d pods after the relist, want 170: deletes in the gap were not swept", n)
		}
		r.settled(podKind)
	})
}

// TestCompactionWhileAway is the plain way to a 410: the history we would resume from is gone.
func TestCompactionWhileAway(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.Refuse(true)
		r.pass(time.Minute)
		r.delete(3)
		r.pods(20, 30)
		if err := r.sim.Compact(r.sim.Revision()); err != nil {
			t.Fatal(err)
		}
		r.sim.Refuse(false)
		r.await(w, 40*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
		r.settled(podKind)
	})
}

// TestRepeated410BacksOff holds I5: a server that answers 410 for ever is not relisted in a loop.
func TestRepeated410BacksOff(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.ResetRequests()
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StreamError{Code: 410}})
		r.pass(5 * time.Minute)
		if n := len(r.requests("watch", podKind)); n < 5 || n > 40 {
			t.Errorf("%d watches in 5 minutes of 410s, want a few, backed off", n)
		}
		r.sim.Heal()
		r.await(w, time.Minute, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.settled(podKind)
	})
}

// TestContinueExpires is fault 17: on page k, once and twice; what the abandoned list had seen and has gone
// since is swept, what it had not seen is not.
func TestContinueExpires(t *testing.T) {
	for _, test := range []struct {
		name        string
		times       int
		lists       int // requests of the relist
		unpagedLast bool
	}{
		{"never", 0, 7, false},
		{"once", 1, 3 + 7, false},
		{"twice", 3, 3 + 2 + 1, true}, // the fault counts the restart's first page, too
	} {
		t.Run(test.name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.PageLimit = 100
				r.pods(0, 650)
				w := r.startOver(podKind, pagesOnly{r.client})
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.sim.ResetRequests()
				if test.times > 0 {
					r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Skip: 2, Times: test.times, Action: sim.ExpireContinue{}})
				}
				w.Retry()
				r.await(w, 20*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
				lists := r.requests("list", podKind)
				if len(lists) != test.lists {
					t.Errorf("%d LISTs, want %d", len(lists), test.lists)
				}
				if last := lists[len(lists)-1]; (last.Query == "") != test.unpagedLast {
					t.Errorf("last LIST has query %q; unpaged wanted: %v", last.Query, test.unpagedLast)
				}
				if n := r.store.World().Count(podKind); n != 650 {
					t.Errorf("%d pods after the relist, want 650", n)
				}
				r.settled(podKind)
			})
		})
	}
}
