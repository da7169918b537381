//go:build integration

package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

const (
	// writeWithin bounds one request: what becomes of a write is not known after that.
	writeWithin = 10 * time.Second
	// insistFor is how long a request is repeated while the server is away.
	insistFor = 3 * time.Minute
)

// writer changes a cluster beside orka, past its proxy.
type writer struct {
	client *http.Client
	base   string
}

func newWriter(cfg *rest.Config) (*writer, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.Timeout = writeWithin
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	return &writer{client, cfg.Host}, nil
}

// write makes a writer that ends with the test.
func write(t *testing.T, cfg *rest.Config) *writer {
	t.Helper()
	w, err := newWriter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.client.CloseIdleConnections)
	return w
}

// do sends a request and reads the answer into out, which may be nil. Code is 0 when there was none.
func (w *writer) do(ctx context.Context, method, path, media, body string, out any) (code int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, w.base+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Accept", "application/json")
	resp, err := w.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode, errors.New(string(data[:min(len(data), 300)]))
	}
	if out == nil {
		return resp.StatusCode, nil
	}
	return resp.StatusCode, json.Unmarshal(data, out)
}

// insist repeats a request until it is answered with one of the codes; the server may be away meanwhile. It does not end with
// the test: what a fault broke is mended.
func (w *writer) insist(method, path, body string, codes ...int) error {
	ctx, cancel := context.WithTimeout(context.Background(), insistFor)
	defer cancel()
	for {
		code, err := w.do(ctx, method, path, "application/json", body, nil)
		if slices.Contains(codes, code) {
			return nil
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return fmt.Errorf("%s %s: %d %w", method, path, code, err)
		}
	}
}

// create makes an object unless it is there.
func (w *writer) create(path, body string) error {
	return w.insist(http.MethodPost, path, body, http.StatusCreated, http.StatusConflict)
}

// remove deletes an object and waits until it has gone.
func (w *writer) remove(path string) error {
	return errors.Join(w.insist(http.MethodDelete, path, "", http.StatusOK, http.StatusNotFound), w.insist(http.MethodGet, path, "", http.StatusNotFound))
}

func (w *writer) namespace(name string) error {
	return w.create("/api/v1/namespaces", fmt.Sprintf(`{"metadata":{"name":%q}}`, name))
}

// configMap makes or changes one.
func (w *writer) configMap(namespace, name, value string) error {
	body := fmt.Sprintf(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q},"data":{"v":%q}}`, name, value)
	path := "/api/v1/namespaces/" + namespace + "/configmaps"
	if err := w.create(path, body); err != nil {
		return err
	}
	return w.insist(http.MethodPut, path+"/"+name, body, http.StatusOK)
}

const rbacPath = "/apis/rbac.authorization.k8s.io/v1"

// rule is one of RBAC's.
type rule struct {
	APIGroups []string `json:"apiGroups"`
	Resources []string `json:"resources"`
	Verbs     []string `json:"verbs"`
}

func mayRead(group, resource string) rule {
	return rule{[]string{group}, []string{resource}, []string{"get", "list", "watch"}}
}

// everything lets a user see all.
var everything = []rule{mayRead("*", "*")}

// role sets the rules of a ClusterRole.
func (w *writer) role(name string, rules []rule) error {
	body, err := json.Marshal(map[string]any{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": map[string]any{"name": name}, "rules": rules})
	if err != nil {
		return err
	}
	return w.insist(http.MethodPut, rbacPath+"/clusterroles/"+name, string(body), http.StatusOK, http.StatusCreated)
}

// bind gives a user a ClusterRole, everywhere.
func (w *writer) bind(role, user string) error {
	return w.create(rbacPath+"/clusterrolebindings", fmt.Sprintf(
		`{"metadata":{"name":%[1]q},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":%[1]q},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":%[2]q}]}`, role, user))
}

// allowIn lets a user do something in one namespace.
func (w *writer) allowIn(namespace, user string, r rule) error {
	rules, err := json.Marshal([]rule{r})
	if err != nil {
		return err
	}
	in := rbacPath + "/namespaces/" + namespace
	return errors.Join(
		w.create(in+"/roles", fmt.Sprintf(`{"metadata":{"name":%q},"rules":%s}`, user, rules)),
		w.create(in+"/rolebindings", fmt.Sprintf(
			`{"metadata":{"name":%[1]q},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":%[1]q},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":%[1]q}]}`, user)))
}
