// Package watch is orka's vocabulary and its list/watch loop.
//
// The vocabulary (Kind, Object, Delta, Status) is what every later stage speaks: shard stores
// Objects, search evaluates them, engine publishes Statuses beside them, ui draws both. All of it
// is immutable once published: a value that has left its maker is never written again.
//
// The loop ([Watcher]) keeps one scope of one kind in step with the API server: list, sweep, watch,
// resume, relist. It owns no transport: that is watch/kube, behind [Source]. It owns no store: that
// is shard, behind [Sink].
package watch
