package shard

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"
)

const (
	// OfferWait is how long Offer waits for room before it drops: ten times what a worker needs to drain a full
	// coalescer, and far less than what a watch stream may stand still without the server closing it.
	OfferWait = 100 * time.Millisecond
	// publishFast is the cadence of Worlds while someone waits: half a frame of a 60 Hz screen.
	publishFast = 8 * time.Millisecond
	// publishSlow is the cadence under a steady flow: the UI takes at most 20 Views a second, so that more Worlds
	// would only cost the index its time.
	publishSlow = 50 * time.Millisecond
	// bodiesWait is how long bodies wait for a block to fill before they are compressed as they are: bounds both what
	// lies around uncompressed and how often short blocks are rewritten.
	bodiesWait = time.Second
	// applyChunk is how many deltas are built before the publisher may have the shard: about 0.3 ms.
	applyChunk = 256
)

// ErrStopped is returned by calls that wait on a Store whose Run has ended.
var ErrStopped = errors.New("the store has stopped: its Run has ended")

// Config of a Store.
type Config struct {
	Planner  Planner // nil means Modulo(1)
	QueueCap int     // deltas per coalescer; 0 means DefaultQueueCap
	Workers  int     // goroutines that build; 0 means one per CPU, at most 4

	// KeepBodies keeps compressed bodies beside the World.
	KeepBodies bool
	// MaxRawBytes bounds the kept bodies, as compressed; beyond it the least recently used go. 0 means no bound.
	MaxRawBytes uint64

	// Check runs World.Check at every publication; a violation ends Run with its error. ORKA_CHECK=1 sets it.
	Check bool

	// OnBuild and OnPublish, when set, are told of each build and publication, from the goroutine that did it; they must
	// not block.
	OnBuild   func(BuildStats)
	OnPublish func(PublishStats)
}

// BuildStats is one drain of one shard.
type BuildStats struct {
	Key     Key
	Batch   int // deltas, after coalescing
	Changed int // objects that changed, appeared or disappeared
	Took    time.Duration
}

// PublishStats is one publication.
type PublishStats struct {
	Epoch  uint64
	Shards int // that changed
	// Merge is the time to freeze the changed shards and to compose the World of all; Swap the time from the first
	// change that the World brings to its publication; Lag that from the earliest arrival of a delta in it.
	Merge, Swap, Lag time.Duration
}

func (c Config) withDefaults() Config {
	if c.Planner == nil {
		c.Planner = Modulo(1)
	}
	if c.QueueCap == 0 {
		c.QueueCap = DefaultQueueCap
	}
	if c.Workers == 0 {
		c.Workers = min(runtime.GOMAXPROCS(0), 4)
	}
	c.Check = c.Check || os.Getenv("ORKA_CHECK") == "1"
	return c
}

// Validate names the first setting that can't be used.
func (c Config) Validate() error {
	if c.QueueCap < 0 {
		return fmt.Errorf("shard: QueueCap is %d: a coalescer must hold at least one delta; 0 chooses %d", c.QueueCap, DefaultQueueCap)
	}
	if c.Workers < 0 {
		return fmt.Errorf("shard: Workers is %d: at least one goroutine must build; 0 chooses one per CPU", c.Workers)
	}
	return nil
}
