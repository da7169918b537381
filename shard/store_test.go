package shard

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"orka/watch"
)

// TestOutOfOrderStreamConverges plays a server: a true history, delivered late, twice and out of order, with lists in
// between. After a last list the World is the server's.
func TestOutOfOrderStreamConverges(t *testing.T) {
	eachSeed(t, 10, func(t *testing.T, seed uint64, r *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			store, stop := startStore(t, Config{Planner: Modulo(3), QueueCap: 64})
			defer stop()
			server := map[string]*watch.Object{}
			rv, uid := 0, 0
			generation := watch.NextGeneration()
			var late []watch.Delta
			list := func() {
				var page []watch.Delta
				for _, o := range server {
					page = append(page, applied(o, generation))
				}
				check(t, store.Put(t.Context(), pods, page))
				check(t, store.Sweep(t.Context(), watch.Scope{Kind: pods}, generation))
			}
			for range 2000 {
				rv++
				ns, name := "ns"+strconv.Itoa(r.IntN(5)), strconv.Itoa(r.IntN(30))
				old := server[ns+"/"+name]
				var d watch.Delta
				switch {
				case old == nil:
					uid++
					d = applied(tiny(pods, ns, name, uid, rv), generation)
				case r.IntN(3) == 0:
					n, _ := strconv.Atoi(old.UID[4:])
					d = deleted(tiny(pods, ns, name, n, rv), generation)
				default:
					n, _ := strconv.Atoi(old.UID[4:])
					d = applied(tiny(pods, ns, name, n, rv), generation)
				}
				if d.Op == watch.Deleted {
					delete(server, ns+"/"+name)
				} else {
					server[ns+"/"+name] = d.Object
				}
				for range 1 + r.IntN(2) {
					late = append(late, d)
				}
				for len(late) > 20 {
					i := r.IntN(len(late))
					d := late[i]
					late = append(late[:i], late[i+1:]...)
					if n, err := store.Offer(t.Context(), pods, []watch.Delta{d}); n != 0 || err != nil {
						t.Fatalf("seed %d: dropped %d, %v", seed, n, err)
					}
				}
				if r.IntN(400) == 0 {
					generation = watch.NextGeneration()
					list()
				}
			}
			for _, d := range late {
				_, err := store.Offer(t.Context(), pods, []watch.Delta{d})
				check(t, err)
			}
			check(t, store.Sync(t.Context()))
			want := map[string]string{}
			for k, o := range server {
				want["Pod "+k] = o.UID + "@" + o.ResourceVersion
			}
			if d := cmp.Diff(want, contents(store.World())); d != "" {
				t.Fatalf("seed %d: before the last list (-server +World):\n%s", seed, d)
			}
			generation = watch.NextGeneration()
			list()
			if d := cmp.Diff(want, contents(store.World())); d != "" {
				t.Fatalf("seed %d: after the last list (-server +World):\n%s", seed, d)
			}
		})
	})
}

// TestReadersSeeWholeWorlds checks each World that readers meet while writers, sweeps and bodies are at work.
func TestReadersSeeWholeWorlds(t *testing.T) {
	store, stop := startStore(t, Config{Planner: Modulo(4), QueueCap: 100, Workers: 3, KeepBodies: true, MaxRawBytes: 20_000})
	ctx, cancel := context.WithCancel(t.Context())
	var writers, readers sync.WaitGroup
	var worlds atomic.Int64
	for range 2 {
		readers.Go(func() {
			var last *World
			for ctx.Err() == nil {
				w := store.World()
				if w == last {
					select {
					case <-store.Changed():
					case <-ctx.Done():
					}
					continue
				}
				if last != nil && w.Epoch <= last.Epoch {
					t.Errorf("epoch %d follows %d", w.Epoch, last.Epoch)
				}
				if err := w.Check(); err != nil {
					t.Error(err)
				}
				for o := range w.All() {
					if body, ok := store.Body(o); ok && string(body.Data) != bodyText(o) {
						t.Errorf("body of %s@%s is of another version", o.UID, o.ResourceVersion)
					}
				}
				last = w
				worlds.Add(1)
			}
		})
	}
	for k, kind := range []*watch.Kind{pods, roles, nodes} {
		writers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(k), 9))
			for g := uint64(1); g <= 15; g++ {
				for i := range 300 {
					ns := ""
					if kind.Namespaced {
						ns = "ns" + strconv.Itoa(i%7)
					}
					o := tiny(kind, ns, "n"+strconv.Itoa(r.IntN(300)), i%7+k*10, int(g)*1000+i)
					o.UID += o.Name
					d := applied(o, g)
					d.Body = watch.Body{Encoding: watch.EncodingJSON, Data: []byte(bodyText(o))}
					if i%5 == 0 {
						d = deleted(o, g)
					}
					if err := store.Put(ctx, kind, []watch.Delta{d}); err != nil {
						t.Error(err)
					}
				}
				if err := store.Sweep(ctx, watch.Scope{Kind: kind}, g); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if err := store.Forget(ctx, roles); err != nil {
		t.Error(err)
	}
	if n := store.World().Count(roles); n != 0 {
		t.Errorf("%d roles are left after Forget", n)
	}
	cancel()
	readers.Wait()
	stop()
	if worlds.Load() < 10 {
		t.Errorf("readers met %d Worlds, too few to say anything", worlds.Load())
	}
}

