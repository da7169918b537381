//go:build integration

package engine

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"orka/watch"
)

// TestRealRightsRevokedAndGranted takes the right to see config maps away in mid-watch. A real server does not end a stream for
// that: it denies the next request. The kind is then refused by name, but for the namespace in which it may still be seen;
// other kinds notice nothing; and with the right it is whole again.
func TestRealRightsRevokedAndGranted(t *testing.T) {
	s := openServer(t)
	w := write(t, s.config(t, "admin"))
	open, closed := freshNamespace(t, w, "open"), freshNamespace(t, w, "closed")
	must(t, w.role("real", everything), w.bind("real", "nobody"), w.allowIn(open, "nobody", mayRead("", "configmaps")),
		w.configMap(open, "a", "1"), w.configMap(closed, "a", "1"))
	t.Cleanup(func() {
		must(t, w.remove(rbacPath+"/clusterrolebindings/real"), w.remove(rbacPath+"/namespaces/"+open+"/rolebindings/nobody"))
	})
	e := explore(t, s.config(t, "nobody"), nil)
	v, _ := awaitReal(t, e, time.Minute, "first lists", allFresh)
	configMaps := v.Health.Kind("configmaps")

	var rules []rule
	for _, k := range v.Health.Kinds {
		if k != configMaps {
			rules = append(rules, mayRead(k.Group, k.Resource))
		}
	}
	must(t, w.role("real", rules), w.configMap(closed, "b", "made after the right was taken away"))
	v, _ = awaitReal(t, e, 5*time.Second, "event on the stream that is open", func(v *View) bool { return v.World.Get(configMaps, closed, "b") != nil })
	if !allFresh(v) {
		t.Errorf("the server still sends, and yet not all is fresh:\n%s", unfresh(v, time.Now()))
	}

	awaitAnswer(t, s.config(t, "nobody"), "/api/v1/configmaps?limit=1", http.StatusForbidden)
	e.Retry(configMaps) // the next request
	v, took := awaitReal(t, e, 30*time.Second, "refusal, and a watcher of the open namespace", func(v *View) bool {
		of := v.Health.Of(configMaps)
		return len(of) == 2 && of[0].Phase == watch.Forbidden && of[1].Scope.Namespace == open && of[1].Fresh(time.Now()) && v.World.Count(configMaps) == 1
	})
	t.Logf("refused, and narrowed to %s, after %s: %s", open, took.Round(time.Millisecond), v.Health.Of(configMaps)[0].Err)
	if err := v.Health.Of(configMaps)[0].Err; !strings.Contains(err, `cannot list resource "configmaps"`) {
		t.Errorf("the refusal is told as %q; want the verb and the resource", err)
	}
	if l := v.Health.Limits(configMaps); !slices.Equal(l.Namespaces, []string{open}) {
		t.Errorf("limits are %+v, want %s named", l, open)
	}
	if v.World.Get(configMaps, closed, "a") != nil {
		t.Error("a config map that may not be seen any more is still shown")
	}
	for _, st := range v.Health.Watchers {
		if st.Scope.Kind != configMaps && !calm(st, time.Now()) {
			t.Errorf("another kind suffers: %s is %s: %s", st.Scope, st.Phase, st.Err)
		}
	}

	must(t, w.role("real", everything), w.configMap(closed, "c", "1"))
	awaitAnswer(t, s.config(t, "nobody"), "/api/v1/configmaps?limit=1", http.StatusOK)
	e.Retry(configMaps)
	_, took = awaitReal(t, e, 30*time.Second, "whole list after the right was given back", func(v *View) bool {
		return allFresh(v) && len(v.Health.Of(configMaps)) == 1 && v.World.Get(configMaps, closed, "c") != nil
	})
	t.Logf("whole again after %s", took.Round(time.Millisecond))
	mustAgree(t, e, connect(t, s.config(t, "admin")))
}

// TestRealTypeComesBackInAnotherVersion deletes a custom type, with its objects, and adds it again as v2. No View holds objects
// of both versions, and the new one is followed.
func TestRealTypeComesBackInAnotherVersion(t *testing.T) {
	s := openServer(t)
	w := write(t, s.config(t, "admin"))
	ns := freshNamespace(t, w, "types")
	group := fmt.Sprintf("g%x.orka.dev", time.Now().UnixNano())
	objects := func(version string) string { return "/apis/" + group + "/" + version + "/namespaces/" + ns + "/gears" }
	gear := func(version, name string) string {
		return fmt.Sprintf(`{"apiVersion":"%s/%s","kind":"Gear","metadata":{"name":%q}}`, group, version, name)
	}
	define := func(version string) {
		must(t, w.create(crdPath, fmt.Sprintf(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"gears.%[1]s"},
"spec":{"group":%[1]q,"scope":"Namespaced","names":{"plural":"gears","singular":"gear","kind":"Gear"},
"versions":[{"name":%[2]q,"served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}`, group, version)))
	}
	define("v1")
	t.Cleanup(func() { must(t, w.remove(crdPath+"/gears."+group)) })
	must(t, w.create(objects("v1"), gear("v1", "old-1")), w.create(objects("v1"), gear("v1", "both")))
	e := explore(t, s.config(t, "admin"), nil)
	v, _ := awaitReal(t, e, time.Minute, "first lists", allFresh)
	old := gearKind(v, group)
	if old == nil || old.Version != "v1" || v.World.Count(old) != 2 {
		t.Fatalf("kind %v, want v1 with two objects", old)
	}

	must(t, w.remove(crdPath+"/gears."+group))
	define("v2")
	must(t, w.create(objects("v2"), gear("v2", "both")), w.create(objects("v2"), gear("v2", "new-1")))
	v, took := awaitReal(t, e, 30*time.Second, "second version", func(v *View) bool {
		now := gearKind(v, group)
		if now != nil && now != old && v.World.Count(old) > 0 && v.World.Count(now) > 0 {
			t.Error("a View holds objects of both versions")
		}
		return now != nil && now.Version == "v2" && v.World.Count(now) == 2 && allFresh(v)
	})
	t.Logf("followed as v2 %s after it was made", took.Round(time.Millisecond))
	if n := v.World.Count(old); n != 0 || v.Health.Of(old) != nil {
		t.Errorf("%d objects of v1 are left, watched by %v", n, v.Health.Of(old))
	}
	mustAgree(t, e, connect(t, s.config(t, "admin")))
}

func gearKind(v *View, group string) *watch.Kind {
	for _, k := range v.Health.Kinds {
		if k.Group == group {
			return k
		}
	}
	return nil
}
