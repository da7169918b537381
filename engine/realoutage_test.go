//go:build integration

package engine

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"orka/watch"
	"orka/watch/watchtest"
)

// The tests of TestReal… run the engine against the project's own control plane and break what is between them, or the
// server itself. Each ends with a comparison of orka's objects with a fresh LIST, and holds what the View said meanwhile.

// TestRealServerKilled kills the API server while orka watches, changes things before orka is back, and lets the server
// forget its history the second time, so that what orka would resume from has expired.
func TestRealServerKilled(t *testing.T) {
	s := openServer(t)
	w := write(t, s.config(t, "admin"))
	for _, compacted := range []bool{false, true} {
		t.Run(fmt.Sprintf("compacted=%t", compacted), func(t *testing.T) {
			ns := freshNamespace(t, w, "killed")
			must(t, w.configMap(ns, "stays", "1"), w.configMap(ns, "goes", "1"))
			proxy, cfg := through(t, s.config(t, "admin"))
			e := explore(t, cfg, nil)
			v, _ := awaitReal(t, e, time.Minute, "first lists", allFresh)
			rows := v.World.Len()

			must(t, proxy.Set(watchtest.Refuse), s.kill())
			t.Cleanup(func() { must(t, s.script("start-apiserver")) })
			v, took := awaitReal(t, e, 5*time.Second, "loss of the server in every watcher", func(v *View) bool {
				return !slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool { return s.Fresh(time.Now()) })
			})
			t.Logf("every kind said so %s after the kill", took.Round(time.Millisecond))
			for _, st := range v.Health.Watchers {
				if st.Scope.Kind.Watchable() && (st.Phase != watch.Backoff || st.Reason != watch.ReasonNetwork || st.Err == "" || !st.Complete) {
					t.Errorf("%s: %s, reason %s, complete=%t: %s; want Backoff for the network, with a text", st.Scope, st.Phase, st.Reason, st.Complete, st.Err)
				}
			}
			if n := v.World.Len(); n != rows {
				t.Errorf("%d rows are kept of %d", n, rows)
			}
			must(t, s.script("start-apiserver"), w.configMap(ns, "comes", "1"), w.configMap(ns, "stays", "2"),
				w.remove("/api/v1/namespaces/"+ns+"/configmaps/goes"))
			if compacted { // a started server's history begins where etcd stands
				must(t, s.script("compact"), s.kill(), s.script("start-apiserver"))
			}
			must(t, proxy.Set(watchtest.Pass))
			// Fresh alone can be as of before the kill: what was done meanwhile comes right behind the stream that opens.
			_, took = awaitReal(t, e, 2*time.Minute, "fresh view with what was deleted and made meanwhile", func(v *View) bool {
				k := v.Health.Kind("configmaps")
				return allFresh(v) && v.World.Get(k, ns, "goes") == nil && v.World.Get(k, ns, "comes") != nil
			})
			t.Logf("all fresh %s after the server could be reached", took.Round(time.Millisecond))
			t.Logf("%.0f relists, %.0f of them because the version had expired", relists(t, e, "", ""), relists(t, e, "", watch.ReasonExpired))
			if compacted && relists(t, e, "configmaps", watch.ReasonExpired) == 0 {
				t.Error("the watch of config maps was not refused as expired: the server still had its history")
			}
			mustAgree(t, e, connect(t, s.config(t, "admin")))
		})
	}
}

// TestRealCleanTimeouts has the server end every stream after some seconds, in form: what orka asks for (5 to 10 minutes) goes
// before --min-request-timeout, and is taken out of its requests here.
func TestRealCleanTimeouts(t *testing.T) {
	s := openServer(t)
	s.restartWith(t, "--min-request-timeout=2") // to 4 s
	w := write(t, s.config(t, "admin"))
	ns := freshNamespace(t, w, "timeouts")
	cfg := s.config(t, "admin")
	cfg.Wrap(func(rt http.RoundTripper) http.RoundTripper { return untimed{rt} })
	e := explore(t, cfg, func(c *Config) {
		c.Select = func(served Served) []*watch.Kind {
			// Events have no bookmarks: of a server that ends streams at a time of its own nothing confirms them.
			return slices.DeleteFunc(slices.Clone(served.Kinds), func(k *watch.Kind) bool { return k.Group != "" || !k.Watchable() || k.Resource == "events" })
		}
	})
	awaitReal(t, e, time.Minute, "first lists", allFresh)

	var streams uint64
	n := 0
	for deadline := time.Now().Add(5 * time.Minute); streams < 100 && time.Now().Before(deadline); n++ {
		must(t, w.configMap(ns, fmt.Sprintf("c%d", n%10), fmt.Sprint(n)))
		v := e.View()
		streams = 0
		for _, st := range v.Health.Watchers {
			streams += st.Restarts
			if !st.Fresh(time.Now()) || st.Relists > 0 || st.Attempt > 0 || (st.Restarts > 0 && st.Reason != watch.ReasonClosed) {
				t.Fatalf("%s: %s, reason %s, %d relists, attempt %d: %s; want it fresh and resumed", st.Scope, st.Phase, st.Reason, st.Relists, st.Attempt, st.Err)
			}
		}
	}
	t.Logf("%d streams of %d kinds ended in form while %d changes were made", streams, len(e.View().Health.Watchers), n)
	if streams < 100 {
		t.Error("the server did not end the streams")
	}
	mustAgree(t, e, connect(t, s.config(t, "admin")))
}

