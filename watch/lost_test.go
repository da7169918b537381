package watch_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestUndecodableObject is fault 26: one object that can't be read is a placeholder; the others, the stream and the
// list do not suffer.
func TestUndecodableObject(t *testing.T) {
	for _, paged := range []bool{false, true} {
		inRig(t, sim.Config{}, func(r *rig) {
			r.cfg.RelistEvery = time.Hour
			r.pods(0, 50)
			r.sim.Inject(sim.Fault{Action: sim.Undecodable{Name: "pod-0007"}})
			var src watch.Source = r.client
			if paged {
				src = pagesOnly{r.client}
			}
			w := r.startOver(podKind, src)
			r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
			r.sim.ResetRequests()
			o := r.store.World().Get(podKind, "default", "pod-0007")
			if o == nil || !o.Undecodable || o.UID == "" || o.ResourceVersion == "" {
				t.Fatalf("placeholder: %+v", o)
			}
			if s := w.Status(); s.Undecodable != 1 || s.Listed != 50 {
				t.Errorf("status %+v, want one undecodable of 50", *s)
			}
			r.touch(7)
			r.touch(8)
			r.pass(2 * time.Minute)
			r.agrees(podKind)
			if n := len(slices.DeleteFunc(r.requestsOf(sim.Match{}), isProbe)); n != 0 {
				t.Errorf("%d requests after an undecodable event, want the stream to go on", n)
			}
			r.sim.Heal()
			r.touch(7)
			r.pass(time.Second)
			if o := r.store.World().Get(podKind, "default", "pod-0007"); o.Undecodable || o.Status != "Running" {
				t.Errorf("after it could be read again: %+v", o)
			}
			r.settled(podKind)
		})
	}
}

// TestUndecodableJSON is the same for a kind without a Go type.
func TestUndecodableJSON(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		k := widgets(t, r, "Widget")
		for _, name := range []string{"a", "b", "c"} {
			if err := r.sim.Create(widget(k, name)); err != nil {
				t.Fatal(err)
			}
		}
		r.sim.Inject(sim.Fault{Action: sim.Undecodable{Name: "b"}})
		w := r.startLive(k)
		if o := r.store.World().Get(k, "default", "b"); o == nil || !o.Undecodable || r.store.World().Count(k) != 3 {
			t.Errorf("placeholder: %+v; %d objects", o, r.store.World().Count(k))
		}
		if s := w.Status(); s.Undecodable != 1 {
			t.Errorf("status %+v", *s)
		}
		r.settled(k)
	})
}

// TestTruncatedFrame is fault 9: half an object is not applied, and the watch resumes where it was.
func TestTruncatedFrame(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.TruncateFrame{}})
		r.touch(3)
		r.await(w, 3*time.Second, "resume", func(s *watch.Status) bool { return s.Restarts == 1 && s.Fresh(time.Now()) })
		if s := w.Status(); s.Relists != 0 {
			t.Errorf("%d relists", s.Relists)
		}
		r.settled(podKind)
	})
}

// TestTruncatedList cuts lists in the middle: nothing is swept on the strength of half a list.
func TestTruncatedList(t *testing.T) {
	for _, paged := range []bool{false, true} {
		inRig(t, sim.Config{}, func(r *rig) {
			r.pods(0, 300)
			var src watch.Source = r.client
			if paged {
				src = pagesOnly{r.client}
			}
			w := r.startOver(podKind, src)
			r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
			r.sim.Inject(sim.Fault{Action: sim.Truncate{After: 20_000}})
			w.Retry()
			for range 20 {
				r.pass(time.Second)
				if n := r.store.World().Count(podKind); n != 300 {
					t.Fatalf("%d pods after half a list, want 300", n)
				}
			}
			r.sim.Heal()
			r.await(w, 31*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
			r.settled(podKind)
		})
	}
}

// TestLostDeleteIsHealed is fault 14: what the server itself lost is repaired by the periodic relist.
func TestLostDeleteIsHealed(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.startLive(podKind)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.DropEvent{Type: "DELETED"}})
		r.delete(3)
		r.pass(time.Minute)
		if r.store.World().Count(podKind) != 20 {
			t.Fatal("the fault did not work")
		}
		r.pass(5 * time.Minute)
		r.agrees(podKind)
	})
}

// TestDuplicatesAndRecreation is fault 15 and 16.
func TestDuplicatesAndRecreation(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.DuplicateEvent{}})
		r.startLive(podKind)
		for i := range 10 {
			r.touch(i)
			r.delete(i)
			r.pods(i, i+1)
		}
		r.delete(15)
		r.settled(podKind)
	})
}

