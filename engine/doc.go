// Package engine runs orka over one cluster: it discovers the kinds, keeps a watcher for each, feeds
// their deltas to the shard store, follows the World with the search index, reads the gauges, and
// publishes all of it as one immutable [View].
//
// [Engine.Run] owns every goroutine: the store's workers, one watcher per scope, the discovery loop, the
// view loop, the fall-back of restricted users, the gauges, and the metrics server. It returns when its
// context ends and all of them have ended. [New] starts nothing.
//
// Readers call [Engine.View] (one atomic load) and learn of newer Views through [Engine.Changed]. Nothing
// a reader does can block the engine.
package engine
