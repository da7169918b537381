package watch_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch"
)

// objectsPerKind is how many names there are of each kind.
const objectsPerKind = 40

// target is one kind of a schedule with its watcher and what is known of it independently.
type target struct {
	kind *watch.Kind
	gvr  schema.GroupVersionResource
	make func(i, n int) runtime.Object
	name func(i int) (namespace, name string)
	link *link
	door *door

	// Owned by the schedule.
	alive   [objectsPerKind]bool
	starts  uint64
	watcher *watch.Watcher
	stop    context.CancelFunc
	ended   chan struct{}
	excuses []time.Time // of what may lead to a request at once
	// bystander is a kind that no fault concerns.
	bystander bool

	history history
	accused atomic.Bool
}

func (s *schedule) makeTargets() {
	gadget, gauge := widgets(s.t, s.rig, "Gadget"), widgets(s.t, s.rig, "Gauge", "get", "list")
	secretKind := builtin("", "v1", "Secret", "secrets", true)
	named := func(format string) func(i int) (string, string) {
		return func(i int) (string, string) {
			return []string{"default", "kube-system", "kube-public"}[i%3], fmt.Sprintf(format, i)
		}
	}
	nodes := func(i int) (string, string) { return "", fmt.Sprintf("node-%03d", i) }
	meta := func(name func(int) (string, string), i, n int) metav1.ObjectMeta {
		ns, nm := name(i)
		return metav1.ObjectMeta{Namespace: ns, Name: nm, Labels: map[string]string{"n": fmt.Sprint(n)}}
	}
	pods, configs, secrets := named("pod-%03d"), named("config-%03d"), named("secret-%03d")
	custom := func(k *watch.Kind, name func(int) (string, string)) func(i, n int) runtime.Object {
		return func(i, n int) runtime.Object {
			ns, nm := name(i)
			u := widget(k, nm)
			u.SetNamespace(ns)
			u.SetLabels(map[string]string{"n": fmt.Sprint(n)})
			return u
		}
	}
	gadgets, gauges := named("gadget-%03d"), named("gauge-%03d")
	s.targets = []*target{
		{kind: podKind, name: pods, make: func(i, n int) runtime.Object {
			p := pod(i)
			p.ObjectMeta = meta(pods, i, n)
			return p
		}},
		{kind: configKind, name: configs, make: func(i, n int) runtime.Object {
			return &corev1.ConfigMap{ObjectMeta: meta(configs, i, n), Data: map[string]string{"n": fmt.Sprint(n)}}
		}},
		{kind: secretKind, name: secrets, make: func(i, n int) runtime.Object {
			return &corev1.Secret{ObjectMeta: meta(secrets, i, n), Data: map[string][]byte{"n": fmt.Append(nil, n)}}
		}},
		{kind: gadget, name: gadgets, make: custom(gadget, gadgets)},
		{kind: gauge, name: gauges, make: custom(gauge, gauges)},
		{kind: nodeKind, name: nodes, bystander: s.aimed, make: func(i, n int) runtime.Object {
			return &corev1.Node{ObjectMeta: meta(nodes, i, n)}
		}},
	}
	for i, t := range s.targets {
		t.gvr = gvrOf(t.kind)
		t.history.schedule = s
		t.link = &link{Source: s.client, all: s.links, delay: time.Duration(i+1) * 1_370_011 * time.Nanosecond}
		t.link.pagesOnly = s.rng.IntN(4) == 0
		t.door = &door{Sink: s.store, history: &t.history}
	}
}

// startTarget starts the watcher of a kind unless it runs.
func (s *schedule) startTarget(t *target) {
	if t.watcher != nil {
		select {
		case <-t.ended: // the server answered that it does not serve the kind
			t.stop()
		default:
			return
		}
	}
	t.starts++
	cfg := s.cfg
	var mu sync.Mutex // a probe draws, too
	rng := rand.New(rand.NewPCG(s.seed, uint64(t.link.delay)+t.starts))
	cfg.Rand = func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return rng.Float64()
	}
	ctx, cancel := context.WithCancel(s.ctx)
	note := cfg.OnStatus
	var last watch.Status
	cfg.OnStatus = func(st *watch.Status) {
		note(st)
		if st.Restarts != last.Restarts || st.Relists != last.Relists || st.Reason != last.Reason || st.Attempt != last.Attempt {
			_ = waitFor(ctx, t.link.delay/1000) // what happens to several kinds in one instant has an order all the same
		}
		last = *st
	}
	scope := watch.Scope{Kind: t.kind}
	w, ended := watch.New(cfg, scope, t.link, t.door), make(chan struct{})
	t.watcher, t.stop, t.ended = w, cancel, ended
	t.excuse(1)
	s.wg.Go(func() {
		defer close(ended)
		_ = w.Run(ctx) // nil, or ErrGone, which startTarget answers
	})
	s.moment()
}

// stopTarget ends a watcher and, perhaps, forgets what it brought.
func (s *schedule) stopTarget(t *target, forget bool) {
	t.stop()
	<-t.ended
	if forget {
		t.history.lie(1)
		s.must(s.store.Forget(s.ctx, t.kind))
		t.history.lie(-1)
	}
	t.watcher = nil
}

// running reports whether a kind is watched.
func (t *target) running() bool { return t.watcher != nil }

func (t *target) excuse(n int) {
	for range n {
		t.excuses = append(t.excuses, time.Now())
	}
}

// churn changes one object.
func (s *schedule) churn(t *target) {
	i := s.rng.IntN(objectsPerKind)
	switch {
	case !t.alive[i]:
		s.create(t, i)
	case s.rng.IntN(4) == 0:
		s.remove(t, i)
		if s.rng.IntN(2) == 0 {
			s.create(t, i)
		}
	default:
		for range 1 + s.rng.IntN(2) {
			s.update(t, i)
		}
	}
	synctest.Wait() // so that it is not left to chance how many changes a stream sends at once
}

func (s *schedule) update(t *target, i int) {
	obj := t.make(i, s.rng.IntN(1000))
	t.history.write(func() { s.must(s.sim.Update(obj)) }, obj)
}

func (s *schedule) create(t *target, i int) {
	obj := t.make(i, s.rng.IntN(1000))
	t.history.write(func() { s.must(s.sim.Create(obj)) }, obj)
	t.alive[i] = true
}

func (s *schedule) remove(t *target, i int) {
	ns, name := t.name(i)
	t.history.remove(func() { s.must(s.sim.Delete(t.gvr, ns, name)) }, ns, name)
	t.alive[i] = false
}

// waitFor lets virtual time pass in whatever goroutine.
func waitFor(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
