package apply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"orka/watch"
)

// The scenarios are written once and run against every backend: the simulated server always, and a real kube-apiserver
// with the build tag integration (backend_kube_test.go).

// cluster is a server to test against, seen by an administrator.
type cluster interface {
	// config is a connection as an administrator; requests that name a user to impersonate are made as that user.
	config() *rest.Config
	// hook puts an admission webhook to work for one namespace until the test ends.
	hook(t *testing.T, namespace string, h webhook)
	// grant lets a user do verbs on a resource of a namespace, and nothing else.
	grant(t *testing.T, user, namespace, resource string, verbs ...string)
	// define serves a CustomResourceDefinition and waits until it does.
	define(t *testing.T, crd []byte)
}

// webhook is an admission webhook as a test describes it.
type webhook struct {
	name     string // "deny.orka.test"
	mutating bool
	// noDryRun declares side effects, so that the server refuses dry-runs that concern it.
	noDryRun bool
	// review answers for the object as it would be stored.
	review func(object map[string]any, dryRun bool) verdict
}

// verdict is a webhook's answer.
type verdict struct {
	deny     string           // "" admits
	patch    []map[string]any // JSON Patch operations
	warnings []string
}

type backend struct {
	name string
	open func(t *testing.T) cluster
}

var backends = []backend{{"sim", openSim}}

// onEach runs a scenario against every backend.
func onEach(t *testing.T, scenario func(t *testing.T, w *world)) {
	t.Helper()
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) { scenario(t, newWorld(t, b.open(t))) })
	}
}

// client is one user of the API under a field manager's name. It reaches the server directly.
type client struct {
	t       testing.TB
	base    *url.URL
	http    *http.Client
	manager string
}

func newClient(t testing.TB, cfg *rest.Config, manager string) *client {
	t.Helper()
	cfg = rest.CopyConfig(cfg)
	cfg.UserAgent = manager + "/v1"
	h, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(h.Transport) })
	return &client{t, base, h, manager}
}

// as is the same connection under another manager's name.
func (c *client) as(manager string) *client { return &client{c.t, c.base, c.http, manager} }

// objectPath is the path of an object, or of its collection for name "".
func objectPath(k *watch.Kind, namespace, name string) string {
	p := "/api/" + k.Version
	if k.Group != "" {
		p = "/apis/" + k.Group + "/" + k.Version
	}
	if k.Namespaced {
		p += "/namespaces/" + namespace
	}
	p += "/" + k.Resource
	if name != "" {
		p += "/" + name
	}
	return p
}

// do sends one request and returns the answer, whatever its code.
func (c *client) do(method, path string, query url.Values, contentType string, body []byte) (int, []byte) {
	c.t.Helper()
	u := *c.base
	u.Path, u.RawQuery = path, query.Encode()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // cleanups come after the test's own has ended
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		c.t.Fatalf("%s %s as %s: %v", method, path, c.manager, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatalf("%s %s as %s: %v", method, path, c.manager, err)
	}
	return resp.StatusCode, b
}

func (c *client) must(method, path string, query url.Values, contentType string, body []byte) *unstructured.Unstructured {
	c.t.Helper()
	code, b := c.do(method, path, query, contentType, body)
	if code/100 != 2 {
		c.t.Fatalf("%s %s as %s: %d: %s", method, path, c.manager, code, b)
	}
	return parse(c.t, b)
}

func (c *client) query() url.Values { return url.Values{"fieldManager": {c.manager}} }

const (
	asJSON   = "application/json"
	asMerge  = "application/merge-patch+json"
	asApply  = "application/apply-patch+yaml"
	asStatus = "status"
	asScale  = "scale"
)

// create makes an object of YAML.
func (c *client) create(k *watch.Kind, namespace, text string) *unstructured.Unstructured {
	c.t.Helper()
	b, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		c.t.Fatal(err)
	}
	return c.must(http.MethodPost, objectPath(k, namespace, ""), c.query(), asJSON, b)
}

// merge changes an object by a merge patch, which is how controllers that don't apply write: operation Update.
func (c *client) merge(k *watch.Kind, namespace, name, patch string) *unstructured.Unstructured {
	c.t.Helper()
	return c.must(http.MethodPatch, objectPath(k, namespace, name), c.query(), asMerge, []byte(patch))
}

// mergeSub is merge through a subresource.
func (c *client) mergeSub(k *watch.Kind, namespace, name, sub, patch string) *unstructured.Unstructured {
	c.t.Helper()
	return c.must(http.MethodPatch, objectPath(k, namespace, name)+"/"+sub, c.query(), asMerge, []byte(patch))
}

// apply is a forced server-side apply.
func (c *client) apply(k *watch.Kind, namespace, name, text string) *unstructured.Unstructured {
	c.t.Helper()
	q := c.query()
	q.Set("force", "true")
	return c.must(http.MethodPatch, objectPath(k, namespace, name), q, asApply, []byte(text))
}

func (c *client) remove(k *watch.Kind, namespace, name string) {
	c.t.Helper()
	c.must(http.MethodDelete, objectPath(k, namespace, name), nil, "", nil)
}

// get reads an object; nil when there is none.
func (c *client) get(k *watch.Kind, namespace, name string) *unstructured.Unstructured {
	c.t.Helper()
	code, b := c.do(http.MethodGet, objectPath(k, namespace, name), nil, "", nil)
	if code == http.StatusNotFound {
		return nil
	}
	if code != http.StatusOK {
		c.t.Fatalf("get %s/%s: %d: %s", namespace, name, code, b)
	}
	return parse(c.t, b)
}

func parse(t testing.TB, b []byte) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(b); err != nil {
		var m map[string]any
		if json.Unmarshal(b, &m) != nil {
			t.Fatalf("answer is no object: %v: %s", err, b)
		}
		u.Object = m
	}
	return u
}

// at is the value at a path of map keys and list indexes, nil where there is none.
func at(u *unstructured.Unstructured, path ...any) any {
	var v any = u.Object
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// owners lists the leaves that a manager owns: "manager operation subresource path".
func owners(t testing.TB, u *unstructured.Unstructured, manager string) []string {
	t.Helper()
	var out []string
	for _, e := range u.GetManagedFields() {
		if e.Manager != manager || e.FieldsV1 == nil {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(bytes.NewReader(e.FieldsV1.Raw)); err != nil {
			t.Fatal(err)
		}
		set.Leaves().Iterate(func(p fieldpath.Path) {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s", operation(e), p)))
		})
	}
	slices.Sort(out)
	return out
}

func operation(e metav1.ManagedFieldsEntry) string {
	if e.Subresource != "" {
		return string(e.Operation) + "/" + e.Subresource
	}
	return string(e.Operation)
}
