//go:build integration

package engine

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/watchtest"
)

var (
	soakDuration = flag.Duration("soak.duration", time.Minute, "how long TestSoak breaks things")
	soakEvery    = flag.Duration("soak.every", 30*time.Second, "how often it breaks one more")
	soakRate     = flag.Int("soak.rate", 200, "changes per second")
	soakObjects  = flag.Int("soak.objects", 5000, "objects that it writes, at most")
	soakSeed     = flag.Uint64("soak.seed", 0, "what it draws; 0 is new each time")
	soakOut      = flag.String("soak.out", "", "folder for samples.csv, events.log and orka.log; a temporary one when empty")
)

// soak is an engine over a real API server, behind a proxy, with a load beside it.
type soak struct {
	t       *testing.T
	server  *realServer
	proxy   *watchtest.Proxy
	engine  *Engine
	load    *load
	slept   *sleeper
	started time.Time

	mu     sync.Mutex
	events *os.File
	lies   []string
}

// quiesceWithin is how long after the last fault everything must be fresh without anybody's help: a refused kind is asked for
// again every 5 minutes, with jitter.
const quiesceWithin = 7 * time.Minute

// TestSoak runs orka against a real API server that is changed all the time, and a network and a server that fail all the
// time (soakfaults_test.go). Throughout, nothing may be called fresh that can't be; at the end orka's objects must equal a
// fresh LIST of every kind. It prints its seed, and figures of memory and goroutines.
func TestSoak(t *testing.T) {
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (-soak.seed)", seed)
	s := newSoak(t)
	ctx, cancel := context.WithTimeout(t.Context(), *soakDuration)
	defer cancel()
	var writes, work sync.WaitGroup
	writes.Go(func() { s.load.run(ctx, *soakRate, seed) })
	samples := s.sampler()
	looking, stop := context.WithCancel(t.Context())
	defer stop()
	work.Go(func() { samples.run(looking.Done()) })
	work.Go(func() { s.watchTruth(looking.Done()) })

	f := &faults{s: s, rnd: rand.New(rand.NewPCG(seed, 1)), busy: map[string]bool{}, counts: map[string]int{}}
	for sleep(ctx, *soakEvery) {
		f.next(ctx)
	}
	f.work.Wait()
	for _, err := range f.errs {
		t.Error(err)
	}
	writes.Wait()
	s.note("healed")
	// Fresh alone can be as of before the last fault: a connection that it killed is found out up to ConfirmWithin later.
	v, took := awaitReal(t, s.engine, quiesceWithin, "view of every kind confirmed after the last fault", freshAsOf(time.Now()))
	s.note("all %d watchers fresh", len(v.Health.Watchers))
	stop()
	work.Wait()

	t.Logf("all confirmed %s after the last fault healed", took.Round(100*time.Millisecond))
	mustAgree(t, s.engine, connect(t, s.server.config(t, "admin")))
	samples.report(t, f.counts)
	for _, lie := range s.lies {
		t.Error(lie)
	}
	mustHaveWritten(t, s.load)
}

// mustHaveWritten fails when the server was not under load. Half of it may be lost to outages; what the server refuses is not an
// outage, and an object whose writes are refused again and again would be one that nothing is checked of.
func mustHaveWritten(t *testing.T, l *load) {
	t.Helper()
	if least := int64(float64(*soakRate) * soakDuration.Seconds() / 2); l.changes() < least {
		t.Errorf("only %d changes were made, want %d at least", l.changes(), least)
	}
	if n := l.refused.Load(); n > l.changes()/100 {
		t.Errorf("%d writes were refused beside %d that were not; the last: %s", n, l.changes(), *l.lastRefused.Load())
	}
}

// newSoak sets the cluster and the engine up, and waits until everything is fresh.
func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{t: t, server: openServer(t), slept: &sleeper{}, started: time.Now()}
	dir := *soakOut
	if dir == "" {
		dir = t.TempDir()
	}
	s.events = createFile(t, filepath.Join(dir, "events.log"))
	log := createFile(t, filepath.Join(dir, "orka.log"))
	var err error
	if s.load, err = newLoad(s.server.config(t, "admin"), *soakObjects); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.load.client.CloseIdleConnections)
	must(t, s.prepare())
	t.Cleanup(func() { must(t, s.tidy()) })
	proxy, cfg := through(t, s.server.config(t, "nobody"))
	s.proxy = proxy
	s.engine = explore(t, cfg, func(c *Config) {
		c.RelistEvery = 3 * time.Minute // more lists than usual
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}, func(e *Engine) { e.wall = s.slept.now })
	awaitReal(t, s.engine, time.Minute, "first lists", allFresh)
	return s
}

