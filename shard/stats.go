package shard

import (
	"slices"
	"time"
)

// ShardStat are the gauges of one shard.
type ShardStat struct {
	Key       Key
	Objects   int // published
	QueueLen  int // deltas waiting
	QueueCap  int
	Dropped   uint64 // deltas that found no room, since start
	LastBuild time.Duration
	Version   uint64
}

// Stats are the gauges of a store.
type Stats struct {
	Epoch   uint64
	Objects int // published
	// SnapshotBytes is the accounted memory of the published objects and pages (an estimate, see bytes.go).
	SnapshotBytes uint64
	// LabelSets counts the distinct label sets, per shard, summed.
	LabelSets int
	QueueLen  int
	Dropped   uint64

	// Bodies counts the bodies kept, RawBytes the memory they hold (compressed, and uncompressed while they wait for
	// their block), PlainBytes their size before compression.
	Bodies               int
	RawBytes, PlainBytes uint64
	// BodiesDropped counts bodies let go to save memory, since start.
	BodiesDropped uint64

	// Last is the newest publication.
	Last   PublishStats
	Shards []ShardStat // in World order
}

// Stats reads the gauges. They are taken one after the other, each true at its time.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	var shards []*shardState
	for _, ks := range s.kinds {
		for _, shard := range ks.shards {
			shards = append(shards, shard)
		}
	}
	s.mu.Unlock()
	slices.SortStableFunc(shards, func(a, b *shardState) int { return a.key.Compare(b.key) })

	st := Stats{Epoch: s.World().Epoch, Shards: make([]ShardStat, 0, len(shards))}
	for _, shard := range shards {
		stat := ShardStat{Key: shard.key, QueueCap: shard.queue.capacity, LastBuild: time.Duration(shard.lastBuild.Load())}
		stat.QueueLen, stat.Dropped = shard.queue.gauges()
		if p := shard.published.Load(); p != nil {
			stat.Objects, stat.Version = p.shard.Len, p.shard.Version
			st.SnapshotBytes += p.bytes
			st.LabelSets += p.labelSets
		}
		st.Objects += stat.Objects
		st.QueueLen += stat.QueueLen
		st.Dropped += stat.Dropped
		st.Shards = append(st.Shards, stat)
	}
	if last := s.last.Load(); last != nil {
		st.Last = *last
	}
	s.bodies.gauges(&st)
	return st
}
