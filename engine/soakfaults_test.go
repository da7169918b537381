//go:build integration

package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"orka/watch/watchtest"
)

// The faults of a soak, by name. The network's exclude each other, and so do the server's.
var soakFaults = []struct {
	name  string
	room  string // faults of one room don't overlap; "" overlaps with all
	parts int    // of the draw
	do    func(*soak, context.Context, *rand.Rand) error
}{
	{"cut", "network", 4, (*soak).cut},
	{"half-open", "network", 4, (*soak).halfOpen},
	{"freeze", "network", 1, (*soak).freeze},
	{"trickle", "network", 2, (*soak).trickle},
	{"refuse", "network", 2, (*soak).refuse},
	{"server killed", "server", 2, (*soak).killServer},
	{"server killed, history compacted", "server", 2, (*soak).killCompacted},
	{"server restarted", "server", 1, (*soak).restartServer},
	{"compaction", "", 2, (*soak).compact},
	{"RBAC revoked", "rights", 3, (*soak).revokeAll},
	{"RBAC revoked for a kind", "rights", 3, (*soak).revokeOne},
	{"CRD exchanged", "types", 3, (*soak).exchangeCRD},
	{"suspend", "", 2, (*soak).suspend},
}

// faults composes faults at random; the seed replays what is drawn, not how the processes answer.
type faults struct {
	s    *soak
	rnd  *rand.Rand
	work sync.WaitGroup

	mu     sync.Mutex
	busy   map[string]bool // rooms
	counts map[string]int
	errs   []error
}

// next starts one that does not overlap with another of its room.
func (f *faults) next(ctx context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var draw []int
	for i, k := range soakFaults {
		if !f.busy[k.room] {
			draw = append(draw, slices.Repeat([]int{i}, k.parts)...)
		}
	}
	kind := soakFaults[draw[f.rnd.IntN(len(draw))]]
	rnd := rand.New(rand.NewPCG(f.rnd.Uint64(), 0))
	f.counts[kind.name]++
	if kind.room != "" {
		f.busy[kind.room] = true
	}
	f.s.note("fault: %s", kind.name)
	f.work.Go(func() {
		err := kind.do(f.s, ctx, rnd)
		f.s.note("ended: %s", kind.name)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.busy, kind.room)
		if err != nil {
			f.errs = append(f.errs, fmt.Errorf("%s: %w", kind.name, err))
		}
	})
}

// between draws a duration.
func between(rnd *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(rnd.Float64()*float64(most-least))
}

// hold keeps the proxy in a mode for a while. A connection that was cut off in it may be closed in the end, or be left.
func (s *soak) hold(ctx context.Context, m watchtest.Mode, d time.Duration) error {
	if err := s.proxy.Set(m); err != nil {
		return err
	}
	sleep(ctx, d)
	return s.proxy.Set(watchtest.Pass)
}

func (s *soak) cut(ctx context.Context, rnd *rand.Rand) error {
	for range 1 + rnd.IntN(4) {
		s.proxy.Cut()
		sleep(ctx, between(rnd, 0, 5*time.Second))
	}
	return nil
}

func (s *soak) halfOpen(ctx context.Context, rnd *rand.Rand) error {
	d := between(rnd, 10*time.Second, 2*time.Minute)
	if rnd.IntN(2) == 0 {
		d = between(rnd, 95*time.Second, 2*time.Minute)
	}
	defer func() {
		if rnd.IntN(2) == 0 {
			s.proxy.Cut()
		}
	}()
	return s.hold(ctx, watchtest.HalfOpen, d)
}

func (s *soak) freeze(ctx context.Context, rnd *rand.Rand) error {
	return s.hold(ctx, watchtest.Freeze, between(rnd, 5*time.Second, time.Minute))
}

func (s *soak) trickle(ctx context.Context, rnd *rand.Rand) error {
	return s.hold(ctx, watchtest.Trickle, between(rnd, 5*time.Second, 40*time.Second))
}

func (s *soak) refuse(ctx context.Context, rnd *rand.Rand) error {
	if err := s.proxy.Set(watchtest.Refuse); err != nil {
		return err
	}
	s.proxy.Cut()
	sleep(ctx, between(rnd, 2*time.Second, 45*time.Second))
	return s.proxy.Set(watchtest.Pass)
}

