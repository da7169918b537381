package engine

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"orka/watch"
	"orka/watch/sim"
	"orka/watch/watchtest"
)

// TestRandomTypes makes, changes and deletes a type while discovery fails, wholly and in part, requests fail, connections
// break and the machine sleeps. No World holds two versions of the type; pods, which no fault is aimed at, are fresh all
// the time where only others are broken; in the end all that is served is there, as the server has it.
func TestRandomTypes(t *testing.T) {
	eachSeed(t, 4, func(t *testing.T, s *script) {
		aimed := s.rng.IntN(2) == 0
		cfg := func(c *Config, _ *rest.Config) {
			c.Select = func(all Served) []*watch.Kind {
				var out []*watch.Kind
				for _, name := range []string{"v1/Pod", "widgets.example.dev", "gauges", "customresourcedefinitions"} {
					if k := all.Kind(name); k != nil {
						out = append(out, k)
					}
				}
				return out
			}
		}
		exploring(t, sim.Config{Seed: s.rng.Uint64()}, cfg, func(t *testing.T, server *sim.Server, e *Engine) {
			s.t, s.server, s.engine, s.began = t, server, e, time.Now()
			s.must(server.AddResource(sim.Resource{Group: "custom.example.dev", Version: "v1", Plural: "gauges", Kind: "Gauge", Namespaced: true}))
			s.must(server.Create(gauge("a")))
			create(t, server, pod("default", "web"))
			await(t, e, "first lists", complete)
			s.note("aimed: %v", aimed)
			s.always = func() { s.oneVersion(); s.podsAreFresh(aimed) }
			version := ""
			s.run(s.typeActs(aimed, &version))
			s.allIsThere(version)
		})
	})
}

// typeActs are what happens to types and to discovery. version is that of the widgets served now, "" for none.
func (s *script) typeActs(aimed bool, version *string) []func() {
	crds := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	n := 0
	acts := []func(){
		func() { // the type comes, changes its version in place, or goes
			next := []string{"v1", "v2"}[s.rng.IntN(2)]
			switch {
			case *version == "":
				s.must(s.server.Create(widgetType(next)))
			case s.rng.IntN(2) == 0:
				s.must(s.server.Update(widgetType(next)))
			default:
				s.must(s.server.Delete(crds, "", "widgets.example.dev"))
				next = ""
			}
			s.note("type %q, was %q", next, *version)
			*version = next
		},
		func() {
			if n++; *version != "" {
				s.must(s.server.Create(widget(*version, fmt.Sprint("w", n))))
			}
		},
		func() {
			n++
			create(s.t, s.server, pod("default", fmt.Sprint("p", n)))
			s.must(s.server.Create(gauge(fmt.Sprint("g", n))))
		},
		func() { s.forAWhile(sim.Fault{Action: sim.Unavailable{Group: "custom.example.dev", Version: "v1"}}) },
		func() {
			s.forAWhile(sim.Fault{Action: sim.Unavailable{Group: "example.dev", Version: []string{"v1", "v2"}[s.rng.IntN(2)]}})
		},
		func() {
			a := []sim.Action{sim.Status{Code: 503}, sim.Status{Code: 404}, sim.FailConversion{}, sim.Hang{}, sim.Forbid{}, sim.StreamError{Code: 500}}[s.rng.IntN(6)]
			s.forAWhile(sim.Fault{Match: sim.Match{Resource: []string{"widgets.example.dev", "gauges.custom.example.dev"}[s.rng.IntN(2)]}, Action: a})
		},
		func() { // discovery itself, in either of its forms
			a := []sim.Action{sim.Status{Code: 503}, sim.Truncate{After: s.rng.IntN(2000)}, sim.Hang{}, sim.Delay{For: s.some(20 * time.Second)},
				sim.RawBody{Code: 200, ContentType: "text/html", Body: "<h1>Sign in</h1>"}}[s.rng.IntN(5)]
			s.forAWhile(sim.Fault{Match: sim.Match{Verb: "get", PathPrefix: []string{"/api", "/apis", "/apis/example.dev"}[s.rng.IntN(3)]}, Times: 1 + s.rng.IntN(3), Action: a})
			s.engine.Retry()
		},
	}
	if aimed {
		return acts
	}
	return append(acts, s.server.CloseStreams, s.server.DropConnections, s.server.StallConnections,
		func() {
			s.server.Refuse(true)
			s.undo = append(s.undo, lasting{time.Now().Add(s.some(time.Minute)), func() { s.server.Refuse(false) }})
		},
		func() { s.engine.suspended(time.Hour) },
		func() { s.must(s.server.Compact(s.server.Revision())) },
	)
}

// oneVersion: no World holds objects of two versions of a type.
func (s *script) oneVersion() {
	versions := map[string]bool{}
	for o := range s.engine.View().World.All() {
		if o.Kind.Kind == "Widget" {
			versions[o.Kind.Version] = true
		}
	}
	if len(versions) > 1 {
		s.t.Errorf("%s: a World holds %v side by side", time.Since(s.began), versions)
	}
}

// podsAreFresh where nothing concerns them.
func (s *script) podsAreFresh(aimed bool) {
	fresh := func() bool {
		h := s.engine.View().Health
		return h.Kind("v1/Pod") != nil && h.Freshness(time.Now(), h.Kind("v1/Pod")).Fresh
	}
	if !aimed || fresh() {
		return
	}
	time.Sleep(200 * time.Millisecond) // a periodic relist may be under way at this very moment
	if !fresh() {
		s.t.Errorf("%s: pods suffer from what does not concern them: %+v", time.Since(s.began), *statusOf(s.engine.View(), "v1/Pod"))
	}
}

// allIsThere compares with the server.
func (s *script) allIsThere(version string) {
	v := s.engine.View()
	if k := v.Health.Kind("widgets.example.dev"); version == "" && k != nil || version != "" && (k == nil || k.Version != version) {
		s.t.Errorf("widgets are %+v, want version %q", k, version)
	}
	for _, name := range []string{"v1/Pod", "widgets.example.dev", "gauges"} {
		k := v.Health.Kind(name)
		if k == nil {
			continue
		}
		if !v.Health.Freshness(time.Now(), k).Fresh {
			s.t.Errorf("%s has not recovered: %+v", name, *statusOf(v, name))
		}
		if err := watchtest.Agree(s.t.Context(), s.engine.client, k, v.World, s.engine.store.Body); err != nil {
			s.t.Error(err)
		}
	}
}
