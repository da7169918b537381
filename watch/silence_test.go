package watch_test

import (
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestHalfOpenHTTP1 is fault 7: a dead connection of which nobody tells us is given up within 66 s; what happened meanwhile
// arrives before there is a doubt.
func TestHalfOpenHTTP1(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.touch(1)
		r.pass(time.Second)
		r.sim.ResetRequests()
		r.sim.StallConnections()
		heard := time.Now()
		r.delete(5)
		r.pods(20, 25)

		for time.Since(heard) < 80*time.Second {
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) {
				t.Fatalf("in doubt though there is a new connection: %+v", *s)
			}
		}
		watches := r.requests("watch", podKind)
		if len(watches) == 0 {
			t.Fatal("no watch after the stall")
		}
		if d := watches[0].At.Sub(heard); d > 66*time.Second {
			t.Errorf("reconnected %s after the last event, want at most 66s", d)
		}
		r.agrees(podKind)
		neverFreshUnheard(r, podKind)
	})
}

// TestHalfOpenForGood is the same where nothing is heard over new connections either.
func TestHalfOpenForGood(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.touch(1)
		r.pass(time.Second)
		r.sim.Inject(sim.Fault{Action: sim.HalfOpen{}})
		r.sim.StallConnections()
		r.delete(5)
		// The last event was a second ago.
		r.await(w, watch.ConfirmWithin-time.Second+50*time.Millisecond, "Unconfirmed", func(s *watch.Status) bool { return s.Phase == watch.Unconfirmed })
		r.pass(5 * time.Minute)
		if s := w.Status(); s.Fresh(time.Now()) {
			t.Errorf("called fresh on no evidence: %+v", *s)
		}
		r.sim.Heal()
		r.await(w, time.Minute, "fresh", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(podKind)
		neverFreshUnheard(r, podKind)
	})
}

// TestHalfOpenHTTP2 is fault 6: the transport's pings notice.
func TestHalfOpenHTTP2(t *testing.T) {
	inRig(t, sim.Config{TLS: true}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		if p := r.requests("watch", podKind)[0].Protocol; p != "HTTP/2.0" {
			t.Fatalf("the watch runs over %s", p)
		}
		r.pass(time.Second)
		r.sim.StallConnections()
		r.delete(5)
		r.await(w, 46*time.Second, "notice", func(s *watch.Status) bool { return s.Phase == watch.Backoff })
		r.await(w, 10*time.Second, "reconnect", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.agrees(podKind)
	})
}

// neverFreshUnheard checks I2 over the whole history of a kind: no status is fresh for longer than 75 s after
// its confirmation, nor in another phase than Live.
func neverFreshUnheard(r *rig, kind *watch.Kind) {
	r.t.Helper()
	for _, s := range r.history(kind) {
		if s.Fresh(s.ConfirmedAt.Add(watch.ConfirmWithin + time.Second)) {
			r.t.Errorf("fresh 76s after its confirmation: %+v", s)
		}
		if s.Phase != watch.Live && s.Fresh(s.ConfirmedAt) {
			r.t.Errorf("fresh in phase %s", s.Phase)
		}
	}
}

// TestNoBookmarksOnIdleKind is fault 10: without bookmarks an idle kind is fresh only by proof. That is a probe which
// finds that the server has had no change at all, then the ends of streams that the server keeps short.
func TestNoBookmarksOnIdleKind(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StopBookmarks{}})
		w := r.startLive(podKind)
		r.pass(76 * time.Second)
		if s := w.Status(); !s.Fresh(time.Now()) {
			t.Errorf("nothing has changed, and the probe proves it: %+v", *s)
		}
		if err := r.sim.Create(configMap(1, 1)); err != nil { // the server's version moves on: a probe proves nothing
			t.Fatal(err)
		}
		r.pass(3 * time.Minute)
		r.sim.ResetRequests()
		for range 15 * 60 {
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) {
				t.Fatalf("not fresh, though streams end in time and in form: %+v", *s)
			}
		}
		if n := len(r.requestsOf(sim.Match{})); n > 2*15 {
			t.Errorf("%d requests in 15 minutes of silence, want at most two a minute", n)
		}
		dead := r.sim.Inject(sim.Fault{Action: sim.HalfOpen{}})
		r.sim.StallConnections()
		r.pass(watch.ConfirmWithin + time.Second)
		if s := w.Status(); s.Fresh(time.Now()) {
			t.Errorf("called fresh on no evidence: %+v", *s)
		}
		dead.Remove()
		r.sim.DropConnections()
		r.touch(3)
		r.await(w, time.Minute, "fresh by an event", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.agrees(podKind)
	})
}

