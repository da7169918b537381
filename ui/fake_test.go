package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"orka/engine"
	"orka/search"
	"orka/shard"
	"orka/watch"
	"orka/watch/columns"
)

// testNow is the wall clock of every test.
var testNow = time.Date(2026, 3, 14, 3, 7, 11, 0, time.UTC)

// The kinds of the simulated cluster, in GVK order.
var (
	kindPod        = testKind("", "v1", "Pod", "pods", true, "po")
	kindNamespace  = testKind("", "v1", "Namespace", "namespaces", false, "ns")
	kindNode       = testKind("", "v1", "Node", "nodes", false, "no")
	kindService    = testKind("", "v1", "Service", "services", true, "svc")
	kindSecret     = testKind("", "v1", "Secret", "secrets", true)
	kindConfigMap  = testKind("", "v1", "ConfigMap", "configmaps", true, "cm")
	kindEvent      = testKind("", "v1", "Event", "events", true, "ev")
	kindDeployment = testKind("apps", "v1", "Deployment", "deployments", true, "deploy")
	kindLease      = testKind("coordination.k8s.io", "v1", "Lease", "leases", true)
	kindMetrics    = testKind("metrics.k8s.io", "v1beta1", "PodMetrics", "podmetrics", true)
	kindCert       = testKind("cert-manager.io", "v1", "Certificate", "certificates", true, "cert", "certs")
	kindWidget     = testKind("example.com", "v1", "Widget", "widgets", true)

	testKinds = func() []*watch.Kind {
		k := []*watch.Kind{kindPod, kindNamespace, kindNode, kindService, kindSecret, kindConfigMap, kindEvent, kindDeployment, kindLease, kindMetrics, kindCert, kindWidget}
		slices.SortFunc(k, func(a, b *watch.Kind) int { return a.Compare(b.GVK) })
		return k
	}()
)

func testKind(group, version, kind, resource string, namespaced bool, short ...string) *watch.Kind {
	gvk := watch.GVK{Group: group, Version: version, Kind: kind}
	return &watch.Kind{
		GVK: gvk, Resource: resource, Singular: strings.ToLower(kind), ShortNames: short, Namespaced: namespaced,
		Verbs: watch.VerbGet | watch.VerbList | watch.VerbWatch, Columns: columns.For(gvk),
	}
}

// worldOf publishes objects through the real store.
func worldOf(ctx context.Context, objects []*watch.Object) (*shard.World, shard.Stats, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	store, err := shard.NewStore(shard.Config{Planner: shard.Modulo(4)})
	if err != nil {
		return nil, shard.Stats{}, err
	}
	var done sync.WaitGroup
	done.Go(func() { _ = store.Run(ctx) })
	defer done.Wait()
	defer stop()
	byKind := map[*watch.Kind][]watch.Delta{}
	gen := watch.NextGeneration()
	for _, o := range objects {
		byKind[o.Kind] = append(byKind[o.Kind], watch.Delta{Object: o, Generation: gen, Arrived: testNow})
	}
	for kind, deltas := range byKind {
		for page := range slices.Chunk(deltas, 500) {
			if err := store.Put(ctx, kind, page); err != nil {
				return nil, shard.Stats{}, err
			}
		}
		if err := store.Sweep(ctx, watch.Scope{Kind: kind}, gen); err != nil {
			return nil, shard.Stats{}, err
		}
	}
	return store.World(), store.Stats(), nil
}

// liveStatus is a watcher that is as it should be.
func liveStatus(k *watch.Kind, ago time.Duration) *watch.Status {
	return &watch.Status{Scope: watch.Scope{Kind: k}, Phase: watch.Live, Since: testNow.Add(-2 * time.Hour), Complete: true, ConfirmedAt: testNow.Add(-ago), Relists: 24, Generation: 1, Remaining: -1, Reason: watch.ReasonPeriodic}
}

// testView is a View in which all kinds are fresh; edit changes the statuses before it is used.
func testView(ctx context.Context, objects []*watch.Object, edit func(*engine.Health)) (*engine.View, error) {
	built, st, err := worldOf(ctx, objects)
	if err != nil {
		return nil, err
	}
	w := new(shard.World)
	*w = *built
	w.Epoch = 7
	h := engine.Health{Server: engine.Server{Connected: true, Version: "v1.36.1"}, Served: engine.Served{Kinds: testKinds}, Shards: st.Shards, Store: st}
	h.Kinds = testKinds
	for i := range h.Shards {
		// What it took and in how many steps is not the same twice.
		h.Shards[i].LastBuild, h.Shards[i].Version = time.Duration(i%7)*110*time.Microsecond, uint64(i)
	}
	for i, k := range testKinds {
		h.Watchers = append(h.Watchers, liveStatus(k, time.Duration(2+3*i)*time.Second))
	}
	h.Memory = engine.Memory{RSS: 141 << 20, Heap: 96 << 20, Budget: 800 << 20, Stage: "ok", Classes: []engine.MemoryClass{
		{Name: "snapshot", Bytes: 58 << 20}, {Name: "index", Bytes: 17 << 20}, {Name: "bodies", Bytes: 40 << 20, Cap: 256 << 20},
	}}
	if edit != nil {
		edit(&h)
	}
	return &engine.View{World: w, Index: search.Build(w), Health: h, At: testNow}, nil
}

