package watch

import "cmp"

const (
	// internMost is how many distinct strings a generation of an Interner holds at most: enough for the node names and label
	// sets that objects of a large cluster share, little enough that what occurs once (a label that counts up, say) doesn't
	// pile up. internLeast is the same for a kind of a few objects, and internEach how many strings each object may have of
	// its own before they push out those that objects share.
	internMost  = 1 << 13
	internLeast = 1 << 8
	internEach  = 4
)

// Interner makes equal strings share memory. It keeps those of its last two generations; one that is met again moves to the
// present one, so that what is in use stays. It is owned by one goroutine.
type Interner struct {
	seen, before map[string]string
	limit        int // of a generation; 0 is internMost
}

// Fit bounds what is kept by the number of objects that may share it.
func (in *Interner) Fit(objects int) {
	in.limit = min(max(internEach*objects, internLeast), internMost)
}

// String returns a string equal to s that owns its memory and is shared with earlier equal ones.
func (in *Interner) String(s string) string {
	if s == "" {
		return ""
	}
	if t, ok := in.seen[s]; ok {
		return t
	}
	if t, ok := in.before[s]; ok {
		return in.add(t)
	}
	return in.add(string([]byte(s)))
}

// Bytes is String for bytes, which are not retained.
func (in *Interner) Bytes(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if t, ok := in.seen[string(b)]; ok { // the compiler makes no string for this look-up
		return t
	}
	if t, ok := in.before[string(b)]; ok {
		return in.add(t)
	}
	return in.add(string(b))
}

// add keeps t, which owns its memory.
func (in *Interner) add(t string) string {
	if limit := cmp.Or(in.limit, internMost); in.seen == nil || len(in.seen) >= limit {
		in.seen, in.before = make(map[string]string, 64), in.seen
	}
	in.seen[t] = t
	return t
}