func (s *soak) killServer(ctx context.Context, rnd *rand.Rand) error {
	if err := s.server.kill(); err != nil {
		return err
	}
	sleep(ctx, between(rnd, 0, 15*time.Second))
	return s.server.script("start-apiserver")
}

// killCompacted also lets the server forget its history: a resumed watch is answered with 410.
func (s *soak) killCompacted(ctx context.Context, rnd *rand.Rand) error {
	if err := s.server.kill(); err != nil {
		return err
	}
	sleep(ctx, between(rnd, 0, 10*time.Second))
	if err := s.server.script("compact"); err != nil {
		return err
	}
	return s.server.script("start-apiserver")
}

func (s *soak) restartServer(context.Context, *rand.Rand) error {
	return s.server.script("restart-apiserver")
}

func (s *soak) compact(context.Context, *rand.Rand) error { return s.server.script("compact") }

// suspend lets the wall clock jump; from soon after, nothing from before may be called fresh.
func (s *soak) suspend(ctx context.Context, rnd *rand.Rand) error {
	at := time.Now()
	s.slept.Add(int64(between(rnd, 10*time.Second, 8*time.Hour)))
	if !sleep(ctx, 2500*time.Millisecond) {
		return nil
	}
	for _, st := range s.engine.View().Health.Watchers {
		if st.Fresh(time.Now()) && st.ConfirmedAt.Before(at.Round(0)) {
			s.lie("%s is called fresh 2.5s after waking, confirmed before", st.Scope)
		}
	}
	return nil
}

// revokeAll takes every right away. A real server asks only at the next request, so that half the time all connections
// are cut as well.
func (s *soak) revokeAll(ctx context.Context, rnd *rand.Rand) error {
	return s.revoked(ctx, rnd, []rule{})
}

// revokeOne takes the rights on one kind away, all but those in one namespace.
func (s *soak) revokeOne(ctx context.Context, rnd *rand.Rand) error {
	out := soakKinds[rnd.IntN(len(soakKinds))]
	var rules []rule
	for _, k := range s.engine.View().Health.Kinds {
		if k.Group != out.group || k.Resource != out.resource {
			rules = append(rules, mayRead(k.Group, k.Resource))
		}
	}
	return s.revoked(ctx, rnd, rules)
}

func (s *soak) revoked(ctx context.Context, rnd *rand.Rand, rules []rule) error {
	if err := s.load.role("soak", rules); err != nil {
		return err
	}
	if rnd.IntN(2) == 0 {
		s.proxy.Cut()
	}
	sleep(ctx, between(rnd, 5*time.Second, 60*time.Second))
	if err := s.load.role("soak", everything); err != nil {
		return err
	}
	if rnd.IntN(4) > 0 { // a person, who would not wait for the next look in five minutes
		sleep(ctx, time.Second)
		s.engine.Retry()
	}
	return nil
}

// exchangeCRD deletes a type with all its objects and adds it again in another version.
func (s *soak) exchangeCRD(ctx context.Context, rnd *rand.Rand) error {
	s.load.crd.Lock()
	defer s.load.crd.Unlock()
	s.load.doubt(soakGroup) // its objects go one by one
	if err := s.load.remove(crdPath + "/" + soakCRD); err != nil {
		return err
	}
	s.load.forget(soakGroup)
	sleep(ctx, between(rnd, 0, 20*time.Second))
	version := "v1"
	if *s.load.served.Load() == version {
		version = "v2"
	}
	return s.define(version)
}

// define makes the custom type in a version and waits until it is served.
func (s *soak) define(version string) error {
	s.load.served.Store(&version)
	if err := s.load.create(crdPath, fmt.Sprintf(soakDefinition, version)); err != nil {
		return err
	}
	return s.load.insist(http.MethodGet, "/apis/"+soakGroup+"/"+version+"/widgets?limit=1", "", http.StatusOK)
}

const (
	soakGroup      = "soak.orka.dev"
	soakCRD        = "widgets." + soakGroup
	crdPath        = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	soakDefinition = `{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"` + soakCRD + `"},
"spec":{"group":"` + soakGroup + `","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget"},
"versions":[{"name":%q,"served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`
)

// sleeper is a wall clock that can be moved ahead, as it is when a machine wakes.
type sleeper struct{ ahead atomic.Int64 }

func (c *sleeper) Add(n int64)    { c.ahead.Add(n) }
func (c *sleeper) now() time.Time { return time.Now().Round(0).Add(time.Duration(c.ahead.Load())) }
