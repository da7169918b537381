package search

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"orka/shard"
)

// Index is a World made searchable. It is immutable, and safe for any number of readers.
//
// Invariant: for every World w and every Index ix, ix.Advance(w) finds what Build(w) finds.
type Index struct {
	world  *shard.World
	shards []*indexShard // of world.Shards, in their order
	first  []int         // how many pages stand before each shard
	pages  int
}

// indexShard is what the index keeps beside one shard.Shard.
type indexShard struct {
	src   *shard.Shard
	pages []*page
	bytes int
}

// Build makes the index of a World from nothing, on all processors.
func Build(w *shard.World) *Index { return (&Index{world: &shard.World{}}).Advance(w) }

// Advance makes the index of a later World, and reuses what did not change: shards and pages whose pointers are
// the same. It costs what changed, plus one pass over the page pointers of the shards that changed. Any World
// will do, also an earlier one or one of another store; there is then nothing to reuse.
func (ix *Index) Advance(w *shard.World) *Index {
	if w == ix.world {
		return ix
	}
	next := &Index{
		world:  w,
		shards: make([]*indexShard, len(w.Shards)),
		first:  make([]int, len(w.Shards)),
	}
	var work []shardChange
	old := ix.shards
	for i, s := range w.Shards {
		next.first[i] = next.pages
		next.pages += len(s.Pages)
		// Both are in the order of their keys, so one pass finds each shard's earlier version.
		for len(old) > 0 && old[0].src.Key.Compare(s.Key) < 0 {
			old = old[1:]
		}
		var before *indexShard
		// While a type changes, two Kinds of one GVK are in a World, whose keys compare as equal.
		for j := 0; j < len(old) && old[j].src.Key.Compare(s.Key) == 0; j++ {
			if old[j].src.Key == s.Key {
				before = old[j]
			}
		}
		if before != nil && before.src == s {
			next.shards[i] = before
			continue
		}
		next.shards[i] = &indexShard{src: s, pages: make([]*page, len(s.Pages))}
		work = append(work, shardChange{next.shards[i], before})
	}
	buildAll(work)
	return next
}

// shardChange is one shard whose pages are to be made, and its version before, if any.
type shardChange struct {
	now, before *indexShard
}

// parallelPages is from how many new pages on more processors than one are worth their start.
const parallelPages = 64

func buildAll(work []shardChange) {
	var missing []place
	for i := range work {
		missing = append(missing, work[i].reuse()...)
	}
	if len(missing) > 0 {
		workers := 1
		if len(missing) >= parallelPages {
			workers = runtime.GOMAXPROCS(0)
		}
		var next atomic.Int64
		const chunk = 16
		build := func() {
			b := newPageBuilder()
			for {
				end := int(next.Add(chunk))
				if end-chunk >= len(missing) {
					return
				}
				for _, m := range missing[end-chunk : min(end, len(missing))] {
					m.build(b)
				}
			}
		}
		var wg sync.WaitGroup
		for range workers - 1 {
			wg.Go(build)
		}
		build()
		wg.Wait()
	}
	for _, m := range missing {
		m.shard.bytes += m.shard.pages[m.page].bytes()
	}
}

// place is a page that has to be built.
type place struct {
	shard *indexShard
	page  int
	old   *page // which it may be derived from, or nil
}

func (m *place) build(b *pageBuilder) {
	src := m.shard.src.Pages[m.page]
	if m.old != nil {
		if p, ok := b.derive(m.old, src, m.shard.src.Namespaces); ok {
			m.shard.pages[m.page] = p
			return
		}
	}
	m.shard.pages[m.page] = b.build(src)
}

// reuse takes over the pages that stayed, and lists the others. Pages are in key order in both versions, so a
// merge by their first objects meets every page that is in both.
func (c *shardChange) reuse() []place {
	var missing []place
	c.now.bytes = int(unsafe.Sizeof(*c.now)) + 8*len(c.now.pages)
	var old []*shard.Page
	sameTables := false
	if c.before != nil {
		old = c.before.src.Pages
		sameTables = c.before.src.Tables == c.now.src.Tables
		c.now.bytes += c.before.bytes - int(unsafe.Sizeof(*c.now)) - 8*len(old)
	}
	gone := func(j int) { c.now.bytes -= c.before.pages[j].bytes() }
	j := 0
	for i, src := range c.now.src.Pages {
		var near *page // the last old page that begins at or before src
		if j > 0 {
			near = c.before.pages[j-1]
		}
		for j < len(old) && old[j] != src && old[j].Objects[0].CompareName(src.Objects[0]) <= 0 {
			gone(j)
			near = c.before.pages[j]
			j++
		}
		if j < len(old) && old[j] == src {
			c.now.pages[i] = c.before.pages[j]
			j++
			continue
		}
		if !sameTables {
			near = nil
		}
		missing = append(missing, place{c.now, i, near})
	}
	for ; j < len(old); j++ {
		gone(j)
	}
	return missing
}

// World is the World the index was made of.
func (ix *Index) World() *shard.World { return ix.world }

// Len counts the documents.
func (ix *Index) Len() int { return ix.world.Len() }

// Bytes is about how much memory the index takes by itself, without the World.
func (ix *Index) Bytes() int {
	n := int(unsafe.Sizeof(*ix)) + 16*len(ix.shards)
	for _, s := range ix.shards {
		n += s.bytes
	}
	return n
}
