package watch_test

import (
	"errors"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestForbiddenAndBack is fault 22: permission is withdrawn in mid-watch and comes back; other kinds don't notice.
func TestForbiddenAndBack(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w, other := r.startLive(podKind), r.startLive(nodeKind)
		r.sim.Inject(sim.Fault{Match: sim.Match{Resource: "pods"}, Action: sim.Forbid{}})
		r.sim.CloseStreams()
		r.await(w, 2*time.Second, "Forbidden", func(s *watch.Status) bool { return s.Phase == watch.Forbidden })
		s := w.Status()
		if !s.Complete || s.Err == "" || r.store.World().Count(podKind) != 20 {
			t.Errorf("status %+v, %d rows; want the rows kept and the denial named", *s, r.store.World().Count(podKind))
		}
		// Asked again after 2, 10 and 50 s, as it had been allowed, and then every 5 minutes.
		r.pass(70 * time.Second)
		s = w.Status()
		if d := time.Until(s.RetryAt); s.Phase != watch.Forbidden || d < 255*time.Second || d > 331*time.Second {
			t.Errorf("%s, retried in %s, want 5 minutes ±10%%", s.Phase, d)
		}
		r.sim.ResetRequests()
		r.pass(4 * time.Minute)
		if n := len(r.requestsOf(sim.Match{Resource: "pods"})); n != 0 {
			t.Errorf("%d requests while forbidden", n)
		}
		if o := other.Status(); !o.Fresh(time.Now()) {
			t.Errorf("another kind suffers: %+v", *o)
		}
		r.sim.Heal()
		r.delete(4)
		r.await(w, 2*time.Minute, "Live", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(podKind)
	})
}

// TestServerThatRefusesWhileItStarts: a server that has just started answers 403 until it has read its rules. What was
// allowed before is not given up for minutes, neither where the list is refused nor where the watch alone is.
func TestServerThatRefusesWhileItStarts(t *testing.T) {
	for _, verb := range []string{"", "watch"} {
		t.Run("verb "+verb, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				w := r.startLive(podKind)
				r.sim.Inject(sim.Fault{Match: sim.Match{Verb: verb, Resource: "pods"}, Action: sim.Forbid{}})
				r.sim.CloseStreams()
				r.await(w, 2*time.Second, "a refusal", func(s *watch.Status) bool { return s.Phase == watch.Forbidden || s.Phase == watch.Polling })
				r.sim.Heal()
				r.delete(4)
				r.await(w, 3*time.Second, "Live", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
				r.settled(podKind)
			})
		})
	}
}

// TestListAllowedWatchDenied polls what may only be listed, and says why.
func TestListAllowedWatchDenied(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch", Resource: "pods"}, Action: sim.Forbid{}})
		w := r.start(podKind)
		r.await(w, 2*time.Second, "Polling", func(s *watch.Status) bool { return s.Phase == watch.Polling })
		if s := w.Status(); !s.Complete || s.Reason != watch.ReasonForbidden || s.Err == "" || s.Fresh(time.Now()) {
			t.Errorf("status %+v", *s)
		}
		r.delete(4)
		r.pass(2 * time.Minute)
		r.agrees(podKind)
		if n := len(r.requests("list", podKind)); n > 4 {
			t.Errorf("%d LISTs in two minutes of polling", n)
		}
		r.sim.Heal()
		r.await(w, 8*time.Minute, "Live", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		if s := w.Status(); s.Err != "" {
			t.Errorf("healthy, and yet %q", s.Err)
		}
	})
}

// TestRetryAsksForARefusedWatch: who has just been given the right to watch says so with a Retry, and need not wait for minutes.
// While the right is missing, a Retry lists and asks for the watch once.
func TestRetryAsksForARefusedWatch(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch", Resource: "pods"}, Action: sim.Forbid{}})
		w := r.start(podKind)
		polling := func(s *watch.Status) bool { return s.Phase == watch.Polling }
		r.await(w, 2*time.Second, "Polling", polling)
		r.sim.ResetRequests()
		w.Retry()
		r.pass(2 * time.Second)
		if l, ws := len(r.requests("list", podKind)), len(r.requests("watch", podKind)); l != 1 || ws == 0 || ws > 2 {
			t.Errorf("%d LISTs and %d WATCHes for a Retry; want one list, and the watch asked for", l, ws)
		}
		if s := w.Status(); !polling(s) || s.Reason != watch.ReasonForbidden || s.Err == "" {
			t.Errorf("refused again, and its status is %+v", *s)
		}
		r.sim.Heal()
		w.Retry()
		r.await(w, 2*time.Second, "Live", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(podKind)
	})
}

