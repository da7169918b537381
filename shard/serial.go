package shard

import (
	"slices"
	"time"

	"orka/watch"
)

// Serial is a store without goroutines and queues: deltas go straight into the builders, and World publishes.
// It is owned by one goroutine. The same deltas give a Serial and a Store Worlds of the same digest.
type Serial struct {
	planner  Planner
	epoch    uint64
	builders []*builder // in order of their keys
	byKey    map[Key]*builder
	floors   map[*watch.Kind]*floors
	world    *World
	forgot   bool
}

// NewSerial makes an empty one; a nil planner means Modulo(1).
func NewSerial(planner Planner) *Serial {
	if planner == nil {
		planner = Modulo(1)
	}
	return &Serial{planner: planner, byKey: map[Key]*builder{}, floors: map[*watch.Kind]*floors{}}
}

// Apply takes deltas in stream order.
func (s *Serial) Apply(deltas ...watch.Delta) {
	for i := range deltas {
		d := &deltas[i]
		kind := d.Object.Kind
		s.builder(s.planner.Plan(kind, d.Object.Namespace)).apply(d, s.floors[kind])
	}
}

// Sweep deletes every object of the scope whose generation is below the given one.
func (s *Serial) Sweep(scope watch.Scope, generation uint64) {
	s.floors[scope.Kind] = s.floors[scope.Kind].raise(scope.Namespace, generation)
	for _, b := range s.builders {
		if b.key.Kind == scope.Kind {
			b.sweep(scope.Namespace, generation, nil)
		}
	}
}

// Forget removes a kind with all its shards.
func (s *Serial) Forget(kind *watch.Kind) {
	s.builders = slices.DeleteFunc(s.builders, func(b *builder) bool { return b.key.Kind == kind })
	for k := range s.byKey {
		if k.Kind == kind {
			delete(s.byKey, k)
		}
	}
	delete(s.floors, kind)
	s.forgot = true
}

// World publishes what has been applied so far. Without a change since the last call it returns the same World.
func (s *Serial) World() *World {
	shards := make([]*Shard, 0, len(s.builders))
	changed := s.world == nil || s.forgot
	for _, b := range s.builders {
		changed = changed || b.changed
		shards = append(shards, b.freeze(s.epoch+1))
	}
	if !changed {
		return s.world
	}
	s.epoch++
	s.forgot = false
	s.world = newWorld(s.epoch, time.Now().Round(0), s.planner, shards)
	return s.world
}

func (s *Serial) builder(key Key) *builder {
	if b := s.byKey[key]; b != nil {
		return b
	}
	b := newBuilder(key)
	s.byKey[key] = b
	i, _ := slices.BinarySearchFunc(s.builders, key, func(b *builder, k Key) int { return b.key.Compare(k) })
	s.builders = slices.Insert(s.builders, i, b)
	return b
}

// BuildWorld is the World of a list of objects, whatever their order; of two under one key the one with the higher
// resourceVersion stays. It is for tests and tools.
func BuildWorld(planner Planner, objects ...*watch.Object) *World {
	s := NewSerial(planner)
	for _, o := range objects {
		s.Apply(watch.Delta{Op: watch.Applied, Object: o})
	}
	return s.World()
}
