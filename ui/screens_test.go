package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"orka/engine"
	"orka/watch"
	"orka/watch/kube"
)

func TestHistory(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster(), opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc", "down", "down")
		row := d.current()
		d.key("y")
		object := d.screen()
		d.key("K", "down", "down", "down", "enter")
		d.see("k:nodes")
		d.see("24 of 400")
		d.key("[")
		d.see("Kinds")
		d.key("[")
		if d.screen() != object {
			t.Errorf("back is not the object: -before +after\n%s", cmp.Diff(object, d.screen()))
		}
		d.key("[")
		if d.current() != row {
			t.Errorf("back in the table, on %q instead of %q", d.current(), row)
		}
		d.key("[")
		d.see("this is the first view")
		d.key("]", "]", "]")
		d.see("24 of 400")
		d.key("]")
		d.see("there is nothing ahead")
	})
}

func TestQuitGoesBackElsewhere(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		d.key("esc", "K", "q")
		if d.quit || d.m.screen != screenExplore {
			t.Error("q on Kinds does not go back")
		}
		d.key("S", "enter", "q")
		if !d.quit {
			t.Error("q on the first screen does not quit")
		}
	})
	for _, keys := range [][]string{{}, {"esc", "K", "/"}, {"esc", "?"}, {"esc", "N"}, {"esc", "enter", "y", "/"}} {
		drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
			d.key(keys...)
			d.key("ctrl+c")
			if !d.quit {
				t.Errorf("after %v ctrl-c does not quit", keys)
			}
		})
	}
}

func TestObjectFollowsTheWorld(t *testing.T) {
	objects := newCluster(1).fill(300)
	drive(t, stage{w: 100, h: 60, objects: objects, opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc", "y")
		o := d.m.object.last
		at := slices.Index(objects, o)
		d.see("kept from the watch")

		changed := *o
		changed.ResourceVersion += "1"
		d.engine.yaml = strings.ReplaceAll(sampleYAML, "ClusterFirst", "Default")
		next := slices.Clone(objects)
		next[at] = &changed
		d.m.opts.now = tickingNow()
		d.publish(next, nil)
		d.see("changed since")
		for range 3 { // within a few seconds the new text is there
			d.settle()
			d.send(tickMsg{})
		}
		d.miss("changed since")
		d.see("dnsPolicy: Default")

		d.publish(slices.Delete(slices.Clone(objects), at, at+1), nil)
		d.see("deleted")
		d.see("dnsPolicy: Default") // what was known stays

		again := *o
		again.UID = "another"
		next[at] = &again
		d.publish(next, nil)
		d.see("another object has its name now")
	})
}

// tickingNow is a clock that moves with every look at it.
func tickingNow() func() time.Time {
	now := testNow
	return func() time.Time {
		now = now.Add(yamlEvery)
		return now
	}
}

func TestObjectErrors(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster(), opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.engine.err = errors.New("dial tcp: \x1b[2Jconnection refused")
		d.key("esc", "enter")
		d.see(`not read (r tries again) · dial tcp: \x1b[2Jconnection refused`)
		d.see("Owner") // the snapshot's own facts are there all the same
		d.engine.err = nil
		d.key("r")
		d.see("Service Account:")
	})
}

func TestTextSearch(t *testing.T) {
	drive(t, stage{w: 100, h: 16, view: smallCluster(), opts: Options{Query: "k:pod"}}, func(d *driver) {
		d.key("esc", "y", "/")
		d.text("image")
		d.see("1 of 3")
		d.key("enter", "n", "n")
		d.see("3 of 3")
		d.key("N")
		d.see("2 of 3")
		d.key("n", "n")
		d.see("1 of 3") // round and round
		d.key("/")
		d.text("zzz")
		d.see("no match")
		d.key("esc")
		d.miss("no match")
		d.see("YAML")
	})
}

