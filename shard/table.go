package shard

// table gives the distinct values of one shard small ids. It only grows until it is rebuilt, so ids handed to a
// published Shard keep their meaning.
type table[T comparable] struct {
	ids    map[T]uint32
	values []T
	refs   []uint32 // objects that have the value, by id
	live   int      // values with refs
}

// tableSlack is how many dead values are not worth renumbering a shard for.
const tableSlack = 64

func (t *table[T]) acquire(v T) uint32 {
	id, ok := t.ids[v]
	if !ok {
		if t.ids == nil {
			t.ids = map[T]uint32{}
		}
		id = uint32(len(t.values)) //nolint:gosec // bounded by twice the objects of a shard
		t.ids[v] = id
		t.values = append(t.values, v)
		t.refs = append(t.refs, 0)
	}
	if t.refs[id]++; t.refs[id] == 1 {
		t.live++
	}
	return id
}

func (t *table[T]) release(id uint32) {
	if t.refs[id]--; t.refs[id] == 0 {
		t.live--
	}
}

// wasteful reports whether the table is more than twice as large as it has to be: label sets of long-gone objects
// must not pile up.
func (t *table[T]) wasteful() bool { return len(t.values) > 2*t.live+tableSlack }

// compact returns a table of the live values alone, and the new id of each old one.
func (t *table[T]) compact() (*table[T], []uint32) {
	n := &table[T]{ids: make(map[T]uint32, t.live), values: make([]T, 0, t.live), refs: make([]uint32, 0, t.live), live: t.live}
	renumbered := make([]uint32, len(t.values))
	for id, v := range t.values {
		if t.refs[id] == 0 {
			continue
		}
		to := uint32(len(n.values)) //nolint:gosec // as above
		renumbered[id] = to
		n.ids[v] = to
		n.values = append(n.values, v)
		n.refs = append(n.refs, t.refs[id])
	}
	return n, renumbered
}
