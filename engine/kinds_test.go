package engine

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"orka/watch"
	"orka/watch/sim"
)

func withTimeout(t *testing.T, d string) (context.Context, context.CancelFunc) {
	t.Helper()
	after, err := time.ParseDuration(d)
	if err != nil {
		t.Fatal(err)
	}
	return context.WithTimeout(t.Context(), after)
}

var podMetrics = sim.Resource{Group: "metrics.k8s.io", Version: "v1beta1", Plural: "pods", Kind: "PodMetrics", Namespaced: true, Verbs: []string{"get", "list"}}

// addMetrics serves a kind without a watch verb, with one object.
func addMetrics(t *testing.T, server *sim.Server) {
	t.Helper()
	if err := server.AddResource(podMetrics); err != nil {
		t.Fatal(err)
	}
	if err := server.Create(&unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "metadata": map[string]any{"namespace": "default", "name": "web"},
	}}); err != nil {
		t.Fatal(err)
	}
}

func statusOf(v *View, name string) *watch.Status {
	if k := v.Health.Kind(name); k != nil {
		if of := v.Health.Of(k); len(of) > 0 {
			return of[0]
		}
	}
	return &watch.Status{}
}

func TestKindWithoutWatchIsPolled(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		addMetrics(t, server)
		v := await(t, e, "the polled kind", func(v *View) bool { return statusOf(v, "podmetrics").Phase == watch.Polling })
		if got := find(t, v, "k:podmetrics"); !slices.Equal(got, []string{"PodMetrics default/web"}) {
			t.Errorf("found %v", got)
		}
		if f := v.Health.Freshness(time.Now(), v.Health.Kind("podmetrics")); f.Fresh || f.Polled != 1 {
			t.Errorf("freshness %+v", f)
		}
	})
}

// TestFailedGroupKeepsItsKinds: a group that does not answer discovery is named, and its kinds and rows stay.
func TestFailedGroupKeepsItsKinds(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		addMetrics(t, server)
		await(t, e, "the kind", func(v *View) bool { return statusOf(v, "podmetrics").Complete && complete(v) })
		fault := server.Inject(sim.Fault{Action: sim.Unavailable{Group: "metrics.k8s.io", Version: "v1beta1"}})
		e.Retry()
		v := await(t, e, "the failure", func(v *View) bool {
			return len(v.Health.Discovery) == 1 && statusOf(v, "podmetrics").Phase != watch.Polling
		})
		if got := find(t, v, "k:podmetrics"); len(got) != 1 {
			t.Errorf("rows of the failed group: %v", got)
		}
		if d := v.Health.Discovery[0]; d.GroupVersion != "metrics.k8s.io/v1beta1" || d.Err == "" {
			t.Errorf("failure %+v", d)
		}
		if !v.Health.Freshness(time.Now(), v.Health.Kind("v1/Pod")).Fresh || v.Health.Freshness(time.Now()).Fresh {
			t.Error("the other kinds are fresh, all of them together are not")
		}
		fault.Remove()
		await(t, e, "recovery", func(v *View) bool {
			return len(v.Health.Discovery) == 0 && statusOf(v, "podmetrics").Phase == watch.Polling
		})
	})
}

// TestVersionStaysWhileItsGroupVersionFails: where another version answers in place of a failed one, objects are not
// listed twice.
func TestVersionStaysWhileItsGroupVersionFails(t *testing.T) {
	kind := func(version string) *watch.Kind {
		return &watch.Kind{GVK: watch.GVK{Group: "example.dev", Version: version, Kind: "Widget"}, Resource: "widgets"}
	}
	v1, v2, other := kind("v1"), kind("v1beta1"), &watch.Kind{GVK: watch.GVK{Version: "v1", Kind: "Pod"}, Resource: "pods"}
	got := keepFailed([]*watch.Kind{other, v2}, []*watch.Kind{other, v1}, map[string]bool{"example.dev/v1": true})
	if !slices.Equal(got, []*watch.Kind{other, v1}) {
		t.Errorf("got %v", got)
	}
	got = keepFailed([]*watch.Kind{other, v2}, []*watch.Kind{other, v1}, nil)
	if !slices.Equal(got, []*watch.Kind{other, v2}) {
		t.Errorf("without a failure: got %v", got)
	}
}

