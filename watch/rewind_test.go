package watch_test

import (
	"fmt"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestRewind is fault 13: a server restored from a backup accepts a watch from the future and filters everything it
// sends. Within three minutes the watcher has found out and listed anew.
func TestRewind(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 30)
		for i := range 100 {
			r.touch(i % 30)
		}
		w := r.startLive(podKind)
		generation := w.Status().Generation

		backup := sim.New(sim.Config{Seed: 1})
		r.replace(backup)
		r.pods(0, 20)
		r.touch(3)
		r.await(w, 3*time.Minute, "new generation", func(s *watch.Status) bool {
			return s.Generation > generation && s.Phase == watch.Live
		})
		rewound := false
		for _, s := range r.history(podKind) {
			rewound = rewound || (s.Phase == watch.Diverged && s.Reason == watch.ReasonRewound)
		}
		if !rewound {
			t.Errorf("never Diverged for being rewound")
		}
		r.settled(podKind)
	})
}

// TestVersionsGivenOutAnew: after a restore the server gives out the versions that are lost for other states of the same
// objects. A version that is known is then not the state that is known.
func TestVersionsGivenOutAnew(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		write := func(i, n int) {
			p := pod(i)
			p.Labels["n"] = fmt.Sprint(n)
			r.must(r.sim.Update(p))
			c := configMap(i, n) // of which nothing but the body differs
			r.must(r.sim.Update(c))
		}
		r.pods(0, 10)
		for i := range 10 {
			r.must(r.sim.Create(configMap(i, 0)))
		}
		r.startLive(podKind)
		r.startLive(configKind)
		backup := r.sim.Revision()
		for i := range 3 {
			write(i, 1)
		}
		r.settled(podKind)
		r.settled(configKind)
		r.must(r.sim.Rewind(backup))
		for i := range 3 {
			write(i, 2)
		}
		r.pass(70 * time.Minute) // nothing tells a client: the server has caught up. The relist must
		r.settled(podKind)
		r.settled(configKind)
	})
}
