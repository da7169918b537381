package watch_test

import (
	"fmt"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestRetryOutlivesItsStream: a person's Retry that waits for a list slot is not forgotten when the stream ends meanwhile.
func TestRetryOutlivesItsStream(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		r.pods(0, 20)
		w := r.startLive(podKind)
		for i := range watch.MaxLists {
			r.startOver(widgets(t, r, fmt.Sprintf("Widget%02d", i)), &late{pagesOnly{r.client}, 20 * time.Second})
		}
		r.pass(time.Second)
		w.Retry()
		r.pass(time.Second)
		r.sim.CloseStreams()
		r.await(w, 40*time.Second, "a relist", func(s *watch.Status) bool { return s.Relists == 1 && s.Fresh(time.Now()) })
		r.pass(5 * time.Minute)
		if n := w.Status().Relists; n != 1 {
			t.Errorf("%d relists, want 1", n)
		}
	})
}