func createFile(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// prepare makes the namespaces, the custom type and the rights of the user nobody: to see everything, which is taken away
// at times, and to see what is in one namespace, which stays.
func (s *soak) prepare() error {
	err := errors.Join(s.load.role("soak", everything), s.load.bind("soak", "nobody"), s.define("v1"))
	for i := range soakNamespaces {
		err = errors.Join(err, s.load.namespace(fmt.Sprintf("soak-%d", i)))
	}
	return errors.Join(err, s.load.allowIn("soak-0", "nobody", mayRead("*", "*")))
}

// tidy takes back what prepare gave, and the objects: other tests use the same server.
func (s *soak) tidy() error {
	err := errors.Join(s.load.remove(rbacPath+"/clusterrolebindings/soak"), s.load.remove(rbacPath+"/namespaces/soak-0/rolebindings/nobody"), s.load.remove(crdPath+"/"+soakCRD))
	for i := range soakNamespaces {
		for k := range soakKinds {
			if soakKinds[k].group != soakGroup {
				err = errors.Join(err, s.load.insist(http.MethodDelete, s.load.path(&soakKinds[k], fmt.Sprintf("soak-%d", i), ""), "", http.StatusOK))
			}
		}
	}
	return err
}

// note writes a line to events.log.
func (s *soak) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.events, "%s %7.1fs %s\n", time.Now().Format(time.TimeOnly), time.Since(s.started).Seconds(), fmt.Sprintf(format, args...))
}

// lie records something that was called fresh and was not.
func (s *soak) lie(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	s.note("LIE: %s", text)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lies) < 100 {
		s.lies = append(s.lies, text)
	}
}

const (
	truthEvery = 250 * time.Millisecond
	oldEvery   = 5 * time.Second
	// truthSlack is for what has arrived and waits to be read on a busy machine.
	truthSlack = 2 * time.Second
)

// watchTruth holds what the engine calls fresh against what the harness knows, until done is closed.
func (s *soak) watchTruth(done <-chan struct{}) {
	tick := time.NewTicker(truthEvery)
	defer tick.Stop()
	var looked time.Time
	for {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		s.checkSilence()
		if time.Since(looked) >= oldEvery {
			looked = time.Now()
			s.checkAge()
		}
	}
}

// checkSilence: while nothing has been delivered for longer than ConfirmWithin, nothing is fresh.
func (s *soak) checkSilence() {
	delivered := s.proxy.Delivered()
	v, now := s.engine.View(), time.Now()
	if now.Sub(delivered) <= watch.ConfirmWithin+truthSlack {
		return
	}
	var fresh []string
	for _, st := range v.Health.Watchers {
		if st.Fresh(now) {
			fresh = append(fresh, st.Scope.String())
		}
	}
	if len(fresh) > 0 {
		s.lie("nothing was delivered for %s, and fresh are: %s", now.Sub(delivered).Round(time.Second), strings.Join(fresh, ", "))
	}
}

// checkAge: what is fresh shows no object as it was more than ConfirmWithin ago.
func (s *soak) checkAge() {
	v := s.engine.View()
	fresh := map[string]*watch.Kind{}
	for _, st := range v.Health.Watchers {
		if st.Scope.Namespace == "" && st.Fresh(v.At) {
			fresh[st.Scope.Kind.ResourceName()] = st.Scope.Kind
		}
	}
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	for _, o := range s.load.slots {
		name := o.kind.resource
		if o.kind.group != "" {
			name += "." + o.kind.group
		}
		k := fresh[name]
		if k == nil || !o.known || o.shaky || o.at.IsZero() || v.At.Sub(o.at) < watch.ConfirmWithin+truthSlack {
			continue
		}
		have := v.World.Get(k, o.namespace, o.name)
		switch {
		case have == nil && o.exists:
			s.lie("%s is fresh and has no %s/%s, made or changed %s before the view", k, o.namespace, o.name, v.At.Sub(o.at))
		case have != nil && !o.exists:
			s.lie("%s is fresh and has %s/%s, deleted %s before the view", k, o.namespace, o.name, v.At.Sub(o.at))
		case have != nil && have.ResourceVersion != o.version:
			s.lie("%s is fresh and has %s/%s at %s; it is at %s since %s before the view", k, o.namespace, o.name, have.ResourceVersion, o.version, v.At.Sub(o.at))
		}
	}
}