// TestListedInDiscoveryButNotFound: a kind that discovery names and that answers 404 is shown as unavailable, its rows
// are never called fresh, and the server is not asked all the time.
func TestListedInDiscoveryButNotFound(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		create(t, server, pod("default", "web"))
		v := await(t, e, "first lists", complete)
		pods := v.Health.Kind("v1/Pod")
		fault := server.Inject(sim.Fault{Match: sim.Match{Resource: "pods"}, Action: sim.Status{Code: 404}})
		server.DropConnections()
		gone := func(v *View) bool { return statusOf(v, "v1/Pod").Phase == watch.Unavailable }
		v = await(t, e, "the 404", gone)
		if s := statusOf(v, "v1/Pod"); !strings.Contains(s.Err, "does not serve") || s.Reason != watch.ReasonNotFound || s.RetryAt.IsZero() {
			t.Errorf("status %+v", s)
		}
		if v.Health.Freshness(time.Now(), pods).Fresh || len(find(t, v, "k:pod")) != 1 {
			t.Error("the rows stay, and are not fresh")
		}
		time.Sleep(time.Hour)
		if hits := fault.Hits(); hits < 5 || hits > 60 {
			t.Errorf("%d requests within an hour", hits)
		}
		server.Heal()
		e.Retry(pods)
		await(t, e, "recovery", func(v *View) bool { return v.Health.Freshness(time.Now(), pods).Fresh })
	})
}

// TestDiscoveryFailsAfterSuccess: the connection's failure is in view and goes away by itself.
func TestDiscoveryFailsAfterSuccess(t *testing.T) {
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		await(t, e, "first lists", complete)
		server.Inject(sim.Fault{Match: sim.Match{PathPrefix: "/api"}, Action: sim.Hang{}})
		server.DropConnections()
		e.Retry()
		v := await(t, e, "the failure", func(v *View) bool { return v.Health.Server.Err != "" })
		if s := v.Health.Server; !s.Connected || s.RetryAt.IsZero() || !strings.Contains(s.Err, "did not answer") {
			t.Errorf("server %+v", s)
		}
		if len(v.Health.Kinds) == 0 {
			t.Error("what was known is lost")
		}
		server.Heal()
		await(t, e, "recovery", func(v *View) bool {
			return v.Health.Server.Err == "" && complete(v) && v.Health.Freshness(time.Now()).Stale == 0
		})
	})
}

// TestSuspendIsNoticed: a wall clock that leapt ahead of the monotonic one makes every watcher ask anew.
func TestSuspendIsNoticed(t *testing.T) {
	var slept atomic.Int64
	exploring(t, sim.Config{}, nil, func(t *testing.T, server *sim.Server, e *Engine) {
		v := await(t, e, "first lists", complete)
		before := statusOf(v, "v1/Pod").Restarts
		slept.Store(int64(2 * time.Second)) // a time server's correction
		time.Sleep(5 * time.Second)
		if now := statusOf(e.View(), "v1/Pod").Restarts; now != before {
			t.Errorf("%d restarts after a small correction", now-before)
		}
		slept.Add(int64(8 * time.Hour))
		start := time.Now()
		await(t, e, "every watcher to ask anew", func(v *View) bool {
			return !slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool { return s.Reason != watch.ReasonSuspend })
		})
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("noticed after %s", took)
		}
		await(t, e, "recovery", func(v *View) bool { return v.Health.Freshness(time.Now(), v.Health.Kind("v1/Pod")).Fresh })
	}, func(e *Engine) {
		e.wall = func() time.Time { return time.Now().Round(0).Add(time.Duration(slept.Load())) }
	})
}

// TestServedKindsAreWatched: no View has a kind that can be listed and nobody who watches it, not even while its type is
// exchanged: whoever waits for the lists would find nothing to wait for, and say that there are no objects.
func TestServedKindsAreWatched(t *testing.T) {
	exploring(t, sim.Config{}, lingering, func(t *testing.T, server *sim.Server, e *Engine) {
		if err := server.Create(widgetType("v1")); err != nil {
			t.Fatal(err)
		}
		watched := func(v *View) {
			for _, k := range v.Health.Kinds {
				if k.Verbs.Has(watch.VerbList) && len(v.Health.Of(k)) == 0 {
					t.Errorf("view %d: %s is served, and nobody watches it", v.Seq, k)
				}
			}
			if v.Health.Server.Connected && len(v.Health.Watchers) == 0 {
				t.Errorf("view %d is connected and has no watchers", v.Seq)
			}
		}
		version := func(want string) func(*View) bool {
			return func(v *View) bool {
				watched(v)
				k := v.Health.Kind("widgets")
				return k != nil && k.Version == want && complete(v)
			}
		}
		await(t, e, "v1", version("v1"))
		for _, next := range []string{"v2", "v3", "v4"} {
			if err := server.Update(widgetType(next)); err != nil {
				t.Fatal(err)
			}
			await(t, e, next, version(next))
		}
	})
}

// lingering makes streams take their time to end.
func lingering(_ *Config, conn *rest.Config) {
	conn.Wrap(func(rt http.RoundTripper) http.RoundTripper { return lingerer{rt} })
}

type lingerer struct{ http.RoundTripper }

func (l lingerer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(req)
	if err == nil && req.URL.Query().Get("watch") != "" {
		resp.Body = lingeringBody{resp.Body}
	}
	return resp, err
}

type lingeringBody struct{ io.ReadCloser }

func (b lingeringBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		time.Sleep(time.Second) // virtual
	}
	return n, err
}
