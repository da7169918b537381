package engine

import (
	"log/slog"
	"time"

	"orka/apply"
	"orka/shard"
	"orka/watch"
)

// Config is all that can be turned. The zero value is not valid: start from DefaultConfig. Knobs (knobs.go)
// set these fields from flags, environment and file, and check each value as they do.
type Config struct {
	Shards      int           // namespace buckets per kind
	RelistEvery time.Duration // ±10%
	BackoffMax  time.Duration
	QueueCap    int // distinct keys per coalescer
	PageLimit   int // objects per list page
	MaxLabels   int // per object; 0 is no limit
	MaxAnnos    int // per object; 0 is no limit

	MaxRSS      uint64        // bytes; what the memory gauge is held against
	MaxRawBytes uint64        // compressed bodies, bytes; 0 is no limit but MaxRSS
	DropRawTTL  time.Duration // bodies not looked at for so long may go

	SearchLimit         int
	SearchMaxCandidates int // 0 is no limit
	SearchMinScore      int // 0 is no minimum

	MetricsAddr string // "" is off
	LogLevel    slog.Level

	ReadOnly bool
	// ReadOnlyContexts are the contexts of the kubeconfig in which orka is read-only, as globs; the caller sets ReadOnly.
	ReadOnlyContexts []string

	MaxSnapshotAge        time.Duration // since the last confirmation of a kind; older, nothing of it is applied
	DisableApplyPreflight bool          // skips the guard's conditions on freshness, never the server's own precondition
	MaxYAMLBytes          int           // of a draft or a file
	MaxYAMLNodes          int           // of a draft or a file, aliases expanded
	DBPath                string        // of the history; "" leaves the place to the caller

	// What follows is set by the caller, not by a knob.

	// Select picks the kinds to watch of all that are served; nil watches every kind that can be listed.
	Select func(Served) []*watch.Kind
	// Namespace narrows every namespaced kind to one namespace; "" is all.
	Namespace string
	// HomeNamespaces are tried where a cluster-wide list is forbidden and namespaces can't be listed.
	HomeNamespaces []string
	// Planner cuts the World into shards; nil is shard.Modulo(Shards).
	Planner shard.Planner
	// KeepBodies keeps compressed bodies beside the World.
	KeepBodies bool
	// Identity is who applies, and where.
	Identity apply.Identity
	Logger   *slog.Logger
}

// DefaultConfig is every knob's default.
func DefaultConfig() Config {
	w := watch.DefaultConfig()
	return Config{
		Shards:      4,
		RelistEvery: w.RelistEvery,
		BackoffMax:  w.BackoffMax,
		QueueCap:    shard.DefaultQueueCap,
		PageLimit:   w.PageLimit,
		MaxAnnos:    16,
		MaxRSS:      800 << 20,
		DropRawTTL:  900 * time.Second,
		SearchLimit: 50,
		LogLevel:    slog.LevelInfo,

		MaxSnapshotAge: watch.ConfirmWithin,
		MaxYAMLBytes:   1 << 20,
		MaxYAMLNodes:   100_000,

		KeepBodies: true,
		Logger:     slog.New(slog.DiscardHandler),
	}
}
