package watch_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// late is a server whose answers to lists are on their way for a while; streams are not.
type late struct {
	watch.Source
	by time.Duration
}

func (l *late) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	e, err := l.Source.List(ctx, scope, q, emit)
	if late := waitFor(ctx, l.by); late != nil {
		return e, late
	}
	return e, err
}

// TestProbeOverTheSameLine: a line that is slow is so for probes, too. One that stays without an answer, or is answered by what
// is on the way, says nothing about what the stream holds.
func TestProbeOverTheSameLine(t *testing.T) {
	for name, fault := range map[string]sim.Action{
		"no answer": sim.Hang{}, "reset": sim.Reset{}, "too much to do": sim.Status{Code: 429},
		"gateway": sim.Status{Code: 502}, "credential": sim.Status{Code: 401},
	} {
		t.Run(name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				l := &line{Source: r.client}
				w := r.startOver(podKind, l)
				r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.pass(time.Second)
				r.sim.ResetRequests()
				r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Action: fault})
				l.freeze(85*time.Second, 3*time.Second)
				changed := r.changeAll()
				r.freshOnlyWhenTrue(w, 3*time.Minute, changed)
				if n := len(r.requests("list", podKind)); n < 2 || n > 9 {
					t.Errorf("%d probes in three minutes, want of each stream one at once, one after 15 s, and then ever more rarely", n)
				}
				l.freeze(0, 0)
				r.sim.Heal()
				for healed := time.Now(); !w.Status().Fresh(time.Now()) && time.Since(healed) < 100*time.Second; {
					r.touch(1)
					r.freshOnlyWhenTrue(w, time.Second, changed)
				}
				if s := w.Status(); !s.Fresh(time.Now()) {
					t.Errorf("not fresh though the server answers: %+v", *s)
				}
				r.settled(podKind)
			})
		})
	}
}

// TestProbeKeepsToRetryAfter: the time that an answer to a probe names is kept to, whatever the code.
func TestProbeKeepsToRetryAfter(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		r.must(r.sim.Create(configMap(1, 1)))
		r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list"}, Times: 1, Action: sim.Status{Code: 504, RetryAfter: 50 * time.Second}})
		r.sim.ResetRequests()
		w.Suspend()
		r.pass(time.Minute)
		requests := r.requests("list", podKind)
		if g := gaps(requests); len(g) != 1 || g[0] < 50*time.Second {
			t.Errorf("waits between probes %v, want one of 50 s", g)
		}
	})
}

// TestProbeHoldsNoSlotWhileItWaits: kinds of a group that wants no requests for minutes don't keep those of others from listing.
func TestProbeHoldsNoSlotWhileItWaits(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		var broken []*watch.Watcher
		for i := range 2 * watch.MaxLists {
			k := widgets(t, r, fmt.Sprintf("Widget%02d", i))
			broken = append(broken, r.startLive(k))
			r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list", Resource: k.ResourceName()}, Action: sim.Status{Code: 503, RetryAfter: 5 * time.Minute}})
		}
		r.must(r.sim.Create(configMap(1, 1)))
		for _, b := range broken {
			b.Suspend()
		}
		r.pass(3 * time.Second)
		w.Retry()
		r.await(w, time.Second, "a relist of another group", func(s *watch.Status) bool { return s.Relists == 1 && s.Fresh(time.Now()) })
	})
}

// TestProbesDontWaitForLists: a kind that is probed doesn't wait for lists that take long.
func TestProbesDontWaitForLists(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		for i := range 40 {
			r.startOver(widgets(t, r, fmt.Sprintf("Widget%02d", i)), &late{pagesOnly{r.client}, 10 * time.Second})
		}
		r.pass(time.Second)
		w.Suspend()
		r.pass(time.Millisecond)
		start := time.Now()
		for !w.Status().Fresh(time.Now()) {
			if took := time.Since(start); took > 15*time.Second {
				t.Fatalf("not fresh after %s: %+v", took, *w.Status())
			}
			r.touch(3)
			r.pass(time.Second)
		}
	})
}

// TestListsDontWaitForProbes: kinds whose probes hang don't keep others from listing, and are probed ever more rarely.
func TestListsDontWaitForProbes(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		w := r.startLive(podKind)
		var hung []*watch.Watcher
		for i := range 40 {
			k := widgets(t, r, fmt.Sprintf("Hung%02d", i))
			hung = append(hung, r.startLive(k))
			r.sim.Inject(sim.Fault{Match: sim.Match{Verb: "list", Resource: k.ResourceName()}, Action: sim.Hang{}})
		}
		r.must(r.sim.Create(configMap(1, 1)))
		for _, h := range hung {
			h.Suspend()
		}
		r.pass(3 * time.Second)
		w.Retry()
		r.await(w, time.Second, "a list", func(s *watch.Status) bool { return s.Relists == 1 && s.Fresh(time.Now()) })
		r.sim.ResetRequests()
		r.pass(5 * time.Minute)
		if n := len(r.requestsOf(sim.Match{Verb: "list"})); n > 4*40 { // less than one a minute of each
			t.Errorf("%d probes in five minutes", n)
		}
	})
}