// untimed takes the time-out out of watch requests, so that the server chooses it.
type untimed struct{ http.RoundTripper }

func (u untimed) RoundTrip(req *http.Request) (*http.Response, error) {
	if q := req.URL.Query(); q.Get("watch") != "" {
		q.Del("timeoutSeconds")
		req = req.Clone(req.Context())
		req.URL.RawQuery = q.Encode()
	}
	return u.RoundTripper.RoundTrip(req)
}

// WrappedRoundTripper lets idle connections be closed.
func (u untimed) WrappedRoundTripper() http.RoundTripper { return u.RoundTripper }

// TestRealHalfOpenHTTP2 lets the network forget its connections. Pings notice within 46 s; nothing is called fresh later than
// 75 s after the last word of the server. (Over HTTP/1.1, and on the screen: TestE2EScreenOfAFrozenView.)
func TestRealHalfOpenHTTP2(t *testing.T) {
	s := openServer(t)
	w := write(t, s.config(t, "admin"))
	ns := freshNamespace(t, w, "halfopen")
	must(t, w.configMap(ns, "goes", "1"))
	proxy, cfg := through(t, s.config(t, "admin"))
	e := explore(t, cfg, nil)
	awaitReal(t, e, time.Minute, "first lists", allFresh)

	start := time.Now()
	must(t, proxy.Set(watchtest.HalfOpen))
	must(t, w.configMap(ns, "comes", "1"), w.remove("/api/v1/namespaces/"+ns+"/configmaps/goes"))
	v, took := awaitReal(t, e, 47*time.Second, "word of the dead connection", func(v *View) bool {
		return !slices.ContainsFunc(v.Health.Watchers, func(s *watch.Status) bool { return s.Fresh(time.Now()) })
	})
	t.Logf("no kind is fresh %s after the last byte", time.Since(start).Round(100*time.Millisecond))
	if took > 46*time.Second {
		t.Errorf("noticed after %s", took)
	}
	for _, st := range v.Health.Watchers {
		if st.Scope.Kind.Watchable() && st.Phase != watch.Backoff && st.Phase != watch.Unconfirmed {
			t.Errorf("%s is %s (%s: %s)", st.Scope, st.Phase, st.Reason, st.Err)
		}
	}
	if f := v.Health.Freshness(time.Now(), v.Health.Kind("configmaps")); f.Fresh || f.Stale != 1 || v.World.Get(v.Health.Kind("configmaps"), ns, "goes") == nil {
		t.Errorf("freshness of the config maps is %+v; want stale, with the rows kept", f)
	}
	must(t, proxy.Set(watchtest.Pass))
	_, took = awaitReal(t, e, 90*time.Second, "fresh view after healing", allFresh)
	t.Logf("all fresh %s after healing", took.Round(100*time.Millisecond))
	mustAgree(t, e, connect(t, s.config(t, "admin")))
}

var namespaceNumber atomic.Int64

// freshNamespace makes a namespace with a new name: without controllers, none is ever emptied.
func freshNamespace(t *testing.T, w *writer, name string) string {
	t.Helper()
	name = fmt.Sprintf("real-%s-%x-%d", name, time.Now().Unix(), namespaceNumber.Add(1))
	must(t, w.namespace(name))
	return name
}

// must fails the test with the first error.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// relists counts the lists after the first of a kind, for one reason; "" is all.
func relists(t *testing.T, e *Engine, kind string, reason watch.Reason) float64 {
	t.Helper()
	families, err := e.metrics.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "orka_relist_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			matches := true
			for _, l := range m.GetLabel() {
				want := map[string]string{"kind": kind, "reason": string(reason)}[l.GetName()]
				matches = matches && (want == "" || want == l.GetValue())
			}
			if matches {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
