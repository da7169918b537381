package watch_test

import (
	"fmt"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestFailedListsGiveTheirSlotsBack: more kinds than there are slots fail to list, and others are listed all the same.
func TestFailedListsGiveTheirSlotsBack(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.pods(0, 20)
		r.sim.Inject(sim.Fault{Match: sim.Match{PathPrefix: "/apis/" + widgetGroup}, Action: sim.Status{Code: 500}})
		var failing []*watch.Watcher
		for i := range 2 * watch.MaxLists {
			failing = append(failing, r.start(widgets(t, r, fmt.Sprintf("Widget%02d", i))))
		}
		r.pass(time.Second)
		for _, w := range failing {
			if s := w.Status(); s.Phase != watch.Unavailable {
				t.Errorf("status %+v, want Unavailable", *s)
			}
		}
		w := r.start(podKind)
		r.await(w, time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		r.sim.Heal()
		for _, w := range failing {
			r.await(w, 31*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
		}
		r.settled(podKind)
	})
}
