package watch_test

import (
	"context"
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

// TestChecksKeepNobodyWaiting: checks that hang don't hold up the probe of a kind that has to catch up, nor its own next one.
func TestChecksKeepNobodyWaiting(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		r.must(r.sim.Create(configMap(1, 0)))
		l := &line{Source: r.client}
		w := r.startOver(podKind, l)
		const others = 40
		for range others {
			other := watch.New(r.cfg, watch.Scope{Kind: configKind}, r.client, nowhere{})
			r.wg.Go(func() { _ = other.Run(r.ctx) })
		}
		r.pass(5 * time.Second)
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list", Resource: "configmaps"}, Action: sim.Hang{}})
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

// TestRetryAfterOfACheck: the time that a server wants no check for concerns checks alone: the stream goes on and is resumed, and
// other kinds are listed.
func TestRetryAfterOfACheck(t *testing.T) {
	for _, code := range []int{429, 500, 503} {
		inRig(t, sim.Config{}, func(r *rig) {
			r.cfg.RelistEvery = time.Hour
			r.pods(0, 20)
			w := r.startLive(podKind)
			hit := r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list", Resource: "pods"}, Action: sim.Status{Code: code, RetryAfter: 5 * time.Minute}})
			for i := range 12 * 60 {
				r.touch(i % 20)
				r.pass(time.Second)
				if i%100 == 99 {
					r.sim.CloseStreams()
				}
				if s := w.Status(); !s.Fresh(time.Now()) {
					r.t.Fatalf("%d: after %d s: %+v", code, i, *s)
				}
				if i == 80 {
					r.await(r.start(nodeKind), time.Second, "another kind", func(s *watch.Status) bool { return s.Complete })
				}
			}
			if n := hit.Hits(); n != 3 {
				r.t.Errorf("%d: %d checks in 12 minutes, want one after each time that the server named", code, n)
			}
		})
	}
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
