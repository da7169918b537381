package engine

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"orka/watch"
	"orka/watch/sim"
)

// access is what the restricted user of a test may do; it can change while the engine runs.
type access struct {
	wide       atomic.Bool // list pods everywhere
	namespaces atomic.Bool // list namespaces
	teamA      atomic.Bool // list pods in namespaces that begin with team-
}

func (a *access) authorize(user, verb, group, resource, namespace string) (bool, string) {
	switch {
	case user != "reader", strings.HasPrefix(resource, "/"), strings.HasPrefix(resource, "selfsubject"):
		return true, ""
	case resource == "namespaces" && namespace == "":
		return a.namespaces.Load(), "no rule"
	case resource == "pods" && group == "" && verb != "create":
		return a.wide.Load() || (a.teamA.Load() && strings.HasPrefix(namespace, "team-")), "no rule"
	default:
		return false, "no rule"
	}
}

// restrictedTo runs an engine as a reader of two namespaces with a pod each.
func restrictedTo(t *testing.T, a *access, test func(t *testing.T, server *sim.Server, e *Engine)) {
	t.Helper()
	exploring(t, sim.Config{Authorize: a.authorize}, func(c *Config, conn *rest.Config) {
		conn.BearerToken = "sim-user:reader"
		c.HomeNamespaces = []string{"team-a"}
	}, func(t *testing.T, server *sim.Server, e *Engine) {
		for _, ns := range []string{"team-a", "other"} {
			addNamespace(t, server, ns)
		}
		test(t, server, e)
	})
}

// addNamespace makes a namespace with a pod in it.
func addNamespace(t *testing.T, server *sim.Server, ns string) {
	t.Helper()
	if err := server.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}); err != nil {
		t.Fatal(err)
	}
	create(t, server, pod(ns, "web"))
}

// podScopes are the namespaces in which pods are watched; "" is all.
func podScopes(v *View) []string {
	var out []string
	for _, s := range v.Health.Of(v.Health.Kind("pods")) {
		out = append(out, s.Scope.Namespace)
	}
	return out
}

func podsAre(t *testing.T, fresh bool, scopes []string, names ...string) func(*View) bool {
	return func(v *View) bool {
		kind := v.Health.Kind("pods")
		return kind != nil && slices.Equal(podScopes(v), scopes) && slices.Equal(find(t, v, "k:pod"), names) &&
			v.Health.Freshness(time.Now(), kind).Fresh == fresh
	}
}

// TestGrantedLaterWatchesAll: once the cluster-wide list is allowed, its watcher takes over, the per-namespace ones
// end, and events in their namespaces still arrive.
func TestGrantedLaterWatchesAll(t *testing.T) {
	var a access
	a.teamA.Store(true)
	restrictedTo(t, &a, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "the permitted namespace", podsAre(t, true, []string{"", "team-a"}, "Pod team-a/web"))
		a.wide.Store(true)
		// The wide list first, then a narrow one before the narrow watcher is told to end: its generation is the later.
		v := e.View()
		for _, s := range []watch.Scope{{Kind: v.Health.Kind("pods")}, {Kind: v.Health.Kind("pods"), Namespace: "team-a"}} {
			e.mu.Lock()
			e.watchers[s].watcher.Retry()
			e.mu.Unlock()
			time.Sleep(50 * time.Millisecond)
		}
		await(t, e, "all namespaces", podsAre(t, true, []string{""}, "Pod other/web", "Pod team-a/web"))
		time.Sleep(10 * time.Second)
		if err := server.Delete(schema.GroupVersionResource{Version: "v1", Resource: "pods"}, "team-a", "web"); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		await(t, e, "a delete where the narrow watcher was", podsAre(t, true, []string{""}, "Pod other/web"))
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestGrantedAgainIsNotWatchedByNamespace: what may be listed everywhere is not watched namespace by namespace until its wide
// watcher happens to try again; and where the list is refused all the same, it is not asked for all the time.
func TestGrantedAgainIsNotWatchedByNamespace(t *testing.T) {
	var a access
	a.namespaces.Store(true)
	restrictedTo(t, &a, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "the refusal", podsAre(t, false, []string{""}))
		a.wide.Store(true)
		start := time.Now()
		addNamespace(t, server, "new") // permissions are looked at
		await(t, e, "all namespaces", podsAre(t, true, []string{""}, "Pod new/web", "Pod other/web", "Pod team-a/web"))
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestListRefusedThoughReviewsAllow: an authorizer whose reviews say otherwise than its decisions is not asked all the time.
func TestListRefusedThoughReviewsAllow(t *testing.T) {
	var a access
	a.namespaces.Store(true)
	a.wide.Store(true)
	restrictedTo(t, &a, func(t *testing.T, server *sim.Server, e *Engine) {
		server.Inject(sim.Fault{Match: sim.Match{PathPrefix: "/api/v1/pods"}, Action: sim.Forbid{}})
		await(t, e, "watchers of all namespaces", podsAre(t, true, []string{"", "default", "kube-node-lease", "kube-public", "kube-system", "other", "team-a"}, "Pod other/web", "Pod team-a/web"))
		server.ResetRequests()
		time.Sleep(5 * time.Minute)
		if n := len(server.Requests(sim.Match{PathPrefix: "/api/v1/pods"})); n == 0 || n > 11 {
			t.Errorf("%d refused lists in five minutes", n)
		}
	})
}

// TestRevokedShowsNothingUnconfirmed: rows of namespaces that may not be seen any more are neither kept nor fresh.
func TestRevokedShowsNothingUnconfirmed(t *testing.T) {
	var a access
	a.teamA.Store(true)
	a.wide.Store(true)
	restrictedTo(t, &a, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "all namespaces", podsAre(t, true, []string{""}, "Pod other/web", "Pod team-a/web"))
		a.wide.Store(false)
		server.DropConnections()
		await(t, e, "the permitted namespace alone", podsAre(t, true, []string{"", "team-a"}, "Pod team-a/web"))
		a.teamA.Store(false)
		server.DropConnections()
		v := await(t, e, "nothing", podsAre(t, false, []string{""}))
		if f := v.Health.Freshness(time.Now(), v.Health.Kind("pods")); len(f.Forbidden) != 1 || f.Least.Phase != watch.Forbidden {
			t.Errorf("freshness %+v", f)
		}
	})
}

