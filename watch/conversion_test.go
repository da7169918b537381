package watch_test

import (
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestConversionFails is fault 25: a conversion webhook that does not answer, which fails lists with 500 and ends watches
// with an ERROR event. The kind is unavailable, with its rows; the others don't notice.
func TestConversionFails(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		gadget := widgets(t, r, "Gadget")
		for _, name := range []string{"a", "b", "c"} {
			r.must(r.sim.Create(widget(gadget, name)))
		}
		r.pods(0, 20)
		w, other := r.startLive(gadget), r.startLive(podKind)
		r.pass(2 * time.Second)
		r.sim.ResetRequests()
		r.sim.Inject(sim.Fault{Match: sim.Match{Resource: gadget.ResourceName()}, Action: sim.FailConversion{}})
		r.must(r.sim.Delete(gvrOf(gadget), "default", "b"))
		r.await(w, time.Second, "Unavailable", func(s *watch.Status) bool { return s.Phase == watch.Unavailable })
		for range 300 {
			r.pass(time.Second)
			if w.Status().Fresh(time.Now()) && time.Since(w.Status().ConfirmedAt) > time.Second || r.store.World().Count(gadget) != 3 {
				t.Fatalf("%d rows, %+v; want 3 that are not fresh", r.store.World().Count(gadget), *w.Status())
			}
			if s := other.Status(); !s.Fresh(time.Now()) || s.Restarts != 0 {
				t.Fatalf("another kind suffers: %+v", *s)
			}
		}
		if n := len(r.requestsOf(sim.Match{Resource: gadget.ResourceName()})); n > 40 {
			t.Errorf("%d requests in five minutes", n)
		}
		r.sim.Heal()
		r.await(w, 31*time.Second, "recovery", func(s *watch.Status) bool { return s.Fresh(time.Now()) })
		r.settled(gadget)
		r.settled(podKind)
	})
}
