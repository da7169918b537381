package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"orka/watch/sim"
)

// TestRandomRights grants and revokes, and makes and deletes namespaces, under a user who sees some of them. In the end
// exactly what the user may see is there, and fresh.
func TestRandomRights(t *testing.T) {
	eachSeed(t, 4, func(t *testing.T, s *script) {
		var a access
		a.teamA.Store(true)
		restrictedTo(t, &a, func(t *testing.T, server *sim.Server, e *Engine) {
			s.t, s.server, s.engine, s.began, s.always = t, server, e, time.Now(), func() {}
			await(t, e, "the permitted namespace", podsAre(t, true, []string{"", "team-a"}, "Pod team-a/web"))
			s.run(s.rightActs(&a))
			s.seesWhatItMay(&a)
		})
	})
}

func (s *script) rightActs(a *access) []func() {
	extra := map[string]bool{}
	namespaces := []string{"team-b", "team-c", "fourth"}
	flip := func(name string, is interface {
		Load() bool
		Store(bool)
	}) func() {
		return func() {
			is.Store(!is.Load())
			s.note("%s: %v", name, is.Load())
		}
	}
	n := 0
	return []func(){
		flip("pods everywhere", &a.wide), flip("namespaces", &a.namespaces), flip("pods of teams", &a.teamA),
		func() {
			ns := namespaces[s.rng.IntN(len(namespaces))]
			s.note("namespace %s: %v", ns, !extra[ns])
			if extra[ns] {
				s.must(s.server.Delete(schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}, "", ns))
			} else {
				addNamespace(s.t, s.server, ns)
			}
			extra[ns] = !extra[ns]
		},
		func() {
			n++
			create(s.t, s.server, pod([]string{"team-a", "other"}[s.rng.IntN(2)], fmt.Sprint("p", n)))
		},
		func() {
			s.forAWhile(sim.Fault{Match: sim.Match{PathPrefix: "/apis/authorization.k8s.io"}, Action: sim.Status{Code: []int{403, 500}[s.rng.IntN(2)]}})
		},
		func() {
			s.forAWhile(sim.Fault{Match: sim.Match{Resource: "pods"}, Times: 3, Action: sim.Status{Code: 403}})
		},
		s.server.CloseStreams, s.server.DropConnections, func() { s.engine.Retry() },
	}
}

// seesWhatItMay compares the pods that are shown with those the user may see, in the namespaces that can be known of.
func (s *script) seesWhatItMay(a *access) {
	want := map[string]sim.Identity{}
	all, err := s.server.List(schema.GroupVersionResource{Version: "v1", Resource: "pods"})
	s.must(err)
	for key, id := range all {
		ns, _, _ := strings.Cut(key, "/")
		if a.wide.Load() || a.teamA.Load() && (ns == "team-a" || a.namespaces.Load() && strings.HasPrefix(ns, "team-")) {
			want[key] = id
		}
	}
	v := s.engine.View()
	kind := v.Health.Kind("pods")
	got := map[string]sim.Identity{}
	for o := range v.World.All() {
		if o.Kind == kind {
			got[o.NamespacedName()] = sim.Identity{UID: o.UID, ResourceVersion: o.ResourceVersion}
		}
	}
	for key, id := range got {
		if want[key] != id {
			s.t.Errorf("%s is shown as %+v, want %+v", key, id, want[key])
		}
		delete(want, key)
	}
	for key := range want {
		s.t.Errorf("%s is not shown", key)
	}
	if fresh, may := v.Health.Freshness(time.Now(), kind).Fresh, a.wide.Load() || a.teamA.Load(); fresh != may {
		s.t.Errorf("fresh is %v, want %v: scopes %q", fresh, may, podScopes(v))
	}
}