func TestEventsOfAnObject(t *testing.T) {
	c := newCluster(3)
	pod := c.pod("team-a", "web-1", "web")
	other := c.pod("team-b", "web-1", "web")
	c.event(pod, "BackOff", "the older one", time.Minute)
	c.event(pod, "Killing", "the newer one", 0)
	c.event(other, "BackOff", "about another pod of that name", 0)
	drive(t, stage{w: 120, h: 20, objects: c.out, opts: Options{Query: "ns:team-a k:pod"}}, func(d *driver) {
		d.key("esc", "v")
		d.see("Events (2)")
		d.see("the older one")
		d.miss("another pod")
		if lines := d.screen(); strings.Index(lines, "newer") > strings.Index(lines, "older") {
			t.Error("the newest event is not the first")
		}
		d.key("enter")
		d.see("Event team-a/web-1.")
	})
}

// TestAgeOfWhatIsStale: also where there is little room, the header says how old it is.
func TestAgeOfWhatIsStale(t *testing.T) {
	drive(t, stage{w: 80, h: 24, objects: newCluster(1).fill(300), edit: func(h *engine.Health) {
		setStatus(h, kindPod, func(s *watch.Status) { s.Phase, s.ConfirmedAt = watch.Unconfirmed, testNow.Add(-3*time.Minute) })
	}}, func(d *driver) {
		d.see("pods stale 3m")
	})
}

func TestFiveStates(t *testing.T) {
	for _, tt := range []struct {
		name, query string
		edit        func(*engine.Health)
		want        []string
		miss        string
	}{
		{"loading", "k:widget", func(h *engine.Health) {
			setStatus(h, kindWidget, func(s *watch.Status) { s.Phase, s.Complete, s.Listed, s.Remaining = watch.Listing, false, 0, 12 })
		}, []string{"loading widgets.example.com"}, "no widgets"},
		{"queued", "k:widget", func(h *engine.Health) {
			setStatus(h, kindWidget, func(s *watch.Status) { s.Phase, s.Complete = watch.Queued, false })
		}, []string{"loading widgets.example.com"}, "there are no"},
		{"none there", "k:widget", nil, []string{"there are no widgets.example.com"}, "0 of 0"},
		{"none match", "k:pod nosuchthingatall", nil, []string{"0 of ", "esc clears"}, "there are no"},
		{"no permission", "k:secret", forbiddenSecrets, []string{"no permission to list secrets in all namespaces", `User "oncall"`}, "there are no"},
		{"stale and empty", "k:widget", func(h *engine.Health) {
			setStatus(h, kindWidget, func(s *watch.Status) {
				s.Phase, s.Err, s.RetryAt = watch.Backoff, "connection refused", testNow.Add(7e9)
			})
		}, []string{"there are no widgets", "as far as is known", "next try in 7s"}, ""},
		{"never loaded", "k:widget", func(h *engine.Health) {
			setStatus(h, kindWidget, func(s *watch.Status) {
				s.Phase, s.Complete, s.ConfirmedAt, s.Err, s.RetryAt = watch.Backoff, false, testNow.Add(-1e18), "connection refused", testNow.Add(7e9)
			})
		}, []string{"nothing is known of them yet", "next try in 7s"}, "there are no"},
		{"stale", "k:pod", stalePods, []string{"pods stale since 03:04:11", "next try in 9s", "connection refused"}, ""},
		{"stale since another day", "k:pod", func(h *engine.Health) {
			setStatus(h, kindPod, func(s *watch.Status) { s.Phase, s.ConfirmedAt = watch.Backoff, testNow.Add(-26*time.Hour) })
		}, []string{"pods stale since " + testNow.Add(-26*time.Hour).Local().Format(time.DateTime)}, ""},
		{"the header counts for the kind that it names", "", func(h *engine.Health) {
			stalePods(h)
			setStatus(h, kindMetrics, func(s *watch.Status) { s.RetryAt = testNow.Add(2 * time.Second) })
		}, []string{"pods stale 3m", "next try in 9s (2 waiting)"}, "next try in 2s"},
		{"unconfirmed", "k:pod", func(h *engine.Health) {
			setStatus(h, kindPod, func(s *watch.Status) { s.Phase, s.ConfirmedAt = watch.Unconfirmed, testNow.Add(-3*60e9) })
		}, []string{"pods last confirmed 3m ago", "the stream is open but silent"}, "fresh"},
		{"silent for too long is not fresh", "k:pod", func(h *engine.Health) {
			setStatus(h, kindPod, func(s *watch.Status) { s.ConfirmedAt = testNow.Add(-76e9) })
		}, []string{"pods stale 76s"}, "fresh"},
		{"fresh", "k:pod", nil, []string{"● fresh, pods 14s ago"}, "stale"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			drive(t, stage{w: 140, h: 20, objects: newCluster(1).fill(300), edit: tt.edit, opts: Options{Query: tt.query}}, func(d *driver) {
				for _, w := range tt.want {
					d.see(w)
				}
				if tt.miss != "" {
					d.miss(tt.miss)
				}
			})
		})
	}
}

