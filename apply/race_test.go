package apply

import (
	"sync"
	"testing"

	"orka/watch/sim"
)

// TestTwoAppliersRace: both change one object at the same time. Different fields both get in; of the same field one wins
// and the other is told.
func TestTwoAppliersRace(t *testing.T) {
	for _, c := range []struct {
		name   string
		second []string
		both   bool
	}{
		{"different fields", []string{"team: blue", "team: red"}, true},
		{"the same field", []string{"replicas: 3", "replicas: 9"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
				p1 := f.scaled()
				p2 := f.preview(webTarget, c.second...)
				// Both read before either writes.
				var arrived sync.WaitGroup
				arrived.Add(2)
				var once [2]sync.Once
				n := 0
				var mu sync.Mutex
				f.wire.onBefore(func(s *passed) error {
					if s.write() {
						mu.Lock()
						i := min(n, 1)
						n++
						first := n <= 2
						mu.Unlock()
						once[i].Do(arrived.Done)
						if first {
							arrived.Wait()
						}
					}
					return nil
				})
				second := f.applier(func(c *Config) { c.Journal = &journal{} })
				var r2 *Result
				var err2 error
				var wg sync.WaitGroup
				wg.Go(func() { r2, err2 = second.Commit(t.Context(), p2, Consent{All: true}) })
				r1, err1 := f.orka.Commit(t.Context(), p1, Consent{All: true})
				wg.Wait()
				if c.both {
					if err1 != nil || err2 != nil || r1.Rebased+r2.Rebased != 1 || f.replicas() != 5 || f.stored(webTarget).GetLabels()["team"] != "red" {
						t.Errorf("errors %v, %v; stored %v %d", err1, err2, f.stored(webTarget).GetLabels(), f.replicas())
					}
					return
				}
				lost, won := err1, int64(9)
				if err2 != nil {
					lost, won = err2, 5
				}
				asError[*ChangedError](t, lost)
				if (err1 == nil) == (err2 == nil) || f.replicas() != won {
					t.Errorf("errors %v, %v; %d replicas, want %d", err1, err2, f.replicas(), won)
				}
			})
		})
	}
}
