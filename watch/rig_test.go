package watch_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"orka/shard"
	"orka/watch"
	"orka/watch/columns"
	"orka/watch/kube"
	"orka/watch/sim"
	"orka/watch/watchtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// checkerAgent is the user agent of requests that tests make to compare.
const checkerAgent = "checker"

// rig is a simulated server, the real transport, the real store, and watchers between them. It lives in a
// synctest bubble: time is virtual.
type rig struct {
	t        *testing.T
	ctx      context.Context
	sim      *sim.Server
	exchange *exchange
	client   *kube.Client
	// checker is a client of its own, whose requests are not counted.
	checker *kube.Client
	store   *shard.Store
	sink    watch.Sink // the store, or what stands before it
	cfg     watch.Config

	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	statuses map[watch.Scope][]watch.Status
	errs     map[watch.Scope]error
}

// inRig runs a test in a bubble and ends everything in it.
func inRig(t *testing.T, cfg sim.Config, test func(*rig)) {
	t.Helper()
	inRigOf(t, cfg, shard.Config{KeepBodies: true, Workers: 2}, test)
}

// inRigOf is inRig with a store of one's own making.
func inRigOf(t *testing.T, cfg sim.Config, store shard.Config, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, cfg, store)
		defer r.close()
		test(r)
	})
}

func newRig(t *testing.T, cfg sim.Config, store shard.Config) *rig {
	t.Helper()
	seed := uint64(1)
	rng := rand.New(rand.NewPCG(seed, 7))
	var mu sync.Mutex
	r := &rig{t: t, sim: sim.New(cfg), exchange: &exchange{}, statuses: map[watch.Scope][]watch.Status{}, errs: map[watch.Scope]error{}}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("ORKA_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	r.exchange.server.Store(r.sim)
	connect := func(agent string) *kube.Client {
		c, err := kube.New(&rest.Config{
			Host: r.sim.Host(), Dial: r.exchange.dial, TLSClientConfig: rest.TLSClientConfig{Insecure: cfg.TLS},
		}, kube.Options{Logger: log, UserAgent: agent})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	r.client, r.checker = connect("orka"), connect(checkerAgent)
	var err error
	store.Check = true
	r.store, err = shard.NewStore(store)
	if err != nil {
		t.Fatal(err)
	}
	r.sink = r.store
	r.ctx, r.stop = context.WithCancel(t.Context())
	r.cfg = watch.DefaultConfig()
	r.cfg.Logger = log
	r.cfg.Slots = watch.NewSlots(watch.MaxLists)
	r.cfg.Rand = func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return rng.Float64()
	}
	r.cfg.OnStatus = func(s *watch.Status) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.statuses[s.Scope] = append(r.statuses[s.Scope], *s)
	}
	r.wg.Go(func() {
		if err := r.store.Run(r.ctx); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("store: %v", err)
		}
	})
	return r
}

func (r *rig) close() {
	r.stop()
	r.wg.Wait()
	r.client.CloseIdle()
	r.checker.CloseIdle()
	r.sim.Close()
	r.exchange.server.Store(nil)
	synctest.Wait()
}

// exchange connects to the server that stands now. client-go keeps its transports, and so what dials for them, for ever:
// it must not hold a rig.
type exchange struct{ server atomic.Pointer[sim.Server] }

func (x *exchange) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	s := x.server.Load()
	if s == nil {
		return nil, net.ErrClosed
	}
	return s.Dial(ctx, network, addr)
}

// replace puts another server in the place of the present one, which is closed.
func (r *rig) replace(s *sim.Server) {
	old := r.sim
	r.sim = s
	r.exchange.server.Store(s)
	old.Close()
}

// start runs a watcher.
func (r *rig) start(kind *watch.Kind) *watch.Watcher { return r.startOver(kind, r.client) }

func (r *rig) startOver(kind *watch.Kind, src watch.Source) *watch.Watcher {
	scope := watch.Scope{Kind: kind}
	w := watch.New(r.cfg, scope, src, r.sink)
	r.wg.Go(func() {
		err := w.Run(r.ctx)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.errs[scope] = err
	})
	return w
}

