package sim

import (
	"slices"
	"strings"

	"github.com/google/btree"
	"k8s.io/apimachinery/pkg/watch"
)

// object is one revision of one stored object. It is immutable.
type object struct {
	key     string // "namespace/name", or "name" for cluster-scoped resources: the order of lists, as in etcd
	uid     string
	version string // of the API the body is written in; it matters for CRDs of several versions
	rev     uint64
	// body is the bare protobuf message of a kind with a Go type, else the JSON object without apiVersion
	// and kind. It holds the resourceVersion. Nil when the object lies in a pack.
	body []byte
	pack *pack
	slot int32
	// managed says that the body has managedFields, touched that a client has written the object over HTTP, direct what is
	// needed to find its owners; see ownership.go.
	managed, touched bool
	direct           *directWrite
}

func (o *object) namespace() string {
	if i := strings.IndexByte(o.key, '/'); i >= 0 {
		return o.key[:i]
	}
	return ""
}

func (o *object) name() string { return o.key[strings.IndexByte(o.key, '/')+1:] }

// objectKey is the key of an object.
func objectKey(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// event is one entry of the log of a resource.
type event struct {
	rev uint64
	typ watch.EventType
	obj *object // for Deleted: the last state, at the revision of the delete
	// prev is the state before; nil for Added.
	prev *object
}

// collection holds the objects of one resource and the log of their changes. All of it is guarded by Server.mu.
type collection struct {
	res *Resource // in the version that objects are stored in; replaced when a CRD changes

	objects *btree.BTreeG[*object]
	log     []event // ascending by rev, all of them above floor
	// floor is the revision up to which history is gone: watches must start at it or later, lists at it or later.
	floor uint64
	// changed is closed at the next change and then replaced.
	changed chan struct{}
	// gone is closed when the resource is no longer served.
	gone chan struct{}
	// snapshots are trees of past revisions that paged lists go on reading; the oldest is dropped first.
	snapshots []snapshot
}

type snapshot struct {
	rev     uint64
	objects *btree.BTreeG[*object]
}

// maxSnapshots bounds the snapshots of one collection; one that was dropped is rebuilt from the log.
const maxSnapshots = 8

func newCollection(res *Resource) *collection {
	return &collection{
		res:     res,
		objects: btree.NewG(64, func(a, b *object) bool { return a.key < b.key }),
		changed: make(chan struct{}),
		gone:    make(chan struct{}),
	}
}

func (c *collection) get(key string) *object {
	o, _ := c.objects.Get(&object{key: key})
	return o
}

// record applies one change that has got its revision, and wakes the watches.
func (c *collection) record(typ watch.EventType, obj, prev *object, keep int) {
	c.apply(typ, obj)
	c.log = append(c.log, event{rev: obj.rev, typ: typ, obj: obj, prev: prev})
	// Trimmed in steps, so that the cost of copying is spread over many appends.
	if len(c.log) >= keep+keep/4+1 {
		c.trim(len(c.log) - keep)
	}
	c.wake()
}

func (c *collection) apply(typ watch.EventType, obj *object) {
	if typ == watch.Deleted {
		c.objects.Delete(obj)
		return
	}
	c.objects.ReplaceOrInsert(obj)
}

// trim forgets the oldest n events.
func (c *collection) trim(n int) {
	if n <= 0 {
		return
	}
	c.floor = c.log[n-1].rev
	c.log = append(make([]event, 0, cap(c.log)), c.log[n:]...)
	c.snapshots = slices.DeleteFunc(c.snapshots, func(s snapshot) bool { return s.rev < c.floor })
}

// compact forgets all events up to rev.
func (c *collection) compact(rev uint64) {
	n := c.after(rev)
	c.trim(n)
	c.floor = max(c.floor, rev)
	c.snapshots = nil
}

func (c *collection) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// after is the index of the first event above rev.
func (c *collection) after(rev uint64) int {
	lo, hi := 0, len(c.log)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if c.log[mid].rev <= rev {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// at is the tree as it was at rev, which must not be below floor. The caller holds the write lock: the
// tree is cloned (lazily, by copy on write) and the newer events are undone on the clone.
func (c *collection) at(rev uint64) *btree.BTreeG[*object] {
	from := c.after(rev)
	if from == len(c.log) {
		return c.objects
	}
	for _, s := range c.snapshots {
		if s.rev == rev {
			return s.objects
		}
	}
	t := c.objects.Clone()
	for i := len(c.log) - 1; i >= from; i-- {
		if e := &c.log[i]; e.prev != nil {
			t.ReplaceOrInsert(e.prev)
		} else {
			t.Delete(e.obj)
		}
	}
	if len(c.snapshots) == maxSnapshots {
		c.snapshots = append(c.snapshots[:0], c.snapshots[1:]...)
	}
	c.snapshots = append(c.snapshots, snapshot{rev, t})
	return t
}

// collect gathers the objects of namespace ("" for all) from key start on, at most limit of them (0: all), and
// says how many follow.
func collect(t *btree.BTreeG[*object], namespace, start string, limit int) (items []*object, rest int) {
	first, end := start, ""
	if namespace != "" {
		end = namespace + "0" // '0' follows '/'
		first = max(start, namespace+"/")
	}
	visit := func(o *object) bool {
		if end != "" && o.key >= end {
			return false
		}
		if limit > 0 && len(items) == limit {
			rest++
			// Counting what follows is cheap in one namespace and a subtraction for the whole.
			return namespace != ""
		}
		items = append(items, o)
		return true
	}
	if namespace == "" && start == "" && limit == 0 {
		items = make([]*object, 0, t.Len())
	}
	t.AscendGreaterOrEqual(&object{key: first}, visit)
	if rest > 0 && namespace == "" {
		rest = t.Len() - rankAfter(t, items[len(items)-1])
	}
	return items, rest
}

// rankAfter counts the objects up to and including o.
func rankAfter(t *btree.BTreeG[*object], o *object) int {
	n := 0
	t.AscendLessThan(&object{key: o.key + "\x00"}, func(*object) bool { n++; return true })
	return n
}
