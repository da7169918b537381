package engine

import (
	"time"

	"orka/search"
	"orka/shard"
	"orka/watch"
	"orka/watch/kube"
)

// View is what a reader takes: one consistent picture, immutable. The Index's epoch is at most the
// World's: publication never waits for the index.
type View struct {
	Seq    uint64 // grows with every View, also when only Health changed
	World  *shard.World
	Index  *search.Index
	Health Health
	At     time.Time // wall clock of publication
}

// Health is how far the World may be believed, and what it costs.
type Health struct {
	Served
	Server    Server
	Watchers  []*watch.Status
	Discovery []DiscoveryFailure
	// Reviewing is set while it is not known yet in which namespaces a forbidden kind may be watched.
	Reviewing bool
	Memory    Memory
	Shards    []shard.ShardStat
	Store     shard.Stats
}

// Served is what the server serves, as far as its groups answer.
type Served struct {
	Kinds []*watch.Kind // in GVK order
	// Aliases are resources whose objects are those of one of Kinds: events.events.k8s.io.
	Aliases []kube.Alias
}

// Kind finds a kind by any of its names (watch.Kind.Answers), aliases included. The core group wins, then the
// first group by name.
func (s *Served) Kind(name string) *watch.Kind {
	for _, k := range s.Kinds {
		if k.Answers(name) {
			return k
		}
	}
	for _, a := range s.Aliases {
		if a.Kind.Answers(name) {
			return a.Of
		}
	}
	return nil
}

// Server is the connection as a whole.
type Server struct {
	// Connected is set once discovery has answered.
	Connected bool
	Version   string
	// Err says why discovery does not answer now; "" when it does. RetryAt is its next try.
	Err     string
	RetryAt time.Time
}

// DiscoveryFailure is a group whose resources are not known now.
type DiscoveryFailure struct {
	GroupVersion string
	Err          string
}

// Memory holds the gauges, in bytes.
type Memory struct {
	RSS    uint64 // resident set of the process; 0 where the platform doesn't say
	Heap   uint64 // live and unswept heap objects, runtime/metrics
	Budget uint64 // the cap all of it is held against
	// Classes account for what orka itself keeps; Cap is 0 where a class has none of its own.
	Classes []MemoryClass
	Stage   string // "ok", "soft", "hard", "critical"
}

// MemoryClass is one accounted part of memory.
type MemoryClass struct {
	Name  string // "snapshot", "index", "bodies", "queues"
	Bytes uint64
	Cap   uint64
}
