//go:build integration

package engine

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

const (
	soakNamespaces = 8
	// catchUp bounds how far behind its schedule the load may make up for.
	catchUp     = 2 * time.Second
	soakWorkers = 32 // so many writes are in flight that a slow server does not slow the load
)

// soakKind is a kind that the load writes.
type soakKind struct {
	group, resource, kind string
	body                  string // of a new object; %d is a number that is new each time
	change                string // of a merge patch
	share                 int    // of the objects, in parts
}

var soakKinds = []soakKind{
	{"", "configmaps", "ConfigMap", `"data":{"n":"%d","text":"some settings, long enough to be worth compressing"}`, `"data":{"n":"%d"}`, 3},
	{"", "secrets", "Secret", `"stringData":{"n":"%d"}`, `"stringData":{"n":"%d"}`, 1},
	{"", "pods", "Pod", `"spec":{"containers":[{"name":"c","image":"registry.example/web:%d"}]}`, `"metadata":{"labels":{"n":"%d"}}`, 4},
	{"apps", "deployments", "Deployment", `"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"registry.example/web:%d"}]}}}`, `"spec":{"replicas":%d}`, 2},
	{"coordination.k8s.io", "leases", "Lease", `"spec":{"holderIdentity":"soak-%d"}`, `"spec":{"holderIdentity":"soak-%d"}`, 2},
	{"", "events", "Event", `"reason":"Soak","message":"number %d","involvedObject":{"kind":"Pod","namespace":"NAMESPACE","name":"p"}`, `"message":"number %d"`, 1},
	{soakGroup, "widgets", "Widget", `"spec":{"n":%d}`, `"spec":{"n":%d}`, 2},
}

// slot is one place for an object; a single worker writes it.
type slot struct {
	kind            *soakKind
	namespace, name string

	// guarded by load.mu
	known   bool // what follows is what the server has; false after a write whose outcome is not known
	shaky   bool // that write may still be carried out, late
	exists  bool
	version string
	at      time.Time // when the server had answered the write
}

// load writes to an API server at a steady rate and remembers what the server holds.
type load struct {
	*writer
	served atomic.Pointer[string] // version of soakGroup
	crd    sync.RWMutex           // held for writing while the definition of soakGroup is exchanged
	number atomic.Int64

	creates, updates, deletes atomic.Int64
	unanswered                atomic.Int64 // no answer, or that the server can't now
	refused                   atomic.Int64 // any other answer: of a load that has lost track of what there is
	lastRefused               atomic.Pointer[string]

	mu    sync.Mutex
	slots []*slot
}

func newLoad(cfg *rest.Config, objects int) (*load, error) {
	w, err := newWriter(cfg)
	if err != nil {
		return nil, err
	}
	l := &load{writer: w}
	parts := 0
	for _, k := range soakKinds {
		parts += k.share
	}
	for i := range soakKinds {
		k := &soakKinds[i]
		for n := range objects * k.share / parts {
			l.slots = append(l.slots, &slot{kind: k, namespace: fmt.Sprintf("soak-%d", n%soakNamespaces), name: fmt.Sprintf("o%d", n), known: true})
		}
	}
	return l, nil
}

// changes is how many writes the server has taken.
func (l *load) changes() int64 { return l.creates.Load() + l.updates.Load() + l.deletes.Load() }

// run writes rate times a second until ctx ends.
func (l *load) run(ctx context.Context, rate int, seed uint64) {
	var workers sync.WaitGroup
	for w := range soakWorkers {
		workers.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(w)))
			every := time.Second * soakWorkers / time.Duration(rate)
			due := time.Now().Add(time.Duration(rnd.Float64() * float64(every)))
			for sleep(ctx, time.Until(due)) {
				l.write(ctx, w, rnd)
				due = due.Add(every)
				if now := time.Now(); now.Sub(due) > catchUp { // after an outage, what was not written then is not written now
					due = now
				}
			}
		})
	}
	workers.Wait()
}

// choose draws one of a worker's slots; while the definition of soakGroup is exchanged, none of those. free must be called.
func (l *load) choose(worker int, rnd *rand.Rand) (s *slot, free func()) {
	for {
		s = l.slots[rnd.IntN(len(l.slots)/soakWorkers)*soakWorkers+worker]
		if s.kind.group != soakGroup {
			return s, func() {}
		}
		if l.crd.TryRLock() {
			return s, l.crd.RUnlock
		}
	}
}

// write makes, changes or deletes the object of one of a worker's slots.
func (l *load) write(ctx context.Context, worker int, rnd *rand.Rand) {
	s, free := l.choose(worker, rnd)
	defer free()
	l.mu.Lock()
	exists, known := s.exists, s.known
	s.known = false // until the answer is here
	l.mu.Unlock()
	if !known {
		// The outcome of the last write is not known: a delete settles it.
		exists = true
	}
	var code int
	var err error
	var counted *atomic.Int64
	var answer struct {
		Metadata struct{ ResourceVersion string }
	}
	n := l.number.Add(1)
	exact := fmt.Sprintf
	switch {
	case !exists:
		counted = &l.creates
		body := bytes.ReplaceAll([]byte(exact(s.kind.body, n)), []byte("NAMESPACE"), []byte(s.namespace))
		code, err = l.do(ctx, http.MethodPost, l.path(s.kind, s.namespace, ""), "application/json",
			exact(`{"apiVersion":%q,"kind":%q,"metadata":{"namespace":%q,"name":%q,"labels":{"soak":"yes"}},%s}`, l.apiVersion(s.kind), s.kind.kind, s.namespace, s.name, body), &answer)
		exists = true
	case !known || rnd.IntN(4) == 0:
		counted = &l.deletes
		code, err = l.do(ctx, http.MethodDelete, l.path(s.kind, s.namespace, s.name), "application/json", `{"gracePeriodSeconds":0}`, nil)
		exists = false
		if code == http.StatusNotFound && !known {
			code, err = http.StatusOK, nil // there is nothing, which is all that was to be known
		}
	default:
		counted = &l.updates
		code, err = l.do(ctx, http.MethodPatch, l.path(s.kind, s.namespace, s.name), "application/merge-patch+json", "{"+exact(s.kind.change, n)+"}", &answer)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil || code/100 != 2 {
		if code == 0 || code == http.StatusTooManyRequests || code/100 == 5 {
			l.unanswered.Add(1)
			return
		}
		l.refused.Add(1)
		text := fmt.Sprintf("%s %s/%s: %d %v", s.kind.resource, s.namespace, s.name, code, err)
		l.lastRefused.Store(&text)
		return
	}
	counted.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	s.known, s.shaky, s.exists, s.version, s.at = true, !known, exists, answer.Metadata.ResourceVersion, time.Now()
}

func (l *load) apiVersion(k *soakKind) string {
	switch k.group {
	case "":
		return "v1"
	case soakGroup:
		return k.group + "/" + *l.served.Load()
	default:
		return k.group + "/v1"
	}
}

func (l *load) path(k *soakKind, namespace, name string) string {
	root := "/apis/"
	if k.group == "" {
		root = "/api/"
	}
	p := root + l.apiVersion(k) + "/namespaces/" + namespace + "/" + k.resource
	if name != "" {
		p += "/" + name
	}
	return p
}

// forget notes that every object of a group has gone.
func (l *load) forget(group string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.slots {
		if s.kind.group == group {
			s.known, s.exists, s.at = true, false, time.Now()
		}
	}
}

// doubt notes that it is not known what there is of a group.
func (l *load) doubt(group string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.slots {
		if s.kind.group == group {
			s.known = false
		}
	}
}
