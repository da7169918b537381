package watch

// internLimit is how many distinct strings an Interner keeps before it starts anew: enough for the label
// sets and node names of a large cluster, little enough that strings of long-gone objects don't pile up.
const internLimit = 1 << 16

// Interner makes equal strings share memory. It is owned by one goroutine.
type Interner struct{ seen map[string]string }

// String returns a string equal to s that owns its memory and is shared with earlier equal ones.
func (in *Interner) String(s string) string {
	if s == "" {
		return ""
	}
	if t, ok := in.seen[s]; ok {
		return t
	}
	return in.add(string([]byte(s)))
}

// add keeps t, which owns its memory.
func (in *Interner) add(t string) string {
	if in.seen == nil || len(in.seen) >= internLimit {
		in.seen = make(map[string]string, 64)
	}
	in.seen[t] = t
	return t
}

// Bytes is String for bytes, which are not retained.
func (in *Interner) Bytes(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if t, ok := in.seen[string(b)]; ok { // the compiler makes no string for this look-up
		return t
	}
	return in.add(string(b))
}
