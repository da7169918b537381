package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"orka/search"
	"orka/search/query"
	"orka/watch"
	"orka/watch/kube"
	"orka/watch/sim"
)

// exploring runs an engine over a simulated server in virtual time and ends both before the test does.
func exploring(t *testing.T, cfg sim.Config, adjust func(*Config, *rest.Config), test func(t *testing.T, server *sim.Server, e *Engine), before ...func(*Engine)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := sim.New(cfg)
		defer server.Close()
		conn := &rest.Config{Host: server.Host(), Dial: server.Dial}
		c := DefaultConfig()
		if adjust != nil {
			adjust(&c, conn)
		}
		client, err := kube.New(conn, kube.Options{})
		if err != nil {
			t.Fatal(err)
		}
		e, err := New(c, client)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range before {
			f(e)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			time.Sleep(time.Nanosecond) // virtual time moves on once the test waits: what it sets up before that is there from the start
			done <- e.Run(ctx)
		}()
		defer func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
			client.CloseIdle()
		}()
		test(t, server, e)
	})
}

// await waits in virtual time for a View that is as asked, and prints what it waits for when it never comes.
func await(t *testing.T, e *Engine, what string, ok func(*View) bool) *View {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	v, err := e.Await(ctx, ok)
	if err != nil {
		for _, s := range v.Health.Watchers {
			t.Logf("%s: %s complete=%t %s", s.Scope, s.Phase, s.Complete, s.Err)
		}
		t.Fatalf("waiting for %s: %v; server %+v", what, err, v.Health.Server)
	}
	return v
}

func complete(v *View) bool {
	return v.Health.Server.Connected && len(v.Health.Watchers) > 0 && !slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool { return !s.Complete })
}

func pod(ns, name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name, Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{NodeName: "node-1", Containers: []corev1.Container{{Name: "c", Image: "registry.example/web:1"}}},
	}
}

func find(t *testing.T, v *View, line string) []string {
	t.Helper()
	q, err := query.Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	res, err := v.Index.Search(t.Context(), q, search.Options{Limit: 50})
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, len(res.Hits))
	for _, h := range res.Hits {
		names = append(names, h.Object.Kind.Kind+" "+h.Object.NamespacedName())
	}
	return names
}

func create(t *testing.T, server *sim.Server, objects ...*corev1.Pod) {
	t.Helper()
	for _, o := range objects {
		if err := server.Create(o); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEngineFindsWhatTheServerHas(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		create(t, server, pod("default", "web-1"), pod("default", "web-2"))
		v := await(t, e, "first lists", complete)
		if got := find(t, v, "web k:pod"); !slices.Equal(got, []string{"Pod default/web-1", "Pod default/web-2"}) {
			t.Errorf("found %v", got)
		}
		if !v.Health.Freshness(time.Now(), v.Health.Kind("pods")).Fresh {
			t.Error("pods are not fresh after their first list")
		}
		create(t, server, pod("default", "web-3"))
		await(t, e, "a created pod", func(v *View) bool { return len(find(t, v, "k:pod web")) == 3 })
		if err := server.Delete(schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "default", "web-1"); err != nil {
			t.Fatal(err)
		}
		v = await(t, e, "a deleted pod", func(v *View) bool { return len(find(t, v, "k:pod web")) == 2 })
		if err := v.World.Check(); err != nil {
			t.Error(err)
		}
		text, source, err := e.YAML(t.Context(), v.World.Get(v.Health.Kind("pods"), "default", "web-2"))
		if err != nil || source != FromWatch || !strings.Contains(string(text), "image: registry.example/web:1") {
			t.Errorf("YAML from %s: %v\n%s", source, err, text)
		}
	})
}

