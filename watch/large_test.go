package watch_test

import (
	"strings"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/sim"
)

// TestLargeObject is the other half of fault 26: an object of 17 MiB is a placeholder in lists and streams of either
// encoding; its neighbours, and the next events, are what they should be.
func TestLargeObject(t *testing.T) {
	inRig(t, sim.Config{}, func(r *rig) {
		r.cfg.RelistEvery = time.Hour
		gadget := widgets(t, r, "Gadget")
		huge := strings.Repeat("x", 17<<20)
		for i := range 3 {
			c, g := configMap(i, i), widget(gadget, string(rune('a'+i)))
			if i == 1 {
				c.Data["huge"] = huge
				g.Object["spec"] = map[string]any{"huge": huge}
			}
			r.must(r.sim.Create(c))
			r.must(r.sim.Create(g))
		}
		for _, paged := range []bool{false, true} {
			for _, kind := range []*watch.Kind{configKind, gadget} {
				again := *kind // a kind of its own, so that each run starts with nothing
				var src watch.Source = r.client
				if paged {
					src = pagesOnly{r.client}
				}
				w := r.startOver(&again, src)
				r.await(w, 20*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
				if s := w.Status(); s.Undecodable != 1 || s.Listed != 3 || s.Attempt != 0 {
					t.Errorf("paged=%v %s: status %+v", paged, kind, *s)
				}
				if n := r.store.World().Count(&again); n != 3 {
					t.Errorf("paged=%v %s: %d objects, want 3", paged, kind, n)
				}
			}
		}
		r.sim.ResetRequests()
		c := configMap(1, 9)
		c.Data["huge"] = huge
		r.must(r.sim.Update(c))
		r.must(r.sim.Create(configMap(4, 4)))
		r.pass(30 * time.Second)
		if n := len(r.requestsOf(sim.Match{})); n != 0 {
			t.Errorf("%d requests after a large event, want the streams to go on", n)
		}
		for o := range r.store.World().All() {
			if large := o.Name == "config-0001" || o.Name == "b"; o.Undecodable != large || o.UID == "" {
				t.Errorf("%s: %+v", o.NamespacedName(), o)
			}
		}
	})
}
