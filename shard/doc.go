// Package shard is the store: it turns the deltas that watchers deliver into immutable Worlds.
//
//	Delta ─► coalescer ─► builder ─► Shard ─┐
//	         one per shard, bounded         ├─► World (one atomic store) ─► Changed
//	Delta ─► coalescer ─► builder ─► Shard ─┘
//	              └─► bodies (compressed, beside the World)
//
// A [World] is a list of [Shard]s in a fixed order; a Shard is an array of pointers to [Page]s of at most
// [PageSize] objects in key order. A publication copies the pages that changed, the page arrays that hold
// them and the list of shards, and nothing else: what has not changed keeps its pointer, which is how every
// follower knows that it has nothing to do.
//
// Order. Deltas of one object are applied in the order the [Store] accepted them; merging them in the
// coalescer gives the result of applying them one by one. A Sweep is applied after everything accepted before it.
//
// Goroutines. [Store.Run] owns all of them: a fixed pool of workers, each building one shard at a time, and
// one publisher. Readers need no lock: [Store.World] is one atomic load. Run ends with its context; calls that wait
// then return [ErrStopped].
//
// [Serial] is the same store without goroutines, for replay, for tests and for whoever has all objects at hand.
package shard
