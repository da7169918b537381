package ui

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

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

// cluster makes objects from a seed.
type cluster struct {
	rnd *rand.Rand
	in  watch.Interner
	uid int
	out []*watch.Object
}

func newCluster(seed uint64) *cluster { return &cluster{rnd: rand.New(rand.NewPCG(seed, 1))} }

var (
	teams = []string{"payments", "checkout", "search", "identity", "platform-observability", "team-a", "kube-system"}
	apps  = []string{"api", "web", "worker", "billing-reconciler", "cache", "ingest", "scheduler", "gateway"}
)

func (c *cluster) meta(namespace, name string, age time.Duration, labels map[string]string) metav1.ObjectMeta {
	c.uid++
	return metav1.ObjectMeta{
		Namespace: namespace, Name: name, UID: types.UID(fmt.Sprintf("%08x-0000-4000-8000-%012x", c.uid*7919, c.uid)),
		ResourceVersion: fmt.Sprint(100000 + c.uid), CreationTimestamp: metav1.NewTime(testNow.Add(-age).Truncate(time.Second)), Labels: labels,
	}
}

// add projects a typed object as the watch does.
func (c *cluster) add(kind *watch.Kind, meta metav1.ObjectMeta, typed any) *watch.Object {
	p := columns.Project(kind.GVK, typed, &c.in)
	o := &watch.Object{
		Kind: kind, Namespace: watch.Sanitize(meta.Namespace), Name: watch.Sanitize(meta.Name), UID: string(meta.UID), ResourceVersion: meta.ResourceVersion,
		Created: meta.CreationTimestamp.Unix(), Labels: watch.PackPairs(meta.Labels), Annos: watch.PackPairs(meta.Annotations),
		Status: p.Status, Cells: p.Cells, Fields: p.Fields, Health: p.Health,
	}
	if meta.DeletionTimestamp != nil {
		o.Deleted = meta.DeletionTimestamp.Unix()
	}
	for _, w := range meta.OwnerReferences {
		o.Owners = append(o.Owners, watch.Owner{APIVersion: w.APIVersion, Kind: w.Kind, Name: w.Name, UID: string(w.UID), Controller: true})
	}
	c.out = append(c.out, o)
	return o
}

const suffixLetters = "bcdfghjklmnpqrstvwxz2456789"

func (c *cluster) suffix(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = suffixLetters[c.rnd.IntN(len(suffixLetters))]
	}
	return string(b)
}

func (c *cluster) pod(namespace, name, app string) *watch.Object {
	age := time.Duration(c.rnd.IntN(40*24)) * time.Hour
	m := c.meta(namespace, name, age, map[string]string{"app": app, "pod-template-hash": c.suffix(10), "tier": "backend"})
	m.Annotations = map[string]string{"prometheus.io/scrape": "true"}
	m.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: app + "-7d9f8c6b5", UID: "owner"}}
	status := corev1.ContainerStatus{Name: app, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
	phase := corev1.PodRunning
	switch c.rnd.IntN(40) {
	case 0:
		status.Ready, status.RestartCount = false, int32(12+c.rnd.IntN(300)) //nolint:gosec // small
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(testNow.Add(-3 * time.Minute)), ExitCode: 137, Reason: "OOMKilled"}
	case 1:
		status.Ready = false
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
		phase = corev1.PodPending
		m.CreationTimestamp = metav1.NewTime(testNow.Add(-42 * time.Second))
	case 2:
		at := metav1.NewTime(testNow.Add(-20 * time.Second))
		m.DeletionTimestamp = &at
	}
	p := &corev1.Pod{
		ObjectMeta: m,
		Spec:       corev1.PodSpec{NodeName: fmt.Sprintf("node-%02d", c.rnd.IntN(24)), ServiceAccountName: app, Containers: []corev1.Container{{Name: app, Image: "registry.local/" + app + ":1.2.3"}}},
		Status: corev1.PodStatus{Phase: phase, PodIP: fmt.Sprintf("10.1.%d.%d", c.rnd.IntN(255), c.rnd.IntN(255)), ContainerStatuses: []corev1.ContainerStatus{status},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: condition(status.Ready)}, {Type: corev1.PodScheduled, Status: corev1.ConditionTrue}}},
	}
	p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
	return c.add(kindPod, m, p)
}

func condition(ok bool) corev1.ConditionStatus {
	if ok {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}

func (c *cluster) event(about *watch.Object, reason, message string, ago time.Duration) {
	m := c.meta(about.Namespace, about.Name+"."+c.suffix(16), ago, nil)
	c.add(kindEvent, m, &corev1.Event{
		ObjectMeta:     m,
		InvolvedObject: corev1.ObjectReference{Kind: about.Kind.Kind, Namespace: about.Namespace, Name: about.Name, UID: types.UID(about.UID)},
		Type:           "Warning", Reason: reason, Message: message, Count: 12, LastTimestamp: metav1.NewTime(testNow.Add(-ago)),
		Source: corev1.EventSource{Component: "kubelet"},
	})
}

// fill makes about n objects of all kinds.
func (c *cluster) fill(n int) []*watch.Object {
	for i := range 24 {
		m := c.meta("", fmt.Sprintf("node-%02d", i), 90*24*time.Hour, map[string]string{"topology.kubernetes.io/zone": "b"})
		c.add(kindNode, m, &corev1.Node{ObjectMeta: m, Status: corev1.NodeStatus{
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: condition(i != 7)}},
			NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v1.36.1"}, Capacity: corev1.ResourceList{"cpu": resource.MustParse("16")},
		}})
	}
	for _, ns := range teams {
		m := c.meta("", ns, 200*24*time.Hour, nil)
		c.add(kindNamespace, m, &corev1.Namespace{ObjectMeta: m, Status: corev1.NamespaceStatus{Phase: corev1.NamespaceActive}})
		for _, app := range apps {
			m := c.meta(ns, app, 30*24*time.Hour, map[string]string{"app": app})
			three := int32(3)
			ready := three - int32(c.rnd.IntN(20)/19)
			c.add(kindDeployment, m, &appsv1.Deployment{ObjectMeta: m, Spec: appsv1.DeploymentSpec{Replicas: &three}, Status: appsv1.DeploymentStatus{
				Replicas: 3, ReadyReplicas: ready, UpdatedReplicas: 3, AvailableReplicas: ready,
			}})
			c.add(kindService, m, &corev1.Service{ObjectMeta: m, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.4.17", Ports: []corev1.ServicePort{{Port: 8080, Protocol: "TCP"}}}})
			c.add(kindConfigMap, m, &corev1.ConfigMap{ObjectMeta: m, Data: map[string]string{"config.yaml": "x"}})
		}
	}
	for len(c.out) < n {
		app := apps[c.rnd.IntN(len(apps))]
		p := c.pod(teams[c.rnd.IntN(len(teams))], app+"-"+c.suffix(9)+"-"+c.suffix(5), app)
		if p.Health == watch.HealthBad {
			c.event(p, "BackOff", "Back-off restarting failed container "+app+" in pod "+p.Name, 3*time.Minute)
			c.event(p, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", 4*time.Minute)
		}
	}
	return c.out
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
	w, st, err := worldOf(ctx, objects)
	if err != nil {
		return nil, err
	}
	h := engine.Health{Server: engine.Server{Connected: true, Version: "v1.36.1"}, Kinds: testKinds, Shards: st.Shards, Store: st}
	for i := range h.Shards {
		h.Shards[i].LastBuild = time.Duration(i%7) * 110 * time.Microsecond // what it took is not the same twice
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