func TestEngineFollowsTypesThatComeAndGo(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "first lists", complete)
		crd := widgetType("v1")
		if err := server.Create(crd); err != nil {
			t.Fatal(err)
		}
		widget := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.dev/v1", "kind": "Widget",
			"metadata": map[string]any{"namespace": "default", "name": "w1"},
		}}
		if err := server.Create(widget); err != nil {
			t.Fatal(err)
		}
		await(t, e, "the widget", func(v *View) bool { return len(find(t, v, "k:widget")) == 1 })
		crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
		if err := server.Delete(crds, "", crd.Name); err != nil {
			t.Fatal(err)
		}
		v := await(t, e, "the kind to go", func(v *View) bool { return v.Health.Kind("widgets") == nil && len(find(t, v, "k:widget")) == 0 })
		if len(find(t, v, "w1")) != 0 {
			t.Error("an object of a kind that is gone is still found")
		}
	})
}

// TestRestrictedUserSeesPermittedNamespaces: where a cluster-wide list is refused, the namespaces that allow it are
// watched, the refusal is kept in view, and what is seen may be called fresh.
func TestRestrictedUserSeesPermittedNamespaces(t *testing.T) {
	authorize := func(user, verb, group, resource, namespace string) (bool, string) {
		if user != "reader" {
			return true, ""
		}
		open := strings.HasPrefix(resource, "/") || strings.HasPrefix(resource, "selfsubject")
		return open || (namespace == "team-a" && resource == "pods" && group == ""), "no rule"
	}
	as := func(c *Config, conn *rest.Config) {
		conn.BearerToken = "sim-user:reader"
		c.HomeNamespaces = []string{"team-a"}
	}
	exploring(t, sim.Config{Authorize: authorize}, as, func(t *testing.T, server *sim.Server, e *Engine) {
		for _, ns := range []string{"team-a", "team-b"} {
			if err := server.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
				t.Fatal(err)
			}
			create(t, server, pod(ns, "web"))
		}
		v := await(t, e, "the permitted namespace", func(v *View) bool {
			return len(find(t, v, "k:pod")) > 0 && v.Health.Freshness(time.Now(), v.Health.Kind("pods")).Fresh
		})
		if got := find(t, v, ""); !slices.Equal(got, []string{"Pod team-a/web"}) {
			t.Errorf("found %v", got)
		}
		f := v.Health.Freshness(time.Now(), v.Health.Kind("pods"))
		if !f.Fresh || len(f.Forbidden) != 1 || !strings.Contains(f.Forbidden[0].Err, "pods") {
			t.Errorf("freshness %+v", f)
		}
	})
}

// TestServerDownAndBack: rows stay, marked stale, and heal by themselves.
func TestServerDownAndBack(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		create(t, server, pod("default", "web-1"))
		v := await(t, e, "first lists", complete)
		pods := v.Health.Kind("pods")
		server.Refuse(true)
		server.DropConnections()
		v = await(t, e, "pods to be stale", func(v *View) bool { return !v.Health.Freshness(time.Now(), pods).Fresh })
		if got := find(t, v, "k:pod"); len(got) != 1 {
			t.Errorf("rows while the server is down: %v", got)
		}
		time.Sleep(10 * time.Minute)
		server.Refuse(false)
		create(t, server, pod("default", "web-2"))
		await(t, e, "recovery", func(v *View) bool {
			return len(find(t, v, "k:pod")) == 2 && v.Health.Freshness(time.Now(), pods).Fresh
		})
	})
}

func TestUnreachableServerIsNamed(t *testing.T) {
	exploring(t, sim.Config{}, func(_ *Config, conn *rest.Config) { conn.Dial = nil; conn.Host = "http://127.0.0.1:1" }, func(t *testing.T, _ *sim.Server, e *Engine) {
		v := await(t, e, "the failure", func(v *View) bool { return v.Health.Server.Err != "" })
		if v.Health.Server.Connected || !strings.Contains(v.Health.Server.Err, "127.0.0.1:1") || v.Health.Server.RetryAt.IsZero() {
			t.Errorf("server: %+v", v.Health.Server)
		}
	})
}
