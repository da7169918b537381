package shard

// tombstoneCap bounds the deleted uids a shard remembers. An event that comes late comes within one stream's
// reordering, far less than this many deletes later; a deleted object that comes back all the same is swept by the
// next list.
const tombstoneCap = 1024

// tombstones remember the uids deleted last, so that an older event arriving late does not bring one back. A uid is
// never used again; only a list of a later generation that still shows it (a server restored from a backup) may.
type tombstones struct {
	generation map[string]uint64 // by uid
	order      []string          // oldest first from next on, once full
	next       int
}

// bury remembers uid. Objects without one (some aggregated APIs) are not remembered.
func (t *tombstones) bury(uid string, generation uint64) {
	if uid == "" {
		return
	}
	if g, ok := t.generation[uid]; ok {
		t.generation[uid] = max(g, generation)
		return
	}
	if t.generation == nil {
		t.generation = map[string]uint64{}
	}
	t.generation[uid] = generation
	if len(t.order) < tombstoneCap {
		t.order = append(t.order, uid)
		return
	}
	delete(t.generation, t.order[t.next])
	t.order[t.next] = uid
	t.next = (t.next + 1) % tombstoneCap
}

// buried reports whether uid was deleted in this generation or a later one.
func (t *tombstones) buried(uid string, generation uint64) bool {
	g, ok := t.generation[uid]
	return ok && g >= generation
}

// expire forgets what was deleted before a list that has completed: its floor says as much.
func (t *tombstones) expire(generation uint64) {
	kept := tombstones{}
	for i := range t.order {
		uid := t.order[(t.next+i)%len(t.order)]
		if g := t.generation[uid]; g >= generation {
			kept.bury(uid, g)
		}
	}
	*t = kept
}
