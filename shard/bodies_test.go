package shard

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"orka/watch"
)

// rawPod is about 8.7 KB of JSON that is as alike and as different among pods as real ones are.
func rawPod(o *watch.Object) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"kind":"Pod","apiVersion":"v1","metadata":{"name":%q,"namespace":%q,"uid":%q,"resourceVersion":%q,"labels":{`, o.Name, o.Namespace, o.UID, o.ResourceVersion)
	for k, v := range o.Labels.All() {
		fmt.Fprintf(&b, `%q:%q,`, k, v)
	}
	b.WriteString(`"z":""}},"spec":{"containers":[`)
	for c := range 4 {
		fmt.Fprintf(&b, `{"name":"c%d","image":"registry.example.com/%s/app:%d","env":[`, c, o.Namespace, c)
		for e := range 22 {
			fmt.Fprintf(&b, `{"name":"SETTING_NUMBER_%d","value":"value-of-%d-%d"},`, e, c, e)
		}
		b.WriteString(`{}],"resources":{"limits":{"cpu":"500m","memory":"512Mi"},"requests":{"cpu":"100m","memory":"128Mi"}},"livenessProbe":{"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"initialDelaySeconds":10},"terminationMessagePath":"/dev/termination-log","imagePullPolicy":"IfNotPresent"},`)
	}
	node, _ := o.Fields.Get("spec.nodeName")
	fmt.Fprintf(&b, `{}],"nodeName":%q},"status":{"phase":%q,"podIP":%q,"conditions":[`, node, o.Status, o.Cells.At(5))
	for c := range 12 {
		fmt.Fprintf(&b, `{"type":"Condition%d","status":"True","lastTransitionTime":"2026-01-%02dT%02d:%02d:00Z","reason":"Ready"},`, c, c+1, o.Created%24, o.Created%60)
	}
	b.WriteString(`{}],"containerStatuses":[`)
	r := rand.New(rand.NewPCG(uint64(o.Created), 0))
	for c := range 4 { // of each pod alone
		fmt.Fprintf(&b, `{"name":"c%d","containerID":"containerd://%016x%016x%016x%016x","startedAt":"2026-01-02T03:%02d:%02dZ"},`, c, r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.IntN(60), r.IntN(60))
	}
	b.WriteString("{}]}}")
	return b.Bytes()
}

func withBody(o *watch.Object, generation uint64) watch.Delta {
	d := applied(o, generation)
	d.Body = watch.Body{Encoding: watch.EncodingJSON, Data: rawPod(o)}
	return d
}

func TestBodies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, stop := startStore(t, Config{Planner: Modulo(4), KeepBodies: true, Workers: 2})
		defer stop()
		objects := somePods(1000)
		page := func(objects []*watch.Object, generation uint64) (out []watch.Delta) {
			for _, o := range objects {
				out = append(out, withBody(o, generation))
			}
			return out
		}
		check(t, store.Put(t.Context(), pods, page(objects, 1)))
		check(t, store.Sweep(t.Context(), watch.Scope{Kind: pods}, 1))
		verify := func(objects []*watch.Object) {
			t.Helper()
			synctest.Wait()
			for _, o := range objects {
				body, ok := store.Body(o)
				if !ok || body.Encoding != watch.EncodingJSON || !bytes.Equal(body.Data, rawPod(o)) {
					t.Fatalf("the body of %s is not what was handed in (found: %v)", o.NamespacedName(), ok)
				}
			}
		}
		verify(objects)
		time.Sleep(2 * bodiesWait) // virtual: short blocks are compressed
		verify(objects)
		st := store.Stats()
		if st.Bodies != 1000 || st.PlainBytes < 8_000_000 || st.RawBytes > st.PlainBytes/8 {
			t.Errorf("%d bodies of %d bytes take %d", st.Bodies, st.PlainBytes, st.RawBytes)
		}

		// A relist that shows the same stores nothing again.
		check(t, store.Put(t.Context(), pods, page(objects, 2)))
		check(t, store.Sync(t.Context()))
		if again := store.Stats(); again.RawBytes != st.RawBytes || again.Bodies != 1000 {
			t.Errorf("after the same list again: %d bodies in %d bytes, had %d", again.Bodies, again.RawBytes, st.RawBytes)
		}

		// New versions take the place of old ones, whose blocks are rewritten.
		for round := range 4 {
			for i := range objects {
				o := *objects[i]
				o.ResourceVersion = strconv.Itoa(1_000_000*(round+1) + i)
				objects[i] = &o
				if i%100 == 99 {
					check(t, store.Put(t.Context(), pods, page(objects[i-99:i+1], 2)))
				}
			}
			check(t, store.Sync(t.Context()))
		}
		time.Sleep(2 * bodiesWait) // virtual
		verify(objects)
		stale := *objects[0]
		stale.ResourceVersion = "1"
		if _, ok := store.Body(&stale); ok {
			t.Error("a body was handed out for a version it is not of")
		}
		if again := store.Stats(); again.Bodies != 1000 || again.RawBytes > 2*st.RawBytes {
			t.Errorf("after four rounds of updates: %d bodies in %d bytes, had %d", again.Bodies, again.RawBytes, st.RawBytes)
		}

		// A change without a body leaves none behind.
		bare := *objects[5]
		bare.ResourceVersion = "9999999"
		check(t, store.Put(t.Context(), pods, []watch.Delta{applied(&bare, 2)}))
		check(t, store.Sync(t.Context()))
		synctest.Wait()
		if _, ok := store.Body(&bare); ok {
			t.Error("an object without a body has one")
		}

		// What is swept leaves nothing behind.
		check(t, store.Put(t.Context(), pods, page(objects[:100], 3)))
		check(t, store.Sweep(t.Context(), watch.Scope{Kind: pods}, 3))
		time.Sleep(2 * bodiesWait) // virtual
		check(t, store.Put(t.Context(), pods, page(objects[:1], 3)))
		check(t, store.Sync(t.Context()))
		time.Sleep(2 * bodiesWait) // virtual
		st = store.Stats()
		if st.Bodies < 99 || st.Bodies > 100 || st.PlainBytes > 1_000_000 || st.RawBytes > 200_000 {
			t.Errorf("of 100 objects %d bodies of %d bytes are kept in %d", st.Bodies, st.PlainBytes, st.RawBytes)
		}

		before := store.World()
		if n := store.DropBodies(time.Time{}, math.MaxUint64); n != 0 {
			t.Errorf("%d bodies were dropped for no reason", n)
		}
		if n := store.DropBodies(time.Now(), math.MaxUint64); n != st.Bodies {
			t.Errorf("%d of %d unused bodies were dropped", n, st.Bodies)
		}
		st = store.Stats()
		if st.Bodies != 0 || st.RawBytes != 0 || st.PlainBytes != 0 || store.World() != before || before.Len() != 100 {
			t.Errorf("after dropping all: %+v", st)
		}
		check(t, store.Put(t.Context(), pods, page(objects[:100], 4))) // the next list brings them back
		check(t, store.Sync(t.Context()))
		verify(objects[:5])
	})
}

func TestLeastRecentlyUsedBodiesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 500_000
		store, stop := startStore(t, Config{KeepBodies: true, MaxRawBytes: limit, Workers: 1})
		defer stop()
		objects := somePods(3200)
		for i := 0; i < len(objects); i += 320 {
			for _, o := range objects[i : i+320] {
				check(t, store.Put(t.Context(), pods, []watch.Delta{withBody(o, 1)}))
			}
			check(t, store.Sync(t.Context()))
			time.Sleep(2 * bodiesWait) // virtual
			if _, ok := store.Body(objects[0]); !ok {
				t.Fatalf("after %d objects the body that is looked at all the time is gone", i+320)
			}
		}
		st := store.Stats()
		t.Logf("%d bodies in %d bytes", st.Bodies, st.RawBytes)
		if st.RawBytes > limit || st.RawBytes < limit/2 || st.BodiesDropped == 0 {
			t.Errorf("%d bytes are held of at most %d, %d bodies dropped", st.RawBytes, limit, st.BodiesDropped)
		}
		if _, ok := store.Body(objects[3199]); !ok {
			t.Error("the newest body is gone")
		}
		if _, ok := store.Body(objects[100]); ok {
			t.Error("an old body nobody looked at is still there")
		}
		if n := store.World().Len(); n != 3200 {
			t.Errorf("the World holds %d objects, want all 3200", n)
		}
	})
}

// TestBodiesUnderChurn compares what is kept with a plain map, and the gauges with what is kept.
func TestBodiesUnderChurn(t *testing.T) {
	eachSeed(t, 20, func(t *testing.T, seed uint64, r *rand.Rand) {
		pool, err := newBodyPool(Config{Workers: 1})
		check(t, err)
		p, err := pool.newPress()
		check(t, err)
		b := pool.newBodies()
		type kept struct {
			object *watch.Object
			text   string
		}
		model := map[int]kept{}
		for i := range 3000 {
			n := r.IntN(100)
			switch r.IntN(10) {
			case 0, 1:
				if k, ok := model[n]; ok {
					b.remove(k.object)
					delete(model, n)
				}
			case 2:
				if r.IntN(20) == 0 {
					p.flush(b)
				}
			default:
				o := tiny(pods, "a", strconv.Itoa(n), n, i+1)
				text := bodyText(o) + string(make([]byte, r.IntN(30_000)*r.IntN(2)*r.IntN(2)))
				d := applied(o, 1)
				d.Body = watch.Body{Encoding: watch.EncodingJSON, Data: []byte(text)}
				p.keep(b, []watch.Delta{d})
				model[n] = kept{o, text}
			}
		}
		if r.IntN(2) == 0 {
			p.flush(b)
		}
		plain, held, live := 0, 0, 0
		for _, blk := range b.blocks {
			if blk != nil {
				plain, held, live = plain+blk.plain, held+blk.held(), live+blk.live
			}
		}
		for n, k := range model {
			if body, ok := b.get(k.object); !ok || string(body.Data) != k.text {
				t.Fatalf("seed %d: the body of %d is wrong (found: %v)", seed, n, ok)
			}
		}
		var st Stats
		pool.gauges(&st)
		if st.Bodies != len(model) || live != len(model) || len(b.at) != len(model) || int(st.PlainBytes) != plain || int(st.RawBytes) != held {
			t.Errorf("seed %d: gauges say %d bodies, %d plain, %d held; there are %d (%d filed), %d and %d", seed, st.Bodies, st.PlainBytes, st.RawBytes, len(model), len(b.at), plain, held)
		}
		b.close()
		st = Stats{}
		if pool.gauges(&st); st.Bodies != 0 || st.RawBytes != 0 || st.PlainBytes != 0 {
			t.Errorf("seed %d: after close the gauges say %+v", seed, st)
		}
	})
}