// TestWatchAcceptedAndThenRefused has a server that opens each watch and refuses it within the stream: asked ever more
// rarely, with one list for the right that was revoked.
func TestWatchAcceptedAndThenRefused(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 5)
		w := r.startLive(podKind)
		before := len(r.requestsOf(sim.Match{}))
		relists := w.Status().Relists
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.StreamError{Code: 403}})
		r.pass(2 * time.Minute)
		if n := len(r.requestsOf(sim.Match{})) - before; n > 12 {
			t.Errorf("%d requests in two minutes", n)
		}
		if n := w.Status().Relists - relists; n == 0 || n > 3 {
			t.Errorf("%d relists in two minutes", n)
		}
		r.sim.Heal()
		r.pass(6 * time.Minute)
		r.settled(podKind)
	})
}

// TestPolling follows a kind without a watch verb.
func TestPolling(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		k := widgets(t, r, "Gauge", "get", "list")
		if err := r.sim.Create(widget(k, "a")); err != nil {
			t.Fatal(err)
		}
		w := r.start(k)
		r.await(w, 2*time.Second, "Polling", func(s *watch.Status) bool { return s.Phase == watch.Polling })
		if err := r.sim.Create(widget(k, "b")); err != nil {
			t.Fatal(err)
		}
		r.pass(70 * time.Second)
		r.agrees(k)
		r.pass(10 * time.Minute)
		if n := len(r.requests("list", k)); n < 10 || n > 14 {
			t.Errorf("%d LISTs in 11 minutes, want one a minute", n)
		}
		if n := len(r.requests("watch", k)); n != 0 {
			t.Errorf("%d watches of a kind without the verb", n)
		}
	})
}

// TestGone ends Run when the resource is not served any more, and what it brought is not called fresh from then on.
func TestGone(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		w := r.startLive(podKind)
		r.sim.Inject(sim.Fault{Match: sim.Match{Resource: "pods"}, Action: sim.RawBody{Code: 404, ContentType: "text/plain", Body: "404 page not found\n"}})
		r.sim.CloseStreams()
		r.pass(time.Second)
		r.mu.Lock()
		err := r.errs[watch.Scope{Kind: podKind}]
		r.mu.Unlock()
		if !errors.Is(err, watch.ErrGone) {
			t.Errorf("Run returned %v, want ErrGone", err)
		}
		if s := w.Status(); s.Phase != watch.Unavailable || s.Fresh(time.Now()) {
			t.Errorf("after its end: %+v", *s)
		}
	})
}

// TestUnauthorizedRetriesOnceAtOnce is the watcher's part of fault 21: an expired credential costs one failed
// request; a bad one is not hammered.
func TestUnauthorizedRetriesOnceAtOnce(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 5)
		w := r.startLive(podKind)
		r.sim.ResetRequests()
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Times: 1, Action: sim.Status{Code: 401}})
		r.sim.CloseStreams()
		r.pass(1100 * time.Millisecond)
		if g := gaps(r.requests("watch", podKind)); len(g) != 1 || g[0] > 10*time.Millisecond {
			t.Errorf("after one 401: waits %v, want one immediate retry", g)
		}
		r.pass(3 * time.Minute)
		r.sim.ResetRequests()
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "watch"}, Action: sim.Status{Code: 401}})
		r.sim.CloseStreams()
		r.pass(5 * time.Minute)
		if n := len(r.requests("watch", podKind)); n < 8 || n > 30 {
			t.Errorf("%d watches in 5 minutes of 401s", n)
		}
		if s := w.Status(); s.Phase != watch.Backoff || s.Reason != watch.ReasonAuth {
			t.Errorf("status %+v", *s)
		}
	})
}

// TestServerErrorIsUnavailable is fault 23 and 25 as one kind sees them.
func TestServerErrorIsUnavailable(t *testing.T) {
	for _, code := range []int{500, 503} {
		inRig(t, sim.Config{}, func(r *rig) {
			r.cfg.RelistEvery = time.Hour
			r.pods(0, 20)
			w, other := r.startLive(podKind), r.startLive(nodeKind)
			r.sim.Inject(sim.Fault{Match: sim.Match{Resource: "pods"}, Action: sim.Status{Code: code}})
			r.sim.CloseStreams()
			r.await(w, 2*time.Second, "Unavailable", func(s *watch.Status) bool { return s.Phase == watch.Unavailable })
			r.pass(3 * time.Minute)
			if r.store.World().Count(podKind) != 20 || w.Status().Fresh(time.Now()) || !other.Status().Fresh(time.Now()) {
				t.Errorf("%d rows, status %+v, other %+v", r.store.World().Count(podKind), *w.Status(), *other.Status())
			}
			r.sim.Heal()
			r.touch(1)
			r.await(w, 31*time.Second, "Live", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
			r.settled(podKind)
		})
	}
}