// TestNamespaceAppearsLater: a restricted user who may list namespaces sees a new one without waiting for the period.
func TestNamespaceAppearsLater(t *testing.T) {
	var a access
	a.teamA.Store(true)
	a.namespaces.Store(true)
	restrictedTo(t, &a, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "the permitted namespace", podsAre(t, true, []string{"", "team-a"}, "Pod team-a/web"))
		time.Sleep(time.Minute) // the passes that start-up asks for are over
		addNamespace(t, server, "team-b")
		start := time.Now()
		await(t, e, "the new namespace", podsAre(t, true, []string{"", "team-a", "team-b"}, "Pod team-a/web", "Pod team-b/web"))
		if took := time.Since(start); took > 3*time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestCandidatesWithoutWatchingNamespaces: a command that selects pods alone still finds the namespaces it may look into.
func TestCandidatesWithoutWatchingNamespaces(t *testing.T) {
	var a access
	a.teamA.Store(true)
	a.namespaces.Store(true)
	exploring(t, sim.Config{Authorize: a.authorize}, func(c *Config, conn *rest.Config) {
		conn.BearerToken = "sim-user:reader"
		c.Select = func(s Served) []*watch.Kind { return []*watch.Kind{s.Kind("pods")} }
	}, func(t *testing.T, server *sim.Server, e *Engine) {
		for _, ns := range []string{"team-a", "other"} {
			addNamespace(t, server, ns)
		}
		v := await(t, e, "the first answer", func(v *View) bool {
			return len(v.Health.Watchers) > 0 && !v.Health.Reviewing &&
				!slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool { return !s.Complete && s.Phase != watch.Forbidden })
		})
		if got := find(t, v, "k:pod"); !slices.Equal(got, []string{"Pod team-a/web"}) {
			t.Errorf("found %v", got)
		}
	})
}

// TestReviewFailureKeepsRows: permissions that can't be asked for are not taken for refusals.
func TestReviewFailureKeepsRows(t *testing.T) {
	var a access
	a.teamA.Store(true)
	restrictedTo(t, &a, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "the permitted namespace", podsAre(t, true, []string{"", "team-a"}, "Pod team-a/web"))
		fault := server.Inject(sim.Fault{Match: sim.Match{PathPrefix: "/apis/authorization.k8s.io"}, Action: sim.Status{Code: 500}})
		time.Sleep(time.Hour)
		if fault.Hits() == 0 {
			t.Fatal("nothing was asked")
		}
		if v := e.View(); !podsAre(t, true, []string{"", "team-a"}, "Pod team-a/web")(v) {
			t.Errorf("scopes %v, pods %v", podScopes(v), find(t, v, "k:pod"))
		}
	})
}
