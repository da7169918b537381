package apply

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"orka/apply/history"
	"orka/watch"
	"orka/watch/sim"
)

// flow is an Applier over client-go's transport and a simulated server, in virtual time.
type flow struct {
	t    *testing.T
	sim  *sim.Server
	wire *wire
	log  *journal
	orka *Applier
	cfg  Config
	conn *http.Client // past the wire
	// sight is what the watch is said to know; nil is live, confirmed now, and of nothing.
	sight func(Target) Sight
}

// flowing runs a test in a synctest bubble.
func flowing(t *testing.T, cfg sim.Config, test func(t *testing.T, f *flow)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &flow{t: t, sim: sim.New(cfg), log: &journal{}}
		conn := &rest.Config{Host: f.sim.Host(), Dial: f.sim.Dial, BearerToken: "sim-user:alice"}
		client := func() *http.Client {
			c, err := rest.HTTPClientFor(conn)
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		f.conn = client()
		ours := client()
		f.wire = &wire{next: ours.Transport}
		f.cfg = Config{
			REST: conn, HTTP: &http.Client{Transport: f.wire}, Journal: f.log,
			Identity: Identity{Cluster: "https://cluster.example", Context: "test", User: "alice"},
			Look:     func(t Target) Sight { return f.look(t) },
		}
		f.orka = f.applier(nil)
		defer func() {
			f.conn.CloseIdleConnections()
			ours.CloseIdleConnections()
			f.sim.Close()
			synctest.Wait()
		}()
		test(t, f)
	})
}

// applier is another one over the same wire.
func (f *flow) applier(change func(*Config)) *Applier {
	f.t.Helper()
	cfg := f.cfg
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func (f *flow) look(t Target) Sight {
	if f.sight != nil {
		return f.sight(t)
	}
	return liveSight(t)
}

func liveSight(t Target) Sight {
	return Sight{Status: &watch.Status{Scope: watch.Scope{Kind: t.Kind}, Phase: watch.Live, Complete: true, ConfirmedAt: time.Now().Round(0)}}
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

var (
	deploymentKind = &watch.Kind{GVK: watch.GVK{Group: "apps", Version: "v1", Kind: "Deployment"}, Resource: "deployments", Namespaced: true, Verbs: watch.VerbGet | watch.VerbPatch}
	configMapKind  = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "ConfigMap"}, Resource: "configmaps", Namespaced: true, Verbs: watch.VerbGet | watch.VerbPatch}
	secretKind     = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Secret"}, Resource: "secrets", Namespaced: true, Verbs: watch.VerbGet | watch.VerbPatch}
	nodeKind       = &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Node"}, Resource: "nodes", Verbs: watch.VerbGet | watch.VerbPatch}
)

var (
	webTarget    = Target{Kind: deploymentKind, Namespace: "default", Name: "web"}
	configTarget = Target{Kind: configMapKind, Namespace: "default", Name: "settings"}
	tokenTarget  = Target{Kind: secretKind, Namespace: "default", Name: "token"}
)

const (
	webText = `{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, namespace: default, labels: {app: web, team: blue}},
  spec: {replicas: 3, selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: main, image: "nginx:1"}]}}}}`
	configText = `{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: default, labels: {app: web}}, data: {color: blue, size: small}}`
	tokenText  = `{apiVersion: v1, kind: Secret, metadata: {name: token, namespace: default}, data: {password: aHVudGVyMg==}}`
)

// other sends a request as another manager, past the wire, and must succeed.
func (f *flow) other(manager, method string, t Target, contentType, text string) *unstructured.Unstructured {
	f.t.Helper()
	p, err := objectPath(t)
	if err != nil {
		f.t.Fatal(err)
	}
	if method == http.MethodPost {
		p = p[:strings.LastIndexByte(p, '/')]
	}
	body := []byte(text)
	if contentType != "application/json-patch+json" && text != "" {
		if body, err = yaml.YAMLToJSON(body); err != nil {
			f.t.Fatal(err)
		}
	}
	q := url.Values{"fieldManager": {manager}}
	if strings.Contains(contentType, "apply") {
		q.Set("force", "true")
	}
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.sim.Host()+p+"?"+q.Encode(), bytes.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Accept", "application/json")
	resp, err := f.conn.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	all, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 {
		f.t.Fatalf("%s %s as %s: %d %v %s", method, p, manager, resp.StatusCode, err, all)
	}
	u := &unstructured.Unstructured{}
	if err := json.Unmarshal(all, &u.Object); err != nil {
		f.t.Fatal(err)
	}
	return u
}

func (f *flow) create(t Target, text string) {
	f.t.Helper()
	f.other("kubectl-create", http.MethodPost, t, "application/json", text)
}

func (f *flow) merge(manager string, t Target, text string) {
	f.t.Helper()
	f.other(manager, http.MethodPatch, t, "application/merge-patch+json", text)
}

func (f *flow) apply(manager string, t Target, text string) {
	f.t.Helper()
	f.other(manager, http.MethodPatch, t, "application/apply-patch+yaml", text)
}

func (f *flow) remove(t Target) {
	f.t.Helper()
	f.other("kubectl", http.MethodDelete, t, "application/json", "")
}

func (f *flow) stored(t Target) *unstructured.Unstructured {
	f.t.Helper()
	return f.other("kubectl", http.MethodGet, t, "", "")
}

