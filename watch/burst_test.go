package watch_test

import (
	"testing"
	"time"

	"orka/shard"
	"orka/watch"
	"orka/watch/sim"
)

// TestBurst is fault 27: 50,000 changes a second into a shard that takes its time. What is about the same objects is
// merged on the way, and the last state wins; where there are more objects than the queue holds, the events that are
// dropped lead to a relist. Either way the store ends up with what the server has.
func TestBurst(t *testing.T) {
	const perSecond = 50_000
	for _, test := range []struct {
		name             string
		objects, changes int
		overflows        bool
	}{
		{"of few objects", 500, 12_500, false},
		{"of more objects than the queue holds", 6_000, 12_000, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			slow := shard.Config{KeepBodies: true, Workers: 1, OnBuild: func(s shard.BuildStats) {
				if s.Batch > 0 {
					<-time.After(300 * time.Millisecond)
				}
			}}
			inRigOf(t, sim.Config{History: 100_000}, slow, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				for i := range test.objects {
					r.must(r.sim.Create(configMap(i, 0)))
				}
				w := r.start(configKind)
				r.await(w, 30*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				r.pass(2 * time.Second)
				tick := time.NewTicker(10 * time.Millisecond)
				defer tick.Stop()
				for i := 0; i < test.changes; {
					for range perSecond / 100 {
						r.must(r.sim.Update(configMap(i%test.objects, i)))
						i++
					}
					<-tick.C
				}
				diverged := false
				for range 60 {
					r.pass(time.Second)
					if s := w.Status(); s.Phase == watch.Diverged && s.Fresh(time.Now()) {
						t.Errorf("fresh while Diverged: %+v", *s)
					}
				}
				for _, s := range r.history(configKind) {
					diverged = diverged || s.Phase == watch.Diverged && s.Reason == watch.ReasonOverflow
				}
				s, dropped := w.Status(), r.store.Stats().Dropped
				if diverged != test.overflows || (dropped > 0) != test.overflows || (s.Relists > 0) != test.overflows {
					t.Errorf("%d events dropped, diverged: %v, %d relists; overflow wanted: %v", dropped, diverged, s.Relists, test.overflows)
				}
				r.settled(configKind)
			})
		})
	}
}
