package search

import (
	"context"
	"math/bits"
)

// docSets holds one set of documents for each page of an index.
type docSets struct {
	ix   *Index
	sets []uint64 // by Index.first[shard] + page
}

func newDocSets(ix *Index) *docSets { return &docSets{ix: ix, sets: make([]uint64, ix.pages)} }

// of are the sets of one shard.
func (d *docSets) of(shard int) []uint64 {
	return d.sets[d.ix.first[shard] : d.ix.first[shard]+len(d.ix.shards[shard].pages)]
}

func (d *docSets) count() int {
	n := 0
	for _, s := range d.sets {
		n += bits.OnesCount64(s)
	}
	return n
}

// cursor walks the documents of a set in one shard.
type cursor struct {
	entry
	shard *indexShard
	sets  []uint64
	page  int
	rest  uint64 // of the page, the current document included
}

// settle moves to the first document at or after the current place; false when there is none.
func (c *cursor) settle() bool {
	for c.rest == 0 {
		if c.page++; c.page >= len(c.sets) {
			return false
		}
		c.rest = c.sets[c.page]
	}
	p := c.shard.pages[c.page]
	i := bits.TrailingZeros64(c.rest)
	c.object = p.src.Objects[i]
	c.namespace, c.name = c.object.Namespace, c.object.Name
	return true
}

// merge yields the documents of all shards in the order of namespace, name, kind, uid. Each shard is in that
// order already, so a heap of one cursor per shard gives the next document in log(shards) comparisons, and who
// stops early pays for no more.
func (d *docSets) merge(ctx context.Context, yield func(c *cursor) bool) error {
	var heap []*cursor
	for n, s := range d.ix.shards {
		c := &cursor{shard: s, sets: d.of(n), page: -1}
		if c.settle() {
			heap = append(heap, c)
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		sift(heap, i)
	}
	for n := 0; len(heap) > 0; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c := heap[0]
		if !yield(c) {
			return nil
		}
		c.rest &= c.rest - 1
		if !c.settle() {
			heap[0] = heap[len(heap)-1]
			heap = heap[:len(heap)-1]
		}
		sift(heap, 0)
	}
	return nil
}

// checkEvery is after how many documents a merge looks whether it was cancelled: about as many as a scan
// evaluates in a few pages.
const checkEvery = 256

func sift(heap []*cursor, i int) {
	for {
		down := 2*i + 1
		if down >= len(heap) {
			return
		}
		if down+1 < len(heap) && heap[down+1].compareKey(&heap[down].entry) < 0 {
			down++
		}
		if heap[i].compareKey(&heap[down].entry) <= 0 {
			return
		}
		heap[i], heap[down] = heap[down], heap[i]
		i = down
	}
}

// firstOnly keeps the first n documents, in the order of merge.
func (d *docSets) firstOnly(ctx context.Context, n int) (*docSets, error) {
	kept := newDocSets(d.ix)
	at := make(map[*indexShard]int, len(d.ix.shards))
	for i, s := range d.ix.shards {
		at[s] = d.ix.first[i]
	}
	left := n
	err := d.merge(ctx, func(c *cursor) bool {
		if left == 0 {
			return false
		}
		left--
		kept.sets[at[c.shard]+c.page] |= c.rest & -c.rest
		return true
	})
	return kept, err
}
