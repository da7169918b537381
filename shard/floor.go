package shard

// floors are the generations of the lists that completed, of one kind: what comes from an older list and is not
// known was deleted before the newer list began, and must not come back. A floors value is immutable; nil has none.
type floors struct {
	all        uint64
	namespaces map[string]uint64 // only above all
}

// at is the floor of a namespace.
func (f *floors) at(namespace string) uint64 {
	if f == nil {
		return 0
	}
	if f.namespaces == nil {
		return f.all
	}
	return max(f.all, f.namespaces[namespace])
}

// raise returns floors that hold the end of a list of namespace ("" means all).
func (f *floors) raise(namespace string, generation uint64) *floors {
	if f == nil {
		f = &floors{}
	}
	n := &floors{all: f.all}
	if namespace == "" {
		n.all = max(n.all, generation)
	}
	for k, g := range f.namespaces {
		if g > n.all {
			n.set(k, g)
		}
	}
	if namespace != "" && generation > n.at(namespace) {
		n.set(namespace, generation)
	}
	return n
}

func (f *floors) set(namespace string, generation uint64) {
	if f.namespaces == nil {
		f.namespaces = map[string]uint64{}
	}
	f.namespaces[namespace] = generation
}
