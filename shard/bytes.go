package shard

import (
	"reflect"

	"orka/watch"
)

// What a snapshot is said to weigh is an estimate: counted are an object's struct and the strings that are its own,
// each rounded as the allocator does, its place in a page with the builder's notes beside it, and each distinct label
// set once per shard. Strings that decoders share between objects (namespaces, owners, status words) are left out.
// TestSnapshotBytes holds the estimate against the live heap.
var (
	objectSize = uint64(reflect.TypeFor[watch.Object]().Size())
	ownerSize  = uint64(reflect.TypeFor[watch.Owner]().Size())
)

const (
	// placeSize is an object's share of a leaf: pointer, mask, two ids, mark and hash, and a fifth of that for places
	// that are empty.
	placeSize = (8 + 8 + 4 + 4 + 8 + 4) * 6 / 5
	// labelSetSize is a table entry: value, id and count in a map and two slices.
	labelSetSize = 2*16 + 16
)

func objectBytes(o *watch.Object) uint64 {
	n := objectSize + placeSize + uint64(len(o.Owners))*ownerSize //nolint:gosec // a length
	for _, own := range [...]int{len(o.Name), len(o.UID), len(o.ResourceVersion), len(o.Annos), len(o.Cells), len(o.Fields)} {
		n += stringBytes(own)
	}
	return n
}

func labelSetBytes(set watch.Pairs) uint64 { return labelSetSize + stringBytes(len(set)) }

// stringBytes is what the allocator gives a string of n bytes: size classes are 16 bytes apart where most strings are.
func stringBytes(n int) uint64 { return uint64(n+15) &^ 15 } //nolint:gosec // a length
