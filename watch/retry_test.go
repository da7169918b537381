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

// TestRelistInAnOutage: what asks for a list gets one, once there is a server; a person's Retry is about the connection alone.
func TestRelistInAnOutage(t *testing.T) {
	for _, test := range []struct {
		name    string
		ask     func(*watch.Watcher)
		relists bool
	}{
		{"Relist", (*watch.Watcher).Relist, true},
		{"Retry", (*watch.Watcher).Retry, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			inRig(t, sim.Config{}, func(r *rig) {
				r.cfg.RelistEvery = time.Hour
				r.pods(0, 20)
				w := r.startLive(podKind)
				r.sim.Refuse(true)
				r.pass(20 * time.Second)
				if p := w.Status().Phase; p != watch.Backoff {
					t.Fatalf("%s in an outage", p)
				}
				test.ask(w)
				r.pass(time.Millisecond)
				r.sim.Refuse(false)
				r.pass(time.Minute)
				if s := w.Status(); s.Relists > 0 != test.relists || !s.Fresh(time.Now()) {
					t.Errorf("want a relist: %v, and fresh: %+v", test.relists, *s)
				}
				r.settled(podKind)
			})
		})
	}
}