// TestTooLargeResourceVersion is fault 12: a replica that lags behind our checkpoint is listed afresh, at whatever it has,
// and no row goes back.
func TestTooLargeResourceVersion(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		for i := range 20 {
			r.touch(i)
		}
		w := r.startLive(podKind)
		r.sim.ResetRequests()
		highest := map[string]uint64{}
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.TooLarge{}})
		r.sim.CloseStreams()
		for range 10 * 20 {
			r.pass(50 * time.Millisecond)
			for o := range r.store.World().All() {
				if n := number(o); n < highest[o.Name] {
					t.Errorf("%s went back from version %d to %d", o.Name, highest[o.Name], n)
				} else {
					highest[o.Name] = n
				}
			}
		}
		if s := w.Status(); s.Relists != 1 || s.Phase != watch.Live || len(highest) != 20 {
			t.Errorf("%d rows seen, status %+v; want one relist", len(highest), *s)
		}
		if requests := r.requests("watch", podKind); len(requests) != 2 || !hasInitial(requests[1]) || strings.Contains(requests[1].Query, "resourceVersion=") {
			t.Errorf("requests %+v; want the one that fails, and a list at no version", requests)
		}
		r.settled(podKind)
	})
}

// TestRefusedEventDiverges is fault 27 as the loop sees it: a dropped event is never silent.
func TestRefusedEventDiverges(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		g := &gate{Sink: r.store}
		r.sink = g
		r.pods(0, 20)
		w := r.startLive(podKind)
		before := w.Status().Checkpoint
		g.set(func(g *gate) { g.drops = 1 })
		r.touch(3)
		r.await(w, time.Second, "Diverged", func(s *watch.Status) bool { return s.Phase == watch.Diverged })
		if s := w.Status(); s.Checkpoint != before || s.Reason != watch.ReasonOverflow || s.Fresh(time.Now()) {
			t.Errorf("status %+v; the checkpoint was %s", *s, before)
		}
		r.await(w, 3*time.Second, "relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Phase == watch.Live })
		r.settled(podKind)
	})
}

// TestPanicRestartsDiverged is fault 29: a panic in the decoder of a stream or of a list, or in the store, restarts that
// watcher alone.
func TestPanicRestartsDiverged(t *testing.T) {
	for _, test := range []struct {
		name  string
		paged bool
		arm   func(*link, *gate)
		cause func(*rig, *watch.Watcher)
	}{
		{"store", false, func(_ *link, g *gate) { g.set(func(g *gate) { g.panics = 1 }) }, func(r *rig, _ *watch.Watcher) { r.touch(3) }},
		{"decoder of a stream", false, func(l *link, _ *gate) { l.set(func(l *link) { l.panics = 1 }) }, func(r *rig, _ *watch.Watcher) { r.touch(3) }},
		{"decoder of a list", true, func(l *link, _ *gate) { l.set(func(l *link) { l.panics = 1 }) }, func(_ *rig, w *watch.Watcher) { w.Retry() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				g := &gate{Sink: r.store}
				l := &link{Source: r.client, all: &links{held: map[string]time.Time{}}, pagesOnly: test.paged}
				r.sink = g
				r.pods(0, 20)
				other := r.startLive(nodeKind)
				w := r.startOver(podKind, l)
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.pass(time.Second)
				restarts := other.Status().Restarts
				relists := w.Status().Relists
				test.arm(l, g)
				test.cause(r, w)
				r.await(w, time.Second, "Diverged", func(s *watch.Status) bool { return s.Phase == watch.Diverged && s.Reason == watch.ReasonPanic })
				if s := w.Status(); s.Fresh(time.Now()) || r.store.World().Count(podKind) != 20 {
					t.Errorf("%d rows, %+v; want 20 that are not fresh", r.store.World().Count(podKind), *s)
				}
				r.await(w, 3*time.Second, "relist", func(s *watch.Status) bool { return s.Relists > relists && s.Phase == watch.Live })
				if s := other.Status(); s.Restarts != restarts || !s.Fresh(time.Now()) {
					t.Errorf("another kind suffers: %+v", *s)
				}
				r.settled(podKind)
			})
		})
	}
}

// TestPutBlocks holds a list up for ten minutes: the watcher waits, sweeps nothing, and goes on.
func TestPutBlocks(t *testing.T) {
	for _, paged := range []bool{false, true} {
		inRig(t, sim.Config{}, func(r *rig) {
			g := &gate{Sink: r.store}
			r.sink = g
			r.pods(0, 400)
			var src watch.Source = r.client
			if paged {
				src = pagesOnly{r.client}
			}
			shut := make(chan struct{})
			g.set(func(g *gate) { g.shut = shut })
			w := r.startOver(podKind, src)
			other := r.startLive(nodeKind)
			_ = other
			r.pass(10 * time.Minute)
			if s := w.Status(); s.Phase != watch.Listing || s.Complete || s.Attempt != 0 {
				t.Errorf("paged=%v: status %+v, want it to wait in Listing", paged, *s)
			}
			g.set(func(g *gate) { g.shut = nil })
			close(shut)
			r.await(w, time.Minute, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
			r.settled(podKind)
		})
	}
}
