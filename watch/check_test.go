package watch_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// nowhere takes everything.
type nowhere struct{}

func (nowhere) Put(context.Context, *watch.Kind, []watch.Delta) error          { return nil }
func (nowhere) Offer(context.Context, *watch.Kind, []watch.Delta) (int, error) { return 0, nil }
func (nowhere) Sweep(context.Context, watch.Scope, uint64) error               { return nil }

// TestChecksKeepNobodyWaiting: checks that take long don't hold up the probe of a kind that has to catch up, nor its own next one.
func TestChecksKeepNobodyWaiting(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		r.must(r.sim.Create(configMap(1, 0)))
		l := &line{Source: r.client}
		w := r.startOver(podKind, l)
		const others = 100
		for range others {
			other := watch.New(r.cfg, watch.Scope{Kind: configKind}, r.client, nowhere{})
			r.wg.Go(func() { _ = other.Run(r.ctx) })
		}
		r.pass(5 * time.Second)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list", Resource: "configmaps"}, Action: sim.Delay{For: 9 * time.Second}})
		for i := range 10 * 60 {
			r.must(r.sim.Update(configMap(1, i+1)))
			r.touch(i % 20)
			switch i % 200 {
			case 0:
				w.Suspend()
			case 100:
				l.freeze(70*time.Second, 0)
			}
			r.pass(time.Second)
			if s := w.Status(); i%200 > 5 && !s.Fresh(time.Now()) {
				r.t.Fatalf("%d s after a suspend, and 100 s later a silence of 70 s: %+v", i%200, *s)
			}
		}
		if n := len(r.requests("list", configKind)); n < 10 {
			r.t.Errorf("%d checks of the other kinds", n)
		}
	})
}

// TestRefusedChecks: a server that has too much to do for checks is asked ever more rarely, and what it asks all to wait for, after
// each, keeps other kinds from being listed no longer than that. The stream is fresh meanwhile, also where it is opened anew.
func TestRefusedChecks(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		const after, minutes = 30 * time.Second, 30
		hit := r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list", Resource: "pods"}, Action: sim.Status{Code: 429, RetryAfter: after}})
		var waits []time.Duration
		hits := hit.Hits()
		for i := range minutes * 60 {
			r.touch(i % 20)
			if i%100 == 99 {
				r.sim.CloseStreams()
			}
			r.pass(time.Second)
			if s := w.Status(); !s.Fresh(time.Now()) {
				r.t.Fatalf("after %d s: %+v", i, *s)
			}
			if n := hit.Hits(); n > hits && len(waits) < 3 {
				hits = n
				waits = append(waits, r.await(r.start(nodeKind), after+5*time.Second, "another kind", func(s *watch.Status) bool { return s.Complete }))
			}
		}
		if n := hit.Hits(); n < 4 || n > 7 {
			r.t.Errorf("%d checks in %d minutes", n, minutes)
		}
		if len(waits) < 3 || slices.Max(waits) < after-2*time.Second {
			r.t.Errorf("other kinds waited for %v, and the server wants no request for %s", waits, after)
		}
	})
}

// TestServerThatPauses: a server that says and answers nothing for a while makes no stream look late that was in time.
func TestServerThatPauses(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		requests := &lateLine{Source: r.client, began: time.Now()}
		l := &line{Source: requests}
		w := r.startOver(podKind, l)
		r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		const every, pause = 107, 45
		var confirmed time.Time
		for i := range 40 * every {
			if i%every == 0 {
				l.freeze(pause*time.Second, 0)
				requests.mute = time.Now().Add(pause * time.Second)
			}
			r.touch(i % 20)
			r.pass(time.Second)
			s := w.Status()
			if !s.Fresh(time.Now()) || s.ConfirmedAt.Before(confirmed) {
				r.t.Fatalf("%d s after the server paused, confirmed at %s before: %+v", i%every, confirmed, *s)
			}
			confirmed = s.ConfirmedAt
		}
	})
}