func TestAliasesAreNamed(t *testing.T) {
	served := testKind("events.k8s.io", "v1", "Event", "events", true)
	view, err := testView(t.Context(), newCluster(1).fill(100), func(h *engine.Health) {
		h.Aliases = []kube.Alias{{Kind: served, Of: kindEvent}}
	})
	if err != nil {
		t.Fatal(err)
	}
	drive(t, stage{w: 100, h: 20, view: view, opts: Options{Query: "k:events.events.k8s.io"}}, func(d *driver) {
		d.see("k:events.events.k8s.io is kept as events")
		d.see("k:events finds the same objects")
	})
}

func TestKindsNarrow(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		d.key("esc", "K", "/")
		d.text("deploy")
		d.key("enter")
		d.see("1 of 12 kinds")
		d.key("enter")
		d.see("k:deployments")
		d.see("56 of 400")
	})
}

func TestKindTerm(t *testing.T) {
	core := testKind("", "v1", "Event", "events", true)
	group := testKind("events.k8s.io", "v1", "Event", "events", true)
	v1 := testKind("batch", "v1", "CronJob", "cronjobs", true)
	v1beta1 := testKind("batch", "v1beta1", "CronJob", "cronjobs", true)
	all := []*watch.Kind{core, group, v1, v1beta1}
	for k, want := range map[*watch.Kind]string{core: "k:v1/Event", group: "k:events.events.k8s.io", v1: "k:batch/v1/CronJob"} {
		if got := kindTerm(k, all); got != want {
			t.Errorf("kindTerm(%s) = %s, want %s", k.GVK, got, want)
		}
	}
}

func TestContexts(t *testing.T) {
	other, err := testView(t.Context(), newCluster(5).fill(300), nil)
	if err != nil {
		t.Fatal(err)
	}
	contexts := &fakeContexts{engines: map[string]Engine{}}
	drive(t, stage{w: 100, h: 20, view: smallCluster(), opts: Options{Contexts: contexts}}, func(d *driver) {
		d.key("esc", " ", "C", "enter")
		d.see("connection refused")
		d.see("CONTEXT")
		d.key("esc")
		d.see("prod-eu-1")
		d.see("400 of 400")

		before := d.m.conn
		contexts.engines["dev-cluster"] = newFakeEngine(other)
		d.key("C", "enter")
		d.see("now in dev-cluster")
		d.see("300 of 300")
		d.miss("marked")
		d.send(changedMsg{before})
		d.see("300 of 300")
	})
}

func TestTooSmallSaysSo(t *testing.T) {
	drive(t, stage{w: 39, h: 10, view: smallCluster()}, func(d *driver) {
		d.see("orka needs 40×10")
		d.see("39×10")
		d.key("ctrl+c")
		if !d.quit {
			t.Error("ctrl-c does not quit")
		}
	})
}

func TestFrameIsCached(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		first := d.m.View()
		d.m.frame += "!"
		if d.m.View() != first+"!" {
			t.Error("a frame was built though nothing had changed")
		}
		d.send(tickMsg{})
		if d.m.View() != first {
			t.Error("no frame was built for a new second")
		}
	})
}

func TestCrashEndsWithAnError(t *testing.T) {
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		d.m.opts.Contexts = nil
		d.m.engine = nil // anything that panics
		d.key("esc", "R")
		if !d.quit || d.m.crashed == nil {
			t.Error("a panic in Update does not end the program")
		}
		d.m.crashed = nil
	})
	drive(t, stage{w: 100, h: 20, view: smallCluster()}, func(d *driver) {
		d.exec(d.m.run(func() (msg tea.Msg) { panic("in a Cmd") }))
		d.send(nil)
		if !d.quit || d.m.crashed == nil {
			t.Error("a panic in a Cmd does not end the program")
		}
		d.m.crashed = nil
	})
}
