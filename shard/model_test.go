package shard

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"orka/watch"
)

func sortByKey(o []*watch.Object) { slices.SortFunc(o, (*watch.Object).CompareName) }

var planners = map[string]Planner{"1": Modulo(1), "4": Modulo(4), "16": Modulo(16), "exact": ExactNamespace()}

// TestSerialAgainstModel holds pages, judge, tombstones and sweeps against a plain map, under every planner.
func TestSerialAgainstModel(t *testing.T) {
	eachSeed(t, 30, func(t *testing.T, seed uint64, r *rand.Rand) {
		m := newModel()
		stores := map[string]*Serial{}
		for name, p := range planners {
			stores[name] = NewSerial(p)
		}
		steps := chaos(r, 3000)
		for i, s := range steps {
			if s.delta.Object != nil {
				m.apply(s.delta)
			} else {
				m.sweep(s.scope, s.generation)
			}
			for _, store := range stores {
				if s.delta.Object != nil {
					store.Apply(s.delta)
				} else {
					store.Sweep(s.scope, s.generation)
				}
			}
			if r.IntN(100) > 0 && i < len(steps)-1 {
				continue
			}
			digests := map[string]bool{}
			for name, store := range stores {
				w := store.World()
				if err := w.Check(); err != nil {
					t.Fatalf("seed %d, step %d, %s shards: %v", seed, i, name, err)
				}
				if d := cmp.Diff(m.contents(), contents(w)); d != "" {
					t.Fatalf("seed %d, step %d, %s shards: model and World differ (-model +World):\n%s", seed, i, name, d)
				}
				digests[w.Digest()] = true
			}
			if len(digests) != 1 {
				t.Fatalf("seed %d, step %d: the digest depends on the planner: %v", seed, i, digests)
			}
		}
	})
}

// TestStoreAgainstModel runs the same streams through the concurrent store, in random batches.
func TestStoreAgainstModel(t *testing.T) {
	eachSeed(t, 8, func(t *testing.T, seed uint64, r *rand.Rand) {
		steps := chaos(r, 3000)
		m := newModel()
		for _, s := range steps {
			if s.delta.Object != nil {
				m.apply(s.delta)
			} else {
				m.sweep(s.scope, s.generation)
			}
		}
		want := ""
		for name, p := range planners {
			synctest.Test(t, func(t *testing.T) {
				store, stop := startStore(t, Config{Planner: p, QueueCap: 1 + r.IntN(300), Workers: 1 + r.IntN(3)})
				defer stop()
				for _, s := range steps {
					switch {
					case s.delta.Object == nil:
						check(t, store.Sweep(t.Context(), s.scope, s.generation))
					case r.IntN(2) == 0:
						check(t, store.Put(t.Context(), s.delta.Object.Kind, []watch.Delta{s.delta}))
					default:
						n, err := store.Offer(t.Context(), s.delta.Object.Kind, []watch.Delta{s.delta})
						check(t, err)
						if n != 0 {
							t.Fatalf("seed %d: a running store dropped %d", seed, n)
						}
					}
				}
				check(t, store.Sync(t.Context()))
				w := store.World()
				if d := cmp.Diff(m.contents(), contents(w)); d != "" {
					t.Fatalf("seed %d, %s shards: model and World differ (-model +World):\n%s", seed, name, d)
				}
				if want == "" {
					want = w.Digest()
				}
				if d := w.Digest(); d != want {
					t.Fatalf("seed %d, %s shards: digest %s, want %s", seed, name, d, want)
				}
			})
		}
	})
}

// TestCoalescingEqualsOneByOne states what merge promises: draining at any time gives what no coalescing gives.
func TestCoalescingEqualsOneByOne(t *testing.T) {
	eachSeed(t, 200, func(t *testing.T, seed uint64, r *rand.Rand) {
		direct, merged := newBuilder(Key{Kind: pods}), newBuilder(Key{Kind: pods})
		c := coalescer{capacity: 1 << 20}
		var f *floors
		for i := range 600 {
			sweep := uint64(0)
			if r.IntN(200) == 0 {
				sweep = uint64(1 + r.IntN(3))
				f = f.raise("", sweep) // at once, as Store.Sweep does
				direct.sweep("", sweep, nil)
			}
			name := r.IntN(5)
			d := applied(tiny(pods, "a", "n"+strconv.Itoa(name), name*10+r.IntN(3), 1+r.IntN(20)), uint64(1+r.IntN(4)))
			if r.IntN(3) == 0 {
				d.Op = watch.Deleted
			}
			if sweep == 0 {
				direct.apply(&d, f)
			}
			if sweep == 0 && !c.add(&d, true).ok {
				t.Fatal("a coalescer with room refused a delta")
			}
			if sweep == 0 && r.IntN(20) > 0 && i < 599 {
				continue
			}
			entries, _ := c.drain()
			for j := range entries {
				merged.apply(&entries[j], f)
			}
			if sweep > 0 {
				merged.sweep("", sweep, nil)
			}
			if d := cmp.Diff(marks(direct), marks(merged)); d != "" {
				t.Fatalf("seed %d, delta %d: (-one by one +coalesced)\n%s", seed, i, d)
			}
		}
	})
}

// marks lists what a builder holds: uid, resourceVersion and generation by name.
func marks(b *builder) map[string]string {
	out := map[string]string{}
	for _, l := range b.leaves {
		for i, o := range l.page.Objects {
			out[o.NamespacedName()] = o.UID + "@" + o.ResourceVersion + " of " + strconv.FormatUint(l.marks[i], 10)
		}
	}
	return out
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// startStore runs a Store until stop.
func startStore(t *testing.T, cfg Config) (store *Store, stop func()) {
	t.Helper()
	store, err := NewStore(cfg)
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- store.Run(ctx) }()
	return store, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}
