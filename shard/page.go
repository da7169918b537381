package shard

import (
	"iter"
	"sort"
	"strconv"
	"strings"

	"orka/watch"
)

// PageSize is the most objects a page holds. A changed object costs a copy of its page (64 pointers are 8 cache
// lines, its columns 16 more), a publication a copy of the page array; 64 balances the two at 100,000 objects in a
// shard.
const PageSize = 64

// Page is a run of neighbouring objects, in Object.CompareName order, with the columns that search scans beside
// them: all four slices have the same length, between 1 and PageSize. A published Page is immutable; pages of
// successive Worlds may share columns.
type Page struct {
	Objects []*watch.Object
	Masks   []uint64 // MaskOf each object
	// Namespaces and LabelSets are ids: indices into the tables of the Shard the page was reached through.
	Namespaces []uint32
	LabelSets  []uint32
}

// Shard is one immutable version of one shard.
type Shard struct {
	Key
	// Version is the epoch of the first World that held this version.
	Version uint64
	Pages   []*Page
	Len     int // objects in all pages

	// Namespaces and LabelSets are the values that ids in pages stand for. They may hold values that no object has
	// any more. While Tables stays the same they only grow at their end, so what was worked out for an id holds
	// in later versions; when Tables has changed, all ids were given anew (and all pages are new). No two shards of a process
	// have the same Tables, nor has one that was forgotten and is there again.
	Namespaces []string
	LabelSets  []watch.Pairs
	Tables     uint64
}

// All yields the objects in key order.
func (s *Shard) All() iter.Seq[*watch.Object] {
	return func(yield func(*watch.Object) bool) {
		for _, p := range s.Pages {
			for _, o := range p.Objects {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// Get returns the object of that namespace and name, or nil.
func (s *Shard) Get(namespace, name string) *watch.Object {
	i := sort.Search(len(s.Pages), func(i int) bool {
		return compareKey(s.Pages[i].Objects[0], namespace, name) > 0
	})
	if i == 0 {
		return nil
	}
	p := s.Pages[i-1]
	if j, ok := searchPage(p, namespace, name); ok {
		return p.Objects[j]
	}
	return nil
}

// searchPage is the place of a key in a page: its index, or the index it would be inserted at.
func searchPage(p *Page, namespace, name string) (int, bool) {
	lo, hi := 0, len(p.Objects)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch c := compareKey(p.Objects[mid], namespace, name); {
		case c == 0:
			return mid, true
		case c < 0:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false
}

// compareKey orders o against a key, as Object.CompareName does.
func compareKey(o *watch.Object, namespace, name string) int {
	if c := strings.Compare(o.Namespace, namespace); c != 0 {
		return c
	}
	return strings.Compare(o.Name, name)
}

func itoa(n uint16) string { return strconv.Itoa(int(n)) }