// edit opens an object and changes its draft: pairs of old and new text.
func (f *flow) edit(t Target, pairs ...string) (*Base, *Intent) {
	f.t.Helper()
	b, err := f.orka.Open(f.t.Context(), t)
	if err != nil {
		f.t.Fatalf("open: %v", err)
	}
	draft, err := f.orka.Draft(b)
	if err != nil {
		f.t.Fatalf("draft: %v", err)
	}
	text := string(draft)
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			f.t.Fatalf("%q is not once in the draft:\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	i, err := f.orka.Intent(f.t.Context(), b, []byte(text))
	if err != nil {
		f.t.Fatalf("intent: %v\n%s", err, text)
	}
	return b, i
}

// preview is edit and dry-run.
func (f *flow) preview(t Target, pairs ...string) *Preview {
	f.t.Helper()
	b, i := f.edit(t, pairs...)
	p, err := f.orka.Preview(f.t.Context(), b, i, Consent{})
	if err != nil {
		f.t.Fatalf("preview: %v", err)
	}
	return p
}

// scaled is a preview of the deployment with five replicas in place of three.
func (f *flow) scaled() *Preview {
	f.t.Helper()
	f.create(webTarget, webText)
	return f.preview(webTarget, "replicas: 3", "replicas: 5")
}

func (f *flow) replicas() int64 {
	f.t.Helper()
	n, _, _ := unstructured.NestedInt64(normal(f.t, f.stored(webTarget)).Object, "spec", "replicas")
	return n
}

// normal gives an object int64 for whole numbers.
func normal(t *testing.T, u *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	b, err := json.Marshal(u.Object)
	if err != nil {
		t.Fatal(err)
	}
	o, err := (&answer{body: b}).object()
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// asError is errors.As that ends the test.
func asError[T error](t *testing.T, err error) T {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Fatalf("error is %T (%v), want %T", err, err, want)
	}
	return want
}

// passed is one request of orka's.
type passed struct {
	method, path, contentType string
	query                     url.Values
	body                      []byte
	code                      int // of the server; 0 when it did not get it
}

func (s *passed) dry() bool   { return s.method == http.MethodPatch && s.query.Has("dryRun") }
func (s *passed) write() bool { return s.method == http.MethodPatch && !s.dry() }
func (s *passed) read() bool {
	return s.method == http.MethodGet && !strings.HasPrefix(s.path, "/openapi")
}

// wire stands between an Applier and client-go's transport.
type wire struct {
	next http.RoundTripper

	mu sync.Mutex
	// guarded by mu
	log    []*passed
	before func(*passed) error                 // an error is the connection's, and the server gets nothing
	after  func(*passed, *http.Response) error // may change the answer; an error takes its place
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	s := &passed{method: r.Method, path: r.URL.Path, contentType: r.Header.Get("Content-Type"), query: r.URL.Query()}
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		_ = r.Body.Close()
		s.body = b
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(b))
	}
	w.mu.Lock()
	w.log = append(w.log, s)
	before, after := w.before, w.after
	w.mu.Unlock()
	if before != nil {
		if err := before(s); err != nil {
			return nil, err
		}
	}
	resp, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	s.code = resp.StatusCode
	if after != nil {
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		replace(resp, resp.StatusCode, string(b))
		if err := after(s, resp); err != nil {
			return nil, err
		}
	}
	return resp, nil
}

// replace puts another answer in the place of the server's.
func replace(resp *http.Response, code int, body string) {
	resp.StatusCode = code
	resp.Body = io.NopCloser(strings.NewReader(body))
	resp.ContentLength = int64(len(body))
}

// rewrite changes the object in an answer.
func rewrite(t *testing.T, resp *http.Response, change func(o *unstructured.Unstructured)) {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := json.NewDecoder(resp.Body).Decode(&u.Object); err != nil {
		t.Fatal(err)
	}
	change(u)
	b, err := json.Marshal(u.Object)
	if err != nil {
		t.Fatal(err)
	}
	replace(resp, resp.StatusCode, string(b))
}

func (w *wire) onBefore(f func(*passed) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.before = f
}

func (w *wire) onAfter(f func(*passed, *http.Response) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after = f
}

// sent are the requests so far that match.
func (w *wire) sent(match func(*passed) bool) []*passed {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*passed
	for _, s := range w.log {
		if match(s) {
			out = append(out, s)
		}
	}
	return out
}

func (w *wire) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log = nil
}

// journal is a history in memory.
type journal struct {
	mu sync.Mutex
	// guarded by mu
	begun     []history.Intent
	done      []history.Outcome
	failBegin error
	failEnd   error
}

func (j *journal) Begin(ctx context.Context, i history.Intent) (history.ID, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failBegin != nil {
		return 0, j.failBegin
	}
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	j.begun = append(j.begun, i)
	return history.ID(len(j.begun)), nil
}

func (j *journal) Finish(ctx context.Context, id history.ID, o history.Outcome) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failEnd != nil {
		return j.failEnd
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if int(id) != len(j.done)+1 {
		return fmt.Errorf("outcome of %d after %d outcomes", id, len(j.done))
	}
	j.done = append(j.done, o)
	return nil
}

// states are the outcomes so far: "applied refused", and "?" for each intent without one.
func (j *journal) states() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out []string
	for _, o := range j.done {
		out = append(out, string(o.State))
	}
	for range len(j.begun) - len(j.done) {
		out = append(out, "?")
	}
	return strings.Join(out, " ")
}

var configMapGVR = schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}
