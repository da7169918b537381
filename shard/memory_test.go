package shard

import (
	"runtime"
	"testing"

	"orka/watch"
)

// TestSnapshotBytes holds the accounted memory of a World against what the collector finds.
func TestSnapshotBytes(t *testing.T) {
	const n = 20_000
	start := liveHeap()
	s := NewSerial(Modulo(4))
	var in watch.Interner
	for _, o := range somePods(n) {
		share(&in, o)
		s.Apply(applied(o, 1))
	}
	w := s.World()
	in = watch.Interner{}
	found := liveHeap() - start
	var accounted uint64
	for _, b := range s.builders {
		accounted += b.bytes
	}
	t.Logf("%d bytes an object accounted, %d found", accounted/n, found/n)
	if accounted < found*8/10 || accounted > found*12/10 {
		t.Errorf("accounted are %d bytes, found %d: more than a fifth apart", accounted, found)
	}
	runtime.KeepAlive(w)
	runtime.KeepAlive(s)

	for o := range w.All() { // and all of it is given back
		s.Apply(deleted(o, 1))
	}
	s.World()
	for _, b := range s.builders {
		for _, set := range b.labelSets.values {
			b.bytes -= labelSetBytes(set)
		}
		if b.bytes != 0 {
			t.Errorf("shard %s accounts for %d bytes without an object", b.key, b.bytes)
		}
	}
}

// share makes equal strings share memory, as decoders do.
func share(in *watch.Interner, o *watch.Object) {
	o.Namespace, o.Status = in.String(o.Namespace), in.String(o.Status)
	o.Labels, o.Annos = watch.Pairs(in.String(string(o.Labels))), watch.Pairs(in.String(string(o.Annos)))
	for i := range o.Owners {
		w := &o.Owners[i]
		w.Name, w.UID = in.String(w.Name), in.String(w.UID)
	}
}

// liveHeap is what a collection leaves.
func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
