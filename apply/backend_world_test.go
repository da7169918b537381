package apply_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"orka/apply"
	"orka/apply/history"
	"orka/watch"
	"orka/watch/kube"
)

// world is one test's corner of a cluster, with orka at a tap in front of it.
type world struct {
	t       *testing.T
	cluster cluster
	ns      string
	tap     *tap
	// admin reads and writes as an administrator, past the tap; its manager is "theirs".
	admin *client
	// journal is the history that orka writes; store reads it.
	store *history.Store
	dir   string
	orka  *apply.Applier
	// sight is what the watch is said to know; nil is live and confirmed now.
	sight func(apply.Target) apply.Sight
}

// userAgent is orka's, for the server's log.
const userAgent = "orka-under-test/v1"

func newWorld(t *testing.T, c cluster) *world {
	t.Helper()
	w := newCorner(t, c)
	w.dir = t.TempDir()
	store, err := history.Open(filepath.Join(w.dir, "history", "history.db"), history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	w.store = store
	w.orka = w.applier(nil)
	return w
}

// newCorner is a world without orka and its history.
func newCorner(t *testing.T, c cluster) *world {
	t.Helper()
	w := &world{t: t, cluster: c, ns: unique("orka-apply"), admin: newClient(t, c.config(), "theirs"), tap: newTap(t, c.config())}
	w.admin.create(namespaces, "", "{apiVersion: v1, kind: Namespace, metadata: {name: "+w.ns+", labels: {orka-test: "+w.ns+"}}}")
	t.Cleanup(func() { w.admin.do("DELETE", objectPath(namespaces, "", w.ns), nil, "", nil) })
	return w
}

// newTap stands before a server, with the credentials of cfg.
func newTap(t testing.TB, cfg *rest.Config) *tap {
	t.Helper()
	transport, err := rest.TransportFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(transport) })
	return &tap{upstream: transport, base: base}
}

// applier is orka connected through the tap, over TCP; change may alter how.
func (w *world) applier(change func(*apply.Config, *rest.Config)) *apply.Applier {
	w.t.Helper()
	proxy := httptest.NewServer(w.tap)
	w.t.Cleanup(proxy.Close)
	cfg := apply.Config{
		Identity: apply.Identity{Cluster: proxy.URL, Context: "test", User: "tester"},
		Journal:  w.store,
		Look:     w.look,
	}
	rc := &rest.Config{Host: proxy.URL, UserAgent: userAgent}
	if change != nil {
		change(&cfg, rc)
	}
	cfg.REST = rc
	h, err := rest.HTTPClientFor(rc)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(h.Transport) })
	cfg.HTTP = h
	a, err := apply.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// live is a watch that was confirmed just now and has seen nothing of the object.
func live(t apply.Target) apply.Sight {
	return apply.Sight{Status: &watch.Status{Scope: watch.Scope{Kind: t.Kind}, Phase: watch.Live, Complete: true, ConfirmedAt: time.Now()}}
}

func (w *world) look(t apply.Target) apply.Sight {
	if w.sight != nil {
		return w.sight(t)
	}
	return live(t)
}

// unique is a name nobody else has: a control plane without controllers never finishes deleting a namespace.
func unique(prefix string) string {
	uniques.Lock()
	defer uniques.Unlock()
	now := time.Now().UnixNano()
	uniques.last = max(now, uniques.last+1)
	return prefix + "-" + encode36(uniques.last)
}

var uniques struct {
	sync.Mutex
	last int64
}

func encode36(n int64) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyz"
	var b []byte
	for ; n > 0; n /= 36 {
		b = append([]byte{digits[n%36]}, b...)
	}
	return string(b)
}

var (
	namespaces  = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Namespace"}, Resource: "namespaces", Verbs: every}
	configMaps  = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "ConfigMap"}, Resource: "configmaps", Namespaced: true, Verbs: every}
	secrets     = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Secret"}, Resource: "secrets", Namespaced: true, Verbs: every}
	services    = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Service"}, Resource: "services", Namespaced: true, Verbs: every}
	deployments = &watch.Kind{GVK: watch.GVK{Group: "apps", Version: "v1", Kind: "Deployment"}, Resource: "deployments", Namespaced: true, Verbs: every}
	policies    = &watch.Kind{GVK: watch.GVK{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}, Resource: "networkpolicies", Namespaced: true, Verbs: every}
)