// TestWatchListWithoutEnd is fault 11: it falls back to pages within 30 s, and the next kinds do not wait at all.
func TestWatchListWithoutEnd(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 600)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.DropInitialEnd{}})
		w := r.start(podKind)
		r.await(w, 5*time.Second, "first rows", func(s *watch.Status) bool { return r.store.World().Count(podKind) == 600 })
		if s := w.Status(); s.Complete || s.Phase != watch.Listing {
			t.Errorf("complete before the end of the list: %+v", *s)
		}
		took := r.await(w, 40*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		if took > 31*time.Second {
			t.Errorf("fell back after %s, want 30s", took)
		}
		if s := w.Status(); s.Listed != 600 {
			t.Errorf("status %+v, want 600 listed", *s)
		}
		other := r.start(configKind)
		r.await(other, time.Second, "Live without the wait", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.settled(podKind)
		r.settled(configKind)
	})
}

// TestWatchListThatNeverEnds goes on sending initial events, so that it never falls silent: it has a deadline all the same.
func TestWatchListThatNeverEnds(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 50)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.DropInitialEnd{}})
		w := r.start(podKind)
		start := time.Now()
		for i := 50; w.Status().Phase != watch.Live && time.Since(start) < 10*time.Minute; i++ {
			r.pods(i, i+1)
			r.pass(10 * time.Second)
		}
		if took := time.Since(start); took < 3*time.Minute || took > 3*time.Minute+15*time.Second {
			t.Errorf("fell back after %s, want 3m", took)
		}
		r.settled(podKind)
	})
}

// TestServerThatHangs never answers the watch nor the list: bounded attempts, and back when it answers.
func TestServerThatHangs(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Action: sim.Hang{}})
		w := r.start(podKind)
		r.await(w, 35*time.Second, "back-off", func(s *watch.Status) bool { return s.Phase == watch.Backoff && s.Reason == watch.ReasonSilent })
		r.sim.Heal()
		r.await(w, 3*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.settled(podKind)
	})
}

// TestTricklingList is fault 8: a LIST of a byte a second is given up; the old rows stay.
func TestTricklingList(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 50)
		w := r.startOver(podKind, pagesOnly{r.client})
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: sim.Trickle{BytesPerSecond: 1}})
		w.Retry()
		r.await(w, 65*time.Second, "give up", func(s *watch.Status) bool { return s.Phase == watch.Backoff && s.Reason == watch.ReasonSilent })
		if s := w.Status(); !s.Complete || s.Fresh(time.Now()) || r.store.World().Count(podKind) != 50 {
			t.Errorf("%d rows, status %+v; want 50 stale rows", r.store.World().Count(podKind), *s)
		}
		r.sim.Heal()
		r.await(w, 35*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.settled(podKind)
	})
}

// TestSuspend is the watcher's part of fault 20.
func TestSuspend(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.must(r.sim.Create(configMap(1, 1))) // there may have been changes since, for all that the server's version tells
		w.Suspend()
		r.pass(time.Millisecond)
		if s := w.Status(); s.Phase != watch.Unconfirmed || !s.Suspended || s.Fresh(time.Now()) {
			t.Errorf("after a suspend: %+v", *s)
		}
		r.touch(3)
		r.await(w, 3*time.Second, "fresh by an event", func(s *watch.Status) bool { return s.Fresh(time.Now()) && !s.Suspended })
		if s := w.Status(); s.Relists != 0 {
			t.Errorf("%d relists, want a resumed watch", s.Relists)
		}
		r.settled(podKind)
	})
}

// TestResetBeforeAnswer cuts connections before any answer, for ever: that is no clean close, and is backed off.
func TestResetBeforeAnswer(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.sim.ResetRequests()
		r.sim.Inject(sim.Fault{Action: sim.Reset{}})
		r.sim.CloseStreams()
		r.pass(5 * time.Minute)
		if n := len(r.requestsOf(sim.Match{})); n < 5 || n > 60 { // the transport repeats a GET over a reused connection
			t.Errorf("%d requests in 5 minutes of resets", n)
		}
		if s := w.Status(); s.Phase != watch.Backoff || s.Reason != watch.ReasonNetwork {
			t.Errorf("status %+v", *s)
		}
		r.sim.Heal()
		r.touch(1)
		r.await(w, 31*time.Second, "Live", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(podKind)
	})
}