// setStatus replaces the status of a kind's watcher.
func setStatus(h *engine.Health, k *watch.Kind, f func(*watch.Status)) {
	for i, s := range h.Watchers {
		if s.Scope.Kind == k {
			next := *s
			f(&next)
			h.Watchers[i] = &next
		}
	}
}

// fakeEngine publishes the Views it is given.
type fakeEngine struct {
	mu      sync.Mutex
	view    *engine.View
	changed chan struct{}
	retried []string
	wanted  []*watch.Kind
	yaml    string
	err     error
	applier fakeApplier
}

func newFakeEngine(v *engine.View) *fakeEngine {
	return &fakeEngine{view: v, changed: make(chan struct{}), yaml: sampleYAML}
}

func (f *fakeEngine) View() *engine.View {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.view
}

func (f *fakeEngine) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *fakeEngine) publish(v *engine.View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v.Seq = f.view.Seq + 1
	f.view = v
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *fakeEngine) YAML(_ context.Context, o *watch.Object) ([]byte, engine.Source, error) {
	if f.err != nil {
		return nil, "", f.err
	}
	return []byte(strings.ReplaceAll(f.yaml, "NAME", o.Name)), engine.FromWatch, nil
}

func (f *fakeEngine) Describe(_ context.Context, o *watch.Object) (string, error) {
	if f.err != nil {
		return "", f.err
	}
	return fmt.Sprintf(sampleDescribe, o.Name, o.Namespace), nil
}

func (f *fakeEngine) Retry(kinds ...*watch.Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(kinds) == 0 {
		f.retried = append(f.retried, "all")
	}
	for _, k := range kinds {
		f.retried = append(f.retried, k.Resource)
	}
}

func (f *fakeEngine) ObserveSearch(int, time.Duration, bool) {}

func (f *fakeEngine) Want(kinds ...*watch.Kind) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.wanted = kinds
}

// fakeContexts moves between engines.
type fakeContexts struct {
	engines map[string]Engine
	err     error
}

func (f *fakeContexts) List() ([]Context, error) {
	return []Context{
		{Name: "dev-cluster", Cluster: "dev", User: "me", Namespace: "team-a"},
		{Name: "prod-eu-1", Cluster: "prod-eu-1.example.com", User: "oncall", Current: true},
	}, f.err
}

func (f *fakeContexts) Switch(_ context.Context, name string) (Engine, Info, error) {
	e, ok := f.engines[name]
	if !ok {
		return nil, Info{}, errors.New("dial tcp 10.0.0.1:6443: connect: connection refused")
	}
	return e, Info{Context: name, Cluster: name}, nil
}

const sampleYAML = `apiVersion: v1
kind: Pod
metadata:
  annotations:
    prometheus.io/scrape: "true"
    note: |-
      first line: not a key
      second line
  creationTimestamp: "2026-03-01T10:00:00Z"
  labels:
    app: api
  name: NAME
  namespace: payments
  uid: 0a1b2c3d-0000-4000-8000-000000000001
spec:
  containers:
  - args:
    - --listen=:8080
    - --trace-endpoint=http://collector.platform-observability.svc.cluster.local:4318/v1/traces?timeout=10s&sampling=parent
    - --upstream=http://localhost:9090/
    env: []
    image: registry.local/api:1.2.3
    imagePullPolicy: IfNotPresent
    name: api
    resources:
      limits:
        memory: 512Mi
      requests:
        cpu: 100m
    terminationMessagePath: /dev/termination-log
  dnsPolicy: ClusterFirst
  enableServiceLinks: true
  nodeName: node-07
  priority: 0
  restartPolicy: Always
  schedulerName: default-scheduler
  securityContext: {}
status:
  conditions:
  - lastProbeTime: null
    status: "False"
    type: Ready
  containerStatuses:
  - image: registry.local/api:1.2.3
    ready: false
    restartCount: 42
  phase: Running
`

const sampleDescribe = `Name:             %s
Namespace:        %s
Priority:         0
Service Account:  api
Node:             node-07/10.0.0.7
Start Time:       Sun, 01 Mar 2026 10:00:00 +0000
Labels:           app=api
Status:           Running
Containers:
  api:
    Image:          registry.local/api:1.2.3
    State:          Waiting
      Reason:       CrashLoopBackOff
    Last State:     Terminated
      Reason:       OOMKilled
      Exit Code:    137
    Ready:          False
    Restart Count:  42
Conditions:
  Type              Status
  Ready             False
Events:
  Type     Reason   Age                  From     Message
  ----     ------   ----                 ----     -------
  Warning  BackOff  3m (x42 over 5h)     kubelet  Back-off restarting failed container
`
