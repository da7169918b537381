package watch_test

import (
	"testing"

	"orka/watch"
	"orka/watch/sim"
)

func TestListThenLive(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 700)
		w := r.startLive(podKind)
		r.pods(700, 710)
		r.touch(3)
		r.delete(4)
		r.settled(podKind)
		s := w.Status()
		if s.Phase != watch.Live || !s.Complete || s.Relists != 0 || s.Listed != 700 {
			t.Errorf("status %+v", *s)
		}
		if n := len(r.lists(podKind)); n != 0 {
			t.Errorf("%d LISTs, want the list to be streamed", n)
		}
	})
}
