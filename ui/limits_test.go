package ui

import (
	"strings"
	"testing"
	"time"

	"orka/engine"
	"orka/watch"
)

// narrowUser is a cluster whose user may list nothing cluster-wide, and kinds of team-a alone.
func narrowUser(kinds ...*watch.Kind) func(*engine.Health) {
	return func(h *engine.Health) {
		for i, s := range h.Watchers {
			h.Watchers[i] = &watch.Status{Scope: s.Scope, Phase: watch.Forbidden, Remaining: -1, Err: s.Scope.Kind.Resource + " is forbidden"}
		}
		for _, k := range kinds {
			s := liveStatus(k, time.Second)
			s.Scope.Namespace = "team-a"
			h.Watchers = append(h.Watchers, s)
		}
	}
}

func TestNarrowUserIsToldWhatIsMissing(t *testing.T) {
	drive(t, stage{w: 140, h: 20, edit: narrowUser(kindPod, kindService)}, func(d *driver) {
		d.see("⊘ 12 kinds not fully permitted")
		d.see("no objects in team-a; listing 12 kinds in all namespaces is not permitted")
		d.miss("there are no")
		d.text("k:pod")
		d.see("⊘ only in team-a")
		d.see("● fresh")
		d.see("no pods in team-a; listing pods in all namespaces is not permitted")
		d.miss("there are no")
		d.key("ctrl+u")
		d.text("k:secret")
		d.see("no permission to list secrets in all namespaces")
		d.miss("there are no")
		d.key("esc", "esc", "K")
		found := false
		for _, line := range strings.Split(d.screen(), "\n") {
			found = found || (strings.Contains(line, "Service") && strings.Contains(line, "Live") && strings.Contains(line, "only in team-a"))
		}
		if !found {
			t.Errorf("no note:\n%s", d.screen())
		}
	})
}

func TestNarrowUserSeesOneNamespace(t *testing.T) {
	drive(t, stage{w: 140, h: 20, edit: narrowUser(kindPod), opts: Options{Namespaces: []string{"team-a"}, Query: "k:pod"}}, func(d *driver) {
		d.see("there are no pods")
		d.miss("⊘")
	})
}

func TestNarrowUserHasFreshRows(t *testing.T) {
	c := newCluster(1)
	c.pod("team-a", "web-1", "web")
	c.pod("team-b", "web-2", "web")
	drive(t, stage{w: 140, h: 20, objects: c.out, edit: narrowUser(kindPod), opts: Options{Query: "k:pod"}}, func(d *driver) {
		for _, line := range strings.Split(d.screen(), "\n") {
			if strings.Contains(line, "web-1") && strings.Contains(line, "≈") {
				t.Errorf("stale though it is watched: %q", line)
			}
			if strings.Contains(line, "web-2") && !strings.Contains(line, "≈") {
				t.Errorf("nobody watches it: %q", line)
			}
		}
		d.see("⊘ only in team-a")
		d.text(" is:stale")
		d.see("web-2")
		d.miss("web-1")
	})
}