const every = watch.VerbGet | watch.VerbList | watch.VerbWatch | watch.VerbCreate | watch.VerbUpdate | watch.VerbPatch | watch.VerbDelete | watch.VerbDeleteCollection

// hook puts a webhook to work in the test's namespace. A server of today takes none that can't be part of a dry-run
// (admissionregistration.k8s.io/v1 knows sideEffects None and NoneOnDryRun alone); those it has were registered with
// older ones. There the tap says what the server's code says of them, in k8s.io/apiserver
// pkg/admission/plugin/webhook/errors/statuserror.go.
func (w *world) hook(h webhook) {
	w.t.Helper()
	if old, ok := w.cluster.(interface{ takesNoDryRun() bool }); h.noDryRun && (!ok || !old.takesNoDryRun()) {
		w.tap.instead(func(s *seen) *answer {
			if !s.dryRun() {
				return nil
			}
			return &answer{code: 400, header: map[string]string{"Content-Type": "application/json"}, body: fmt.Sprintf(
				`{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"admission webhook \"%s\" does not support dry run","reason":"BadRequest","code":400}`, h.name)}
		})
		return
	}
	w.cluster.hook(w.t, w.ns, h)
}

// kinds are what the server serves now, by resource name.
func (w *world) kind(resource string) *watch.Kind {
	w.t.Helper()
	c, err := kube.New(w.cluster.config(), kube.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.CloseIdle()
	d, err := c.Discover(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, k := range d.Kinds {
		if k.ResourceName() == resource {
			return k
		}
	}
	w.t.Fatalf("the server does not serve %s", resource)
	return nil
}

func (w *world) target(k *watch.Kind, name string) apply.Target {
	t := apply.Target{Kind: k, Name: name}
	if k.Namespaced {
		t.Namespace = w.ns
	}
	return t
}

func (w *world) get(t apply.Target) *unstructured.Unstructured {
	w.t.Helper()
	return w.admin.get(t.Kind, t.Namespace, t.Name)
}

// edit is an edit in progress: what a person holds between the steps.
type edit struct {
	w      *world
	orka   *apply.Applier
	target apply.Target
	base   *apply.Base
	draft  string
}

// open starts an edit and must succeed.
func (w *world) open(t apply.Target) *edit {
	w.t.Helper()
	e := &edit{w: w, orka: w.orka, target: t}
	var err error
	if e.base, err = w.orka.Open(w.t.Context(), t); err != nil {
		w.t.Fatalf("open %s: %v", t, err)
	}
	b, err := w.orka.Draft(e.base)
	if err != nil {
		w.t.Fatalf("draft of %s: %v", t, err)
	}
	e.draft = string(b)
	return e
}

// replace changes the draft's text; old must be there exactly once.
func (e *edit) replace(old, new string) *edit {
	e.w.t.Helper()
	if n := strings.Count(e.draft, old); n != 1 {
		e.w.t.Fatalf("%q is %d times in the draft:\n%s", old, n, e.draft)
	}
	e.draft = strings.Replace(e.draft, old, new, 1)
	return e
}

// change alters the draft as a value and writes it anew.
func (e *edit) change(f func(o map[string]any)) *edit {
	e.w.t.Helper()
	var o map[string]any
	if err := yaml.Unmarshal([]byte(e.draft), &o); err != nil {
		e.w.t.Fatalf("draft is no YAML: %v\n%s", err, e.draft)
	}
	f(o)
	b, err := kube.MarshalYAML(o)
	if err != nil {
		e.w.t.Fatal(err)
	}
	e.draft = string(b)
	return e
}

func (e *edit) intent() (*apply.Intent, error) {
	return e.orka.Intent(e.w.t.Context(), e.base, []byte(e.draft))
}

// preview is intent and dry-run.
func (e *edit) preview(c apply.Consent) (*apply.Preview, error) {
	e.w.t.Helper()
	i, err := e.intent()
	if err != nil {
		return nil, err
	}
	return e.orka.Preview(e.w.t.Context(), e.base, i, c)
}

func (e *edit) mustPreview(c apply.Consent) *apply.Preview {
	e.w.t.Helper()
	p, err := e.preview(c)
	if err != nil {
		e.w.t.Fatalf("preview: %v\n%s", err, e.draft)
	}
	return p
}

// mustCommit previews and commits with the same consent.
func (e *edit) mustCommit(c apply.Consent) *apply.Result {
	e.w.t.Helper()
	r, err := e.orka.Commit(e.w.t.Context(), e.mustPreview(c), c)
	if err != nil {
		e.w.t.Fatalf("commit: %v", err)
	}
	return r
}

// commit commits what was previewed.
func (e *edit) commit(p *apply.Preview, c apply.Consent) (*apply.Result, error) {
	return e.orka.Commit(e.w.t.Context(), p, c)
}

// entries are the history's, newest first.
func (w *world) entries() []history.Entry {
	w.t.Helper()
	es, err := w.store.Find(context.Background(), history.Query{Namespace: w.ns, Body: true})
	if err != nil {
		w.t.Fatal(err)
	}
	return es
}

// states are the outcomes in the history, oldest first.
func (w *world) states() []history.State {
	w.t.Helper()
	var out []history.State
	for _, e := range w.entries() {
		out = append([]history.State{e.Outcome.State}, out...)
	}
	return out
}

// wantStates compares the history's outcomes.
func (w *world) wantStates(want ...history.State) {
	w.t.Helper()
	got := w.states()
	if len(got) != len(want) {
		w.t.Errorf("history: %v, want %v", got, want)
		return
	}
	for i := range got {
		if got[i] != want[i] {
			w.t.Errorf("history: %v, want %v", got, want)
			return
		}
	}
}

// wantWrites compares how many requests that write reached the server, and how many of them it took.
func (w *world) wantWrites(sent, taken int) {
	w.t.Helper()
	writes := w.tap.writes()
	reached, ok := 0, 0
	for _, s := range writes {
		if s.Code != 0 {
			reached++
		}
		if s.Code/100 == 2 {
			ok++
		}
	}
	if reached != sent || ok != taken {
		w.t.Errorf("%d writes reached the server and %d were taken, want %d and %d", reached, ok, sent, taken)
	}
	if l, isSim := w.cluster.(interface{ writes(namespace string) int }); isSim {
		if n := l.writes(w.ns); n != sent {
			w.t.Errorf("the server's own log has %d writes of orka's, want %d", n, sent)
		}
	}
	for _, s := range writes {
		if !strings.Contains(string(s.Body), "resourceVersion") || !strings.Contains(string(s.Body), "uid") {
			w.t.Errorf("a write without uid and resourceVersion: %s %s", s.Method, s.Path)
		}
	}
}

// unchanged holds that the object is exactly as it was.
func (w *world) unchanged(t apply.Target, before *unstructured.Unstructured) {
	w.t.Helper()
	after := w.get(t)
	if after == nil {
		w.t.Errorf("%s is gone", t)
		return
	}
	if a, b := after.GetResourceVersion(), before.GetResourceVersion(); a != b {
		w.t.Errorf("%s was written: version %s, was %s", t, a, b)
	}
}

// as is errors.As with a failure of its own.
func as[T error](t *testing.T, err error) T {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Fatalf("got %T (%v), want %T", err, err, want)
	}
	return want
}

var all = apply.Consent{All: true}

func take(paths ...string) apply.Consent {
	c := apply.Consent{Take: map[string]bool{}}
	for _, p := range paths {
		c.Take[p] = true
	}
	return c
}

// toJSON is a draft as JSON.
func toJSON(draft string) string {
	b, err := yaml.YAMLToJSON([]byte(draft))
	if err != nil {
		panic(err) // a draft that orka made
	}
	return string(b)
}