func bodyText(o *watch.Object) string {
	return fmt.Sprintf(`{"metadata":{"uid":%q,"resourceVersion":%q},"pad":"0123456789"}`, o.UID, o.ResourceVersion)
}

// TestOfferDropsAndCounts: nobody builds, so a full coalescer stays full.
func TestOfferDropsAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := NewStore(Config{QueueCap: 10})
		check(t, err)
		var events []watch.Delta
		for i := range 25 {
			events = append(events, applied(tiny(pods, "a", strconv.Itoa(i), i, 1), 1))
		}
		for i := range 10 { // newer versions of what is held need no room
			events = append(events, applied(tiny(pods, "a", strconv.Itoa(i), i, 2), 1))
		}
		start := time.Now()
		dropped, err := store.Offer(t.Context(), pods, events)
		check(t, err)
		if took := time.Since(start); dropped != 15 || took != OfferWait {
			t.Errorf("dropped %d after %v; want 15 after %v", dropped, took, OfferWait)
		}
		st := store.Stats()
		want := ShardStat{Key: Key{Kind: pods}, QueueLen: 10, QueueCap: 10, Dropped: 15}
		if d := cmp.Diff([]ShardStat{want}, st.Shards); d != "" || st.Dropped != 15 {
			t.Errorf("stats (-want +got):\n%s", d)
		}
		// Once the store runs, what was accepted is there, in its last state.
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- store.Run(ctx) }()
		check(t, store.Sync(ctx))
		if w := store.World(); w.Len() != 10 || w.Get(pods, "a", "3").ResourceVersion != "2" {
			t.Errorf("%d objects, want 10 at version 2", w.Len())
		}
		cancel()
		check(t, <-ended)
		if err := store.Sync(t.Context()); !errors.Is(err, ErrStopped) {
			t.Errorf("Sync after the end: %v, want ErrStopped", err)
		}
	})
}

func TestPutWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := NewStore(Config{QueueCap: 4})
		check(t, err)
		var page []watch.Delta
		for i := range 50 {
			page = append(page, applied(tiny(pods, "a", strconv.Itoa(i), i, 1), 1))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := store.Put(ctx, pods, page); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Put into a store that does not run: %v, want a deadline exceeded", err)
		}
		runCtx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- store.Run(runCtx) }()
		check(t, store.Put(t.Context(), pods, page))
		check(t, store.Sync(t.Context()))
		if n := store.World().Len(); n != 50 {
			t.Errorf("%d objects, want 50", n)
		}
		stop()
		check(t, <-ended)
	})
}

