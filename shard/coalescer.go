package shard

import (
	"sync"

	"orka/watch"
)

const (
	// DefaultQueueCap is how many deltas a coalescer holds: four list pages of 500, or a burst of two thousand distinct
	// objects of one shard, which a worker drains in a few milliseconds.
	DefaultQueueCap = 2048
	// queueBodyBytes is how many bytes of bodies a coalescer holds: some two hundred pods. Lists wait beyond it; events
	// of a stream go on without their body, since a missing body is only a live fetch later.
	queueBodyBytes = 2 << 20
)

// coalescer holds what one shard has accepted and not yet built, the last state of each object. Only what gives the
// same result as all deltas one by one is merged: deltas of one uid. An object that was deleted and made anew, or is
// deleted right after it appeared, takes two places.
type coalescer struct {
	capacity int

	mu        sync.Mutex
	entries   []watch.Delta // in the order they came
	last      map[objectKey]int
	bytes     int // of bodies
	sweeps    []*barrier
	room      chan struct{} // closed at the next drain; nil when nobody waits
	dropped   uint64
	scheduled bool // a worker has it or will come for it
	closed    bool // the shard was removed: nothing is accepted any more
}

// objectKey is a key within a kind.
type objectKey struct{ namespace, name string }

// acceptance is what became of a delta that was handed in.
type acceptance struct {
	ok       bool
	gone     bool            // the shard was removed: ask the store for the shard again
	schedule bool            // the caller must hand the shard to the workers
	room     <-chan struct{} // when not ok: closed when it is worth trying again
}

// add takes d if it has room. patient callers are told to wait when the bodies waiting are too large; for others the
// body is left out.
func (c *coalescer) add(d *watch.Delta, patient bool) acceptance {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return acceptance{gone: true}
	}
	key := objectKey{d.Object.Namespace, d.Object.Name}
	if i, ok := c.last[key]; ok {
		size := len(c.entries[i].Body.Data)
		if c.merge(&c.entries[i], d, !patient && c.bytes > queueBodyBytes) {
			c.bytes += len(c.entries[i].Body.Data) - size
			return acceptance{ok: true} // what is not empty is scheduled
		}
	}
	heavy := len(d.Body.Data) > 0 && c.bytes > queueBodyBytes
	if len(c.entries) >= c.capacity || heavy && patient {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		return acceptance{room: c.room}
	}
	c.entries = append(c.entries, *d)
	if heavy {
		c.entries[len(c.entries)-1].Body = watch.Body{}
	}
	c.bytes += len(c.entries[len(c.entries)-1].Body.Data)
	if c.last == nil {
		c.last = map[objectKey]int{}
	}
	c.last[key] = len(c.entries) - 1
	return acceptance{ok: true, schedule: c.schedule()}
}

// merge makes held, the last delta of a key, hold d as well, and reports whether that is possible: building held
// must then give what building both in turn gives, whatever is stored.
func (c *coalescer) merge(held, d *watch.Delta, withoutBody bool) bool {
	switch {
	case held.Object.UID != d.Object.UID:
		return false // what becomes of either depends on what is stored
	case d.Op == watch.Deleted && held.Op == watch.Applied:
		// The delete only counts for its own uid: the appearance that displaces another one must come first. Its
		// body will never be looked at.
		c.bytes -= len(held.Body.Data)
		held.Body = watch.Body{}
		return false
	case d.Op == watch.Deleted:
		held.Generation = max(held.Generation, d.Generation)
		return true
	case held.Op == watch.Deleted:
		// Uids are not used again: only a newer list may show it once more.
		return d.Generation <= held.Generation && d.Object.UID != ""
	}
	switch judge(held.Object, held.Generation, d.Object, d.Generation) {
	case ignored:
	case remarked:
		held.Generation = d.Generation
		if d.Body.Data != nil && !withoutBody {
			held.Body = d.Body
		}
	case replaced:
		arrived := held.Arrived // lag is that of the oldest
		*held = *d
		held.Arrived = arrived
		if withoutBody {
			held.Body = watch.Body{}
		}
	}
	return true
}

// barrier is called for by Sweep: once applied after everything accepted before, it is counted down.
func (c *coalescer) addBarrier(s *barrier) (ok, schedule bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false, false
	}
	c.sweeps = append(c.sweeps, s)
	return true, c.schedule()
}

// schedule reports whether the shard has to be handed to the workers. c.mu is held.
func (c *coalescer) schedule() bool {
	was := c.scheduled
	c.scheduled = true
	return !was
}

// drain hands out everything and makes room.
func (c *coalescer) drain() ([]watch.Delta, []*barrier) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries, sweeps := c.entries, c.sweeps
	c.entries, c.sweeps, c.bytes = nil, nil, 0
	// Go's maps keep their size: the one of a burst is let go.
	if len(c.last) > 64 {
		c.last = nil
	} else {
		clear(c.last)
	}
	c.wake()
	return entries, sweeps
}

// done ends a worker's turn and reports whether there is more to do.
func (c *coalescer) done() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scheduled = len(c.entries) > 0 || len(c.sweeps) > 0
	return c.scheduled
}

// closeIdle closes a coalescer that holds nothing and has dropped nothing, and reports whether it did.
func (c *coalescer) closeIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) > 0 || len(c.sweeps) > 0 || c.dropped > 0 {
		return false
	}
	c.closed = true
	return true
}

// close lets go of everything, now and later, and returns the sweeps that waited.
func (c *coalescer) close() []*barrier {
	c.mu.Lock()
	defer c.mu.Unlock()
	sweeps := c.sweeps
	c.entries, c.last, c.sweeps, c.bytes, c.closed = nil, nil, nil, 0, true
	c.wake()
	return sweeps
}

// wake tells those who wait for room. c.mu is held.
func (c *coalescer) wake() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// drop counts what found no room.
func (c *coalescer) drop(n int) {
	c.mu.Lock()
	c.dropped += uint64(n) //nolint:gosec // a count
	c.mu.Unlock()
}

// gauges returns the deltas held and those dropped so far.
func (c *coalescer) gauges() (length int, dropped uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries), c.dropped
}
