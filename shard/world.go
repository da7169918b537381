package shard

import (
	"iter"
	"sort"
	"time"

	"orka/watch"
)

// World is everything the store knew at one moment: one immutable value. A World never holds half a delta; it may
// hold part of a list, whose watcher's Status says so.
type World struct {
	// Epoch grows with every World of one store; the empty first one has 0.
	Epoch   uint64
	BuiltAt time.Time // wall clock
	// Shards are in the order of Key.Compare. A shard that lost its last object stays, empty, for a while.
	Shards []*Shard

	planner Planner
	objects int
}

func newWorld(epoch uint64, at time.Time, planner Planner, shards []*Shard) *World {
	w := &World{Epoch: epoch, BuiltAt: at, Shards: shards, planner: planner}
	for _, s := range shards {
		w.objects += s.Len
	}
	return w
}

// Len counts all objects.
func (w *World) Len() int { return w.objects }

// Count counts the objects of a kind.
func (w *World) Count(kind *watch.Kind) int {
	n := 0
	for s := range w.Find(kind) {
		n += s.Len
	}
	return n
}

// Find yields the shards of a kind, in order.
func (w *World) Find(kind *watch.Kind) iter.Seq[*Shard] {
	return func(yield func(*Shard) bool) {
		i := sort.Search(len(w.Shards), func(i int) bool { return w.Shards[i].Kind.Compare(kind.GVK) >= 0 })
		for ; i < len(w.Shards) && w.Shards[i].Kind.GVK == kind.GVK; i++ {
			// Two Kinds of one GVK are in a World only while a type changes.
			if w.Shards[i].Kind == kind && !yield(w.Shards[i]) {
				return
			}
		}
	}
}

// Get returns one object, or nil.
func (w *World) Get(kind *watch.Kind, namespace, name string) *watch.Object {
	key := w.planner.Plan(kind, namespace)
	for s := range w.Find(kind) {
		if s.Key == key {
			return s.Get(namespace, name)
		}
	}
	return nil
}

// All yields every object: shard by shard, in key order within each.
func (w *World) All() iter.Seq[*watch.Object] {
	return func(yield func(*watch.Object) bool) {
		for _, s := range w.Shards {
			for o := range s.All() {
				if !yield(o) {
					return
				}
			}
		}
	}
}