func TestSweepIsABarrier(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, stop := startStore(t, Config{Planner: Modulo(4)})
		defer stop()
		put := func(generation uint64, from, to int) {
			var page []watch.Delta
			for i := from; i < to; i++ {
				page = append(page, applied(tiny(pods, "ns"+strconv.Itoa(i%10), strconv.Itoa(i), i, 1), generation))
			}
			check(t, store.Put(t.Context(), pods, page))
		}
		put(1, 0, 1000)
		check(t, store.Sweep(t.Context(), watch.Scope{Kind: pods}, 1))
		if n := store.World().Len(); n != 1000 {
			t.Fatalf("after the first list the World holds %d, want 1000", n)
		}
		put(2, 500, 1200)
		check(t, store.Sweep(t.Context(), watch.Scope{Kind: pods}, 2))
		if n := store.World().Len(); n != 700 {
			t.Fatalf("after the second list the World holds %d, want 700", n)
		}
		put(3, 505, 506) // of ns5
		check(t, store.Sweep(t.Context(), watch.Scope{Kind: pods, Namespace: "ns5"}, 3))
		if n := store.World().Len(); n != 700-70+1 {
			t.Fatalf("after the list of one namespace the World holds %d, want 631", n)
		}
		check(t, store.Sweep(t.Context(), watch.Scope{Kind: nodes}, 4)) // a kind without objects
		put(2, 0, 1)
		put(1, 1, 2)
		check(t, store.Sync(t.Context()))
		if w := store.World(); w.Get(pods, "ns0", "0") == nil || w.Get(pods, "ns1", "1") != nil {
			t.Error("a delta of the completed list's generation must be taken, an older one not")
		}
	})
}

// TestEmptyShardsAreReaped: the shards of deleted namespaces go with the next complete list.
func TestEmptyShardsAreReaped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, stop := startStore(t, Config{Planner: ExactNamespace()})
		defer stop()
		for g := uint64(1); g < 20; g++ {
			var page []watch.Delta
			for i := range 50 {
				ns := fmt.Sprintf("run-%d-%d", g, i)
				page = append(page, applied(tiny(pods, ns, "x", int(g)*100+i, 1), g))
			}
			check(t, store.Put(t.Context(), pods, page))
			check(t, store.Sweep(t.Context(), watch.Scope{Kind: pods}, g))
			if n := store.World().Len(); n != 50 {
				t.Fatalf("list %d: %d objects, want 50", g, n)
			}
		}
		if w, st := store.World(), store.Stats(); len(w.Shards) != 50 || len(st.Shards) != 50 {
			t.Errorf("%d shards in the World, %d in the store; want 50", len(w.Shards), len(st.Shards))
		}
	})
}

// TestCadence holds when Worlds are published, in virtual time.
func TestCadence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var published []time.Duration
		start := time.Now()
		store, stop := startStore(t, Config{OnPublish: func(PublishStats) { published = append(published, time.Since(start)) }})
		defer stop()
		offer := func(rv int) {
			d := applied(tiny(pods, "a", "x", 1, rv), 1)
			d.Arrived = time.Now()
			_, err := store.Offer(t.Context(), pods, []watch.Delta{d})
			check(t, err)
		}
		wait := func(until time.Duration) {
			time.Sleep(until - time.Since(start)) // virtual
			synctest.Wait()
		}
		wait(time.Hour) // nothing is due while nothing changes
		offer(1)
		wait(time.Hour + 8*time.Millisecond) // the first change after a pause
		for i := range 100 {                 // a steady flow
			offer(2 + i)
			wait(time.Hour + time.Duration(9+i)*time.Millisecond)
		}
		if lag := store.Stats().Last.Lag; lag != publishSlow {
			t.Errorf("lag of the last publication is %v", lag)
		}
		wait(2 * time.Hour)
		store.Hurry(time.Second)
		for i := range 20 {
			offer(200 + i)
			wait(2*time.Hour + time.Duration(1+i)*time.Millisecond)
		}
		wait(3 * time.Hour)
		h := time.Hour
		ms := time.Millisecond
		want := []time.Duration{h + 8*ms, h + 58*ms, h + 108*ms, 2*h + 8*ms, 2*h + 16*ms, 2*h + 24*ms}
		if d := cmp.Diff(want, published); d != "" {
			t.Errorf("publications (-want +got):\n%s", d)
		}
		if store.World().Epoch != uint64(len(want)) {
			t.Errorf("epoch %d after %d publications", store.World().Epoch, len(want))
		}
	})
}