// startLive runs a watcher and waits until it is Live.
func (r *rig) startLive(kind *watch.Kind) *watch.Watcher {
	r.t.Helper()
	w := r.start(kind)
	r.await(w, 5*time.Second, "Live", func(s *watch.Status) bool { return s.Phase == watch.Live })
	return w
}

// await lets virtual time pass, a little at a time, until the status is as wanted, and returns how long.
func (r *rig) await(w *watch.Watcher, within time.Duration, what string, want func(*watch.Status) bool) time.Duration {
	r.t.Helper()
	start := time.Now()
	for {
		synctest.Wait()
		if want(w.Status()) {
			return time.Since(start)
		}
		if time.Since(start) >= within {
			r.t.Fatalf("%s: not within %s; status %+v", what, within, *w.Status())
		}
		r.pass(50 * time.Millisecond)
	}
}

// pass lets virtual time pass.
func (r *rig) pass(d time.Duration) {
	t := time.NewTimer(d)
	<-t.C
	synctest.Wait()
}

// history is all statuses published for a kind.
func (r *rig) history(kind *watch.Kind) []watch.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]watch.Status(nil), r.statuses[watch.Scope{Kind: kind}]...)
}

// sawPhase reports whether a kind has ever been in a phase.
func (r *rig) sawPhase(kind *watch.Kind, p watch.Phase) bool {
	for _, s := range r.history(kind) {
		if s.Phase == p {
			return true
		}
	}
	return false
}

// requests counts requests for a resource by verb.
func (r *rig) requests(verb string, kind *watch.Kind) []sim.Request {
	return r.requestsOf(sim.Match{Verb: verb, Resource: kind.ResourceName()})
}

func (r *rig) requestsOf(m sim.Match) []sim.Request {
	return slices.DeleteFunc(r.sim.Requests(m), func(q sim.Request) bool { return strings.HasPrefix(q.UserAgent, checkerAgent) })
}

// lists are the LISTs of a kind, without the probes.
func (r *rig) lists(kind *watch.Kind) []sim.Request {
	return slices.DeleteFunc(r.requests("list", kind), isProbe)
}

func isProbe(q sim.Request) bool { return q.Verb == "list" && q.Query == "limit=1" }

// settled lets one bookmark pass and checks that the store holds what the server has.
func (r *rig) settled(kind *watch.Kind) {
	r.t.Helper()
	r.pass(2*time.Minute + time.Second)
	r.agrees(kind)
}

// agrees checks I1 for one kind.
func (r *rig) agrees(kind *watch.Kind) {
	r.t.Helper()
	synctest.Wait()
	if err := r.store.Sync(r.ctx); err != nil {
		r.t.Fatal(err)
	}
	if err := watchtest.Agree(r.ctx, r.checker, kind, r.store.World(), r.store.Body); err != nil {
		r.t.Error(err)
	}
}

var (
	podKind    = builtin("", "v1", "Pod", "pods", true)
	configKind = builtin("", "v1", "ConfigMap", "configmaps", true)
	nodeKind   = builtin("", "v1", "Node", "nodes", false)
)

func builtin(group, version, kind, resource string, namespaced bool) *watch.Kind {
	gvk := watch.GVK{Group: group, Version: version, Kind: kind}
	return &watch.Kind{
		GVK: gvk, Resource: resource, Namespaced: namespaced, Columns: columns.For(gvk),
		Verbs: watch.VerbGet | watch.VerbList | watch.VerbWatch,
	}
}

var podsGVR = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

func pod(i int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("pod-%04d", i), Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "main", Image: "nginx"}}},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
}

func configMap(i, n int) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: fmt.Sprintf("config-%04d", i)},
		Data:       map[string]string{"n": fmt.Sprint(n)},
	}
}

// pods creates pods from..to-1.
func (r *rig) pods(from, to int) {
	r.t.Helper()
	for i := from; i < to; i++ {
		if err := r.sim.Create(pod(i)); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) touch(i int) {
	r.t.Helper()
	p := pod(i)
	p.Labels["touched"] = fmt.Sprint(r.sim.Revision())
	if err := r.sim.Update(p); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) delete(i int) {
	r.t.Helper()
	if err := r.sim.Delete(podsGVR, "default", fmt.Sprintf("pod-%04d", i)); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}
