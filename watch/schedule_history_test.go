package watch_test

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"

	"orka/watch"
)

// history is what truly was on the server, and when: what a status is judged by.
type history struct {
	schedule *schedule

	mu       sync.Mutex
	versions map[string][]version // by namespace/name, oldest first
	deleted  map[string]bool      // uids
	heard    time.Time            // when the server last said something that confirms
	slept    time.Time            // when the machine last woke
	lies     int                  // faults at work of which a client can't know
	since    uint64               // lists of later generations are true
	swept    uint64               // the last generation that is complete
	slow     uint64               // a line was slow, so that things are said over a time, until a list of a later generation
}

// version is one state of one object. to is zero for the present one.
type version struct {
	uid, resourceVersion string
	from, to             time.Time
}

func keyOf(namespace, name string) string { return namespace + "/" + name }

func (h *history) write(do func(), obj runtime.Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
	m, err := meta.Accessor(obj)
	if err != nil {
		panic(err) // a test's own object
	}
	h.note(keyOf(m.GetNamespace(), m.GetName()), version{uid: string(m.GetUID()), resourceVersion: m.GetResourceVersion(), from: time.Now()})
}

func (h *history) remove(do func(), namespace, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	do()
	h.end(keyOf(namespace, name))
}

func (h *history) note(key string, v version) {
	if h.versions == nil {
		h.versions, h.deleted = map[string][]version{}, map[string]bool{}
	}
	if old := h.versions[key]; len(old) > 0 && old[len(old)-1].uid != v.uid {
		h.end(key)
	} else if len(old) > 0 {
		old[len(old)-1].to = v.from
	}
	h.versions[key] = append(h.versions[key], v)
}

// end notes that an object is gone.
func (h *history) end(key string) {
	old := h.versions[key]
	if n := len(old); n > 0 && old[n-1].to.IsZero() {
		old[n-1].to = time.Now()
		h.deleted[old[n-1].uid] = true
	}
}

// rewound reads what the server has now, after it went back.
func (s *schedule) rewound(t *target) {
	now, err := s.sim.List(t.gvr)
	s.must(err)
	h := &t.history
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range t.alive {
		ns, name := t.name(i)
		key := keyOf(ns, name)
		id, ok := now[key]
		if ns == "" {
			id, ok = now[name]
		}
		t.alive[i] = ok
		if !ok {
			h.end(key)
			continue
		}
		delete(h.deleted, id.UID)
		h.note(key, version{uid: id.UID, resourceVersion: id.ResourceVersion, from: time.Now()})
	}
}

// lie notes a fault (1), or its end (-1), of which a client can't know: until a list that begins after it is complete, what
// the client believes may be wrong.
func (h *history) lie(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lies += n
	h.since = watch.NextGeneration()
}

// trusted reports whether the client can know what is true. h.mu is held.
func (h *history) trusted() bool { return h.lies == 0 && h.swept > h.since }

func (h *history) complete(generation uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.swept = max(h.swept, generation)
}

// stale says what is wrong with what a store holds of a key, o or nil, if that is to be no older than a time; "" when
// nothing is. h.mu is held.
func (h *history) stale(key string, o *watch.Object, limit time.Time) string {
	versions := h.versions[key]
	for i := len(versions) - 1; i >= 0; i-- {
		v := &versions[i]
		if o == nil {
			// It must have been absent at some time since. One that is made anew was, in between.
			switch {
			case !v.to.IsZero() && i == len(versions)-1, v.uid != versions[len(versions)-1].uid:
				return ""
			case v.from.Before(limit):
				return fmt.Sprintf("%s is missing, and is there since %s", key, v.from)
			}
			continue
		}
		if !v.to.IsZero() && v.to.Before(limit) {
			break
		}
		if v.uid == o.UID && v.resourceVersion == o.ResourceVersion {
			return ""
		}
	}
	if o == nil {
		return ""
	}
	return fmt.Sprintf("%s is at version %s of uid %s, which was over before %s; the last is %+v", key, o.ResourceVersion, o.UID, limit, versions[len(versions)-1])
}