func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, stop := startStore(t, Config{Planner: Modulo(4), KeepBodies: true})
		defer stop()
		for _, kind := range []*watch.Kind{pods, roles} {
			var page []watch.Delta
			for i := range 100 {
				o := tiny(kind, "ns"+strconv.Itoa(i%9), strconv.Itoa(i), i, 1)
				page = append(page, watch.Delta{Object: o, Generation: 1, Body: watch.Body{Encoding: watch.EncodingJSON, Data: []byte(bodyText(o))}})
			}
			check(t, store.Put(t.Context(), kind, page))
			check(t, store.Sync(t.Context()))
		}
		synctest.Wait()
		o := store.World().Get(pods, "ns1", "1")
		if _, ok := store.Body(o); !ok {
			t.Error("the body of a pod is not there")
		}
		check(t, store.Forget(t.Context(), pods))
		w := store.World()
		if w.Len() != 100 || w.Count(pods) != 0 || w.Count(roles) != 100 {
			t.Errorf("%d objects, %d pods, %d roles; want 100, 0 and 100", w.Len(), w.Count(pods), w.Count(roles))
		}
		synctest.Wait()
		if st := store.Stats(); st.Bodies != 100 {
			t.Errorf("%d bodies are kept, want those of the 100 roles", st.Bodies)
		}
		if _, ok := store.Body(o); ok {
			t.Error("the body of a forgotten pod is still there")
		}
		check(t, store.Forget(t.Context(), pods)) // once more is nothing
	})
}

func TestDeltasOfAnotherKindAreRefused(t *testing.T) {
	store, err := NewStore(Config{})
	check(t, err)
	if err := store.Put(t.Context(), nodes, []watch.Delta{applied(tiny(pods, "a", "x", 1, 1), 1)}); err == nil {
		t.Error("Put took a pod as a node")
	}
	if n, err := store.Offer(t.Context(), nodes, []watch.Delta{{}}); err == nil || n != 1 {
		t.Errorf("Offer took a delta without an object: dropped %d, %v", n, err)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, c := range []Config{{QueueCap: -1}, {Workers: -1}} {
		if _, err := NewStore(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

// fickle is a broken Planner: it gives one namespace another shard each time.
type fickle struct{ n atomic.Uint32 }

func (f *fickle) Plan(kind *watch.Kind, _ string) Key {
	return Key{Kind: kind, Bucket: uint16(f.n.Add(1) % 2)} //nolint:gosec // 0 or 1
}

// TestABrokenWorldIsNotPublished: with Check on, Run ends and says which invariant broke.
func TestABrokenWorldIsNotPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := NewStore(Config{Planner: &fickle{}, Check: true})
		check(t, err)
		for i := range 4 {
			check(t, store.Put(t.Context(), pods, []watch.Delta{applied(tiny(pods, "a", strconv.Itoa(i), i, 1), 1)}))
		}
		if err := store.Run(t.Context()); err == nil || store.World().Len() != 0 {
			t.Errorf("Run says %v, the World holds %d objects", err, store.World().Len())
		}
		if err := store.Run(t.Context()); err == nil {
			t.Error("Run ran twice")
		}
	})
}

// TestBodiesInTheQueueAreBounded: a list waits, an event goes on without its body.
func TestBodiesInTheQueueAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, err := NewStore(Config{KeepBodies: true})
		check(t, err)
		delta := func(i, rv, size int) []watch.Delta {
			d := applied(tiny(pods, "a", strconv.Itoa(i), i, rv), 1)
			d.Body = watch.Body{Encoding: watch.EncodingJSON, Data: make([]byte, size)}
			return []watch.Delta{d}
		}
		check(t, store.Put(t.Context(), pods, delta(2, 1, 100)))
		check(t, store.Put(t.Context(), pods, delta(1, 1, queueBodyBytes+1)))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := store.Put(ctx, pods, delta(3, 1, 100)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a list went on although the queue holds more than %d bytes: %v", queueBodyBytes, err)
		}
		for _, d := range [][]watch.Delta{delta(2, 2, 100), delta(4, 1, 100)} {
			if n, err := store.Offer(t.Context(), pods, d); n != 0 || err != nil {
				t.Errorf("an event was dropped: %d, %v", n, err)
			}
		}
		runCtx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- store.Run(runCtx) }()
		check(t, store.Sync(t.Context()))
		synctest.Wait()
		w := store.World()
		for name, want := range map[string]bool{"1": true, "2": false, "4": false} {
			o := w.Get(pods, "a", name)
			if _, ok := store.Body(o); ok != want {
				t.Errorf("pod %s: body kept: %v, want %v", name, ok, want)
			}
		}
		if v := w.Get(pods, "a", "2").ResourceVersion; v != "2" {
			t.Errorf("pod 2 is at version %s, want 2", v)
		}
		stop()
		check(t, <-ended)
	})
}
