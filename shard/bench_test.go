package shard

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"orka/watch"
)

// quantiles reports p50 and p99 of took, in microseconds.
func quantiles(b *testing.B, took []time.Duration, of string) {
	slices.Sort(took)
	at := func(q float64) float64 { return float64(took[int(q*float64(len(took)-1))]) / 1e3 }
	b.ReportMetric(at(0.5), "p50-"+of)
	b.ReportMetric(at(0.99), "p99-"+of)
}

// BenchmarkUpdate256 is build and swap of 256 random updates of 100,000 objects, as workers and publisher do them.
func BenchmarkUpdate256(b *testing.B) {
	for _, buckets := range []int{1, 4, 16} {
		b.Run(strconv.Itoa(buckets)+"-shards", func(b *testing.B) {
			objects := somePods(100_000)
			s := NewSerial(Modulo(buckets))
			for _, o := range objects {
				s.Apply(applied(o, 1))
			}
			s.World()
			r := rand.New(rand.NewPCG(1, 1))
			batch := make([]watch.Delta, 256)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var took, cpu []time.Duration
			version := 1_000_000
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				for i := range batch {
					n := r.IntN(len(objects))
					version++
					batch[i] = applied(pod(r, n, version), 1)
				}
				b.StartTimer()
				start, startCPU := time.Now(), threadCPU()
				s.Apply(batch...)
				s.World()
				took, cpu = append(took, time.Since(start)), append(cpu, threadCPU()-startCPU)
			}
			quantiles(b, took, "µs")
			quantiles(b, cpu, "µs-cpu")
		})
	}
}

// BenchmarkLoad is a list of 100,000 objects through the store, from Put to the World that holds all of it.
func BenchmarkLoad(b *testing.B) {
	for _, bodies := range []bool{false, true} {
		b.Run(map[bool]string{false: "without-bodies", true: "with-bodies"}[bodies], func(b *testing.B) {
			objects := somePods(100_000)
			deltas := make([]watch.Delta, len(objects))
			var raw [256][]byte
			for i, o := range objects {
				deltas[i] = applied(o, 1)
				if bodies {
					if i < len(raw) {
						raw[i] = rawPod(o)
					}
					deltas[i].Body = watch.Body{Encoding: watch.EncodingJSON, Data: raw[i%len(raw)]}
				}
			}
			b.ReportAllocs()
			cpu := processCPU()
			for b.Loop() {
				store, err := NewStore(Config{Planner: Modulo(4), KeepBodies: bodies})
				if err != nil {
					b.Fatal(err)
				}
				store.cfg.Check = false
				ctx, cancel := context.WithCancel(b.Context())
				ended := make(chan error, 1)
				go func() { ended <- store.Run(ctx) }()
				for page := range slices.Chunk(deltas, 500) {
					if err := store.Put(ctx, pods, page); err != nil {
						b.Fatal(err)
					}
				}
				if err := store.Sweep(ctx, watch.Scope{Kind: pods}, 1); err != nil {
					b.Fatal(err)
				}
				if n := store.World().Len(); n != len(objects) {
					b.Fatalf("%d objects", n)
				}
				cancel()
				<-ended
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(objects)), "µs/object")
			b.ReportMetric(float64((processCPU()-cpu).Microseconds())/float64(b.N*len(objects)), "µs-cpu/object")
		})
	}
}

// BenchmarkBodyCompress files and compresses bodies of 8.7 KB.
func BenchmarkBodyCompress(b *testing.B) {
	objects := somePods(2000)
	deltas := make([]watch.Delta, len(objects))
	for i, o := range objects {
		deltas[i] = withBody(o, 1)
	}
	pool, err := newBodyPool(Config{Workers: 1})
	if err != nil {
		b.Fatal(err)
	}
	p, err := pool.newPress()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		all := pool.newBodies()
		p.keep(all, deltas)
		p.flush(all)
		b.StopTimer()
		n := float64(len(deltas))
		b.ReportMetric(float64(pool.held.Load())/n, "bytes/body")
		b.ReportMetric(float64(pool.plain.Load())/n, "plain-bytes/body")
		all.close()
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(deltas)), "µs/body")
}

func BenchmarkBodyLookup(b *testing.B) {
	objects := somePods(2000)
	pool, err := newBodyPool(Config{Workers: 1})
	if err != nil {
		b.Fatal(err)
	}
	p, err := pool.newPress()
	if err != nil {
		b.Fatal(err)
	}
	all := pool.newBodies()
	for _, o := range objects {
		p.keep(all, []watch.Delta{withBody(o, 1)})
	}
	p.flush(all)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, ok := all.get(objects[i%len(objects)]); !ok {
			b.Fatal("a body is missing")
		}
		i++
	}
}

func BenchmarkMaskOf(b *testing.B) {
	objects := somePods(1000)
	i := 0
	for b.Loop() {
		MaskOf(objects[i%len(objects)])
		i++
	}
}

func BenchmarkDigest(b *testing.B) {
	w := BuildWorld(Modulo(4), somePods(10_000)...)
	for b.Loop() {
		w.Digest()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10_000), "ns/object")
}

// BenchmarkMemory reports what 100,000 pods weigh: the live heap with and without what their Objects are made of, and
// what Stats says.
func BenchmarkMemory(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		start := liveHeap()
		objects := somePods(n)
		decoded := liveHeap()
		s := NewSerial(Modulo(4))
		in := &watch.Interner{}
		for _, o := range objects {
			share(in, o)
			s.Apply(applied(o, 1))
		}
		w := s.World()
		runtime.KeepAlive(in)
		objects, in = nil, nil //nolint:ineffassign // lets go of what liveHeap is not to count
		built := liveHeap()
		var accounted uint64
		for _, bl := range s.builders {
			accounted += bl.bytes
		}
		b.ReportMetric(float64(decoded-start)/n, "decoded-bytes/object")
		b.ReportMetric(float64(built-start)/n, "built-bytes/object")
		b.ReportMetric(float64(accounted)/n, "accounted-bytes/object")
		b.ReportMetric(100*fill(w), "%-full")
		runtime.KeepAlive(w)
		runtime.KeepAlive(s)
	}
}
