package watch_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// relisted waits for the relist after a fault, which the server must have been asked for within a second of it.
func relisted(r *rig, w *watch.Watcher, since time.Time, why watch.Reason) {
	r.t.Helper()
	r.await(w, 3*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
	lists := slices.DeleteFunc(r.requests("watch", podKind), func(q sim.Request) bool { return !hasInitial(q) || q.At.Before(since.Add(-100*time.Millisecond)) })
	if len(lists) != 1 || lists[0].At.Sub(since) > time.Second {
		r.t.Errorf("lists after the fault, at %s: %+v; want one within 1s", since, lists)
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

// Test410OfCustomResources is fault 1 and 3 for a kind that travels as JSON.
func Test410OfCustomResources(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		gadget := widgets(t, r, "Gadget")
		for _, name := range []string{"a", "b", "c"} {
			r.must(r.sim.Create(widget(gadget, name)))
		}
		w := r.startLive(gadget)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.DropEvent{Type: "DELETED"}})
		r.must(r.sim.Delete(gvrOf(gadget), "default", "b"))
		r.pass(time.Second)
		r.sim.Heal()
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.StreamError{Code: 410}})
		r.await(w, 3*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
		if s := w.Status(); s.Reason != watch.ReasonExpired {
			t.Errorf("reason %s, want Expired", s.Reason)
		}
		r.settled(gadget)
	})
}

// lagging is a server whose replicas are not at one version: so many times, the later pages of a list come from one that
// does not know their objects yet.
type lagging struct {
	watch.Source
	times atomic.Int32
}

func (l *lagging) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	if q.Continue == "" || l.times.Add(-1) < 0 {
		return l.Source.List(ctx, scope, q, emit)
	}
	end, err := l.Source.List(ctx, scope, q, func([]watch.Delta) error { return nil })
	end.ResourceVersion, end.Continue = "1", ""
	return end, err
}

// TestPagesOfTwoVersions: what one replica shows and the next one does not is not swept.
func TestPagesOfTwoVersions(t *testing.T) {
	for _, times := range []int32{1, 2} {
		inRig(t, sim.Config{}, func(r *rig) {
			r.cfg.PageLimit = 100
			r.pods(0, 250)
			src := &lagging{Source: pagesOnly{r.client}}
			w := r.startOver(podKind, src)
			r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
			src.times.Store(times)
			w.Retry()
			r.await(w, 20*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
			if n := r.store.World().Count(podKind); n != 250 {
				t.Errorf("%d pods after a list of two versions, want 250", n)
			}
			r.settled(podKind)
		})
	}
}
