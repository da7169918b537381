package shard

import (
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"orka/watch"
)

// TestDiff turns the older of two random Worlds into the newer one by what Diff yields.
func TestDiff(t *testing.T) {
	eachSeed(t, 10, func(t *testing.T, seed uint64, r *rand.Rand) {
		s := NewSerial(Modulo(3))
		old := s.World()
		for i, step := range chaos(r, 2000) {
			if step.delta.Object != nil {
				s.Apply(step.delta)
			} else {
				s.Sweep(step.scope, step.generation)
			}
			if r.IntN(50) > 0 {
				continue
			}
			now := s.World()
			got := map[string]*watch.Object{}
			for o := range old.All() {
				got[o.Kind.Kind+" "+o.NamespacedName()] = o
			}
			for _, kind := range []*watch.Kind{pods, nodes, roles} {
				for c := range Diff(old, now, kind) {
					if c.Old != nil {
						key := kind.Kind + " " + c.Old.NamespacedName()
						if got[key] != c.Old {
							t.Fatalf("seed %d, step %d: Diff names an old %s that was not there", seed, i, key)
						}
						delete(got, key)
					}
					if c.New != nil {
						got[kind.Kind+" "+c.New.NamespacedName()] = c.New
					}
				}
			}
			text := map[string]string{}
			for k, o := range got {
				text[k] = o.UID + "@" + o.ResourceVersion
			}
			if d := cmp.Diff(contents(now), text); d != "" {
				t.Fatalf("seed %d, step %d: (-World +old World with its changes)\n%s", seed, i, d)
			}
			old = now
		}
	})
}
