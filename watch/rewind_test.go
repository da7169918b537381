package watch_test

import (
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
