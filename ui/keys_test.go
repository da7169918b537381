package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"orka/apply"
	"orka/engine"
)

// keyStages are states in which every key of a screen has something to do.
var keyStages = []struct {
	name   string
	typing bool // the mode whose keys are pressed
	do     func(*driver)
	// idle are the commands that have nothing to do in this state; another stage presses them.
	idle []string
}{
	{name: "explore", do: func(d *driver) {
		d.key("esc", "enter", "esc", "/")
		d.text("api")
		d.key("esc", "o", "o", "down", "down", "down", "pgdown", "pgdown")
	}, idle: []string{"back"}},
	{name: "explore-with-history", do: func(d *driver) { d.key("esc", "down", "enter", "K", "[", "[", "down") }, idle: []string{"clear", "reverse"}},
	{name: "explore-typing", typing: true, do: func(d *driver) { d.key("esc", "pgdown", "pgdown", "/"); d.text("a") }, idle: []string{"up", "page-up"}},
	{name: "kinds", do: func(d *driver) { d.key("esc", "K", "S", "[", "pgdown") }},
	{name: "kinds-typing", typing: true, do: func(d *driver) { d.key("esc", "K", "/"); d.text("e"); d.key("down") }, idle: []string{"page-up"}},
	{name: "object-yaml", do: func(d *driver) {
		d.key("esc", "enter", "K", "[", "y", "/")
		d.text("na")
		d.key("enter", "down", "pgdown", "n", "right")
	}, idle: []string{"open", "yaml"}},
	{name: "object-yaml-typing", typing: true, do: func(d *driver) { d.key("esc", "enter", "y", "down", "/"); d.text("s") }, idle: nil},
	{name: "object-events", do: func(d *driver) {
		d.text("k:pod " + eventful)
		d.key("esc", "v", "pgdown")
	}, idle: []string{"events", "search-text", "next-match", "previous-match", "wrap", "left", "right", "read-again", "forward"}},
	{name: "stats", do: func(d *driver) { d.key("esc", "S", "K", "[", "pgdown") }},
	{name: "apply-diff", do: func(d *driver) {
		longDiff(d)
		toWeb(d)
		d.key("e", "/")
		d.text("line")
		d.key("enter", "n", "n", "pgdown", "right")
	}, idle: []string{"take-field", "leave-field", "toggle-field"}},
	{name: "apply-fields", do: func(d *driver) {
		conflicting(nil, &d.engine.applier)
		toWeb(d)
		d.key("e", "shift+tab", "down")
	}, idle: []string{"next-hunk", "previous-hunk", "side-by-side", "search-text", "wrap", "left", "right"}},
	{name: "apply-search", typing: true, do: func(d *driver) {
		longDiff(d)
		toWeb(d)
		d.key("e", "pgdown", "pgdown", "/")
		d.text("line 3")
	}},
	{name: "apply-question", do: func(d *driver) { toWeb(d); d.key("e", "a") }, idle: []string{"contexts"}},
	{name: "apply-pending", do: func(d *driver) { toWeb(d); d.key("e", "a", "y") }, idle: []string{"contexts"}},
	{name: "apply-earlier", do: func(d *driver) { toWeb(d); d.key("e", "esc", "e") }},
	{name: "apply-stored", do: func(d *driver) {
		longDiff(d)
		d.engine.applier.onCommit = func(p *apply.Preview, _ apply.Consent) (*apply.Result, error) {
			return &apply.Result{Target: p.Base.Target, UID: p.Base.UID, ResourceVersion: p.Base.ResourceVersion, Surprises: p.Diff}, nil
		}
		toWeb(d)
		d.key("e", "a", "y", "n", "pgdown")
	}},
	{name: "apply-webhook", do: func(d *driver) {
		d.engine.applier.onPreview = func(_ apply.Consent, p *apply.Preview) (*apply.Preview, error) {
			return nil, &apply.RejectedError{Target: p.Base.Target, NoDryRun: true, Webhook: "policy", Message: manyLines()}
		}
		toWeb(d)
		d.key("e", "pgdown")
	}, idle: []string{"apply"}},
	{name: "apply-not-applied", do: func(d *driver) {
		refusing(func(t apply.Target) error {
			return &apply.NotAppliedError{Target: t, Err: errors.New(manyLines())}
		})(nil, &d.engine.applier)
		toWeb(d)
		d.key("e", "a", "y", "pgdown")
	}, idle: []string{"without-dry-run"}},
	{name: "apply-next", do: func(d *driver) { d.key("esc", " ", " ", " ", "e", "esc") }},
	{name: "help", typing: true, do: func(d *driver) { d.key("esc", "?", "down", "pgdown") }, idle: []string{"help-anywhere"}},
	{name: "namespaces", typing: true, do: func(d *driver) { d.key("esc", "N", "down", "down") }, idle: []string{"page-up"}},
	{name: "contexts", typing: true, do: func(d *driver) { d.key("esc", "C", "down") }, idle: []string{"mark-choice", "page-up", "down", "page-down"}},
}

// trace is all that a key can change that a person or the engine would notice.
func (d *driver) trace() string {
	return fmt.Sprint(d.m.View(), d.m.hist.pos, d.quit, d.engine.retried, d.engine.wanted, len(d.system), d.m.mouse, d.m.screen, d.engine.applier.called())
}

// eventful is the name of the pod with many events in keyView.
const eventful = "the-eventful-one"

var keyView = sync.OnceValue(func() *engine.View {
	c := newCluster(1)
	c.fill(400)
	pod := c.pod("team-a", eventful, "api")
	for i := range 40 {
		c.event(pod, "BackOff", fmt.Sprintf("restarted %d times", i), time.Duration(i)*time.Second)
	}
	v, err := testView(context.Background(), c.out, nil)
	if err != nil {
		panic(err)
	}
	return v
})

func keyStage(t *testing.T, do, f func(*driver)) {
	t.Helper()
	opts := Options{Contexts: &fakeContexts{}, Settings: []engine.Setting{{Name: "shards"}}}
	drive(t, editing(t, stage{w: 90, h: 12, view: keyView(), opts: opts}, change), func(d *driver) {
		do(d)
		f(d)
	})
}

// TestEachKeyWorks presses every key of every key table and looks for what it did.
func TestEachKeyWorks(t *testing.T) {
	pressed := map[string]bool{} // screen and command
	all := map[string]bool{}
	for _, s := range keyStages {
		screenName, _, _ := strings.Cut(s.name, "-")
		var keys [][2]string // command, key
		keyStage(t, s.do, func(d *driver) {
			for _, sec := range append(d.m.top().sections(d.m), everywhere(), always()) {
				for _, b := range sec.keys {
					all[screenName+" "+b.name] = true
				}
			}
			if typing := d.m.top().focus() != nil; typing != s.typing {
				t.Fatalf("%s: typing is %v", s.name, typing)
			}
			for _, sec := range d.m.inForce() {
				for i := range sec.keys {
					b := &sec.keys[i]
					if b.help == "" || b.run == nil {
						t.Errorf("%s: %s has no help or does nothing", s.name, b.name)
					}
					for _, k := range b.keys {
						if !b.offered(d.m) {
							if !slices.Contains(s.idle, b.name) && !strings.Contains(b.name, "help") && !elsewhere(screenName, b.name) {
								t.Errorf("%s: %s is not offered", s.name, b.name)
							}
							continue
						}
						if found := d.m.find(k); found.name != b.name {
							t.Errorf("%s: %q is %s, and hides %s", s.name, k, found.name, b.name)
						}
						keys = append(keys, [2]string{b.name, k})
					}
				}
			}
		})
		for _, k := range keys {
			if slices.Contains(s.idle, k[0]) {
				continue
			}
			t.Run(s.name+"/"+k[0]+"/"+k[1], func(t *testing.T) {
				keyStage(t, s.do, func(d *driver) {
					before := d.trace()
					d.key(k[1])
					if d.trace() == before {
						t.Errorf("%s did nothing:\n%s", k[1], d.screen())
					}
				})
			})
			pressed[screenName+" "+k[0]] = true
		}
	}
	for k := range all {
		screenName, name, _ := strings.Cut(k, " ")
		overlay := screenName == "help" || screenName == "namespaces" || screenName == "contexts"
		if pressed[k] || elsewhere(screenName, name) || (overlay && strings.Contains("help help-anywhere mark-choice page-up page-down down ", name+" ")) {
			continue
		}
		if overlay && inSection(everywhere(), name) {
			continue // not in force there
		}
		t.Errorf("no stage presses %q", k)
	}
}

// elsewhere reports whether a command of every screen is of no use on this one.
func elsewhere(screen, name string) bool {
	if screen == "apply" {
		return slices.Contains([]string{"kinds", "stats", "namespaces", "back", "forward"}, name)
	}
	return name == screen || (screen == "object" && name == "namespaces")
}

func inSection(s section, name string) bool {
	return slices.ContainsFunc(s.keys, func(b binding) bool { return b.name == name })
}

// TestHelpListsTheKeys holds Help to the key tables: all that is in force, and nothing else.
func TestHelpListsTheKeys(t *testing.T) {
	for _, s := range keyStages {
		keyStage(t, s.do, func(d *driver) {
			var want []string
			below := d.m.top()
			if _, ok := below.(*help); ok {
				return
			}
			for _, sec := range d.m.inForce() {
				for i := range sec.keys {
					if !sec.keys[i].offered(d.m) && inSection(everywhere(), sec.keys[i].name) {
						continue
					}
					want = append(want, d.m.caps(&sec.keys[i])+" "+sec.keys[i].help)
				}
			}
			d.key("f1")
			var got []string
			for _, l := range d.m.overlay.(*help).text.lines {
				got = append(got, strings.Join(strings.Fields(l.text), " "))
			}
			for _, w := range want {
				if !slices.Contains(got, w) {
					t.Errorf("%s: Help does not list %q", s.name, w)
				}
			}
		})
	}
}

// TestOtherKeysDoNothing presses every printable key and control key that no table lists.
func TestOtherKeysDoNothing(t *testing.T) {
	for _, s := range keyStages {
		if s.typing {
			continue
		}
		keyStage(t, s.do, func(d *driver) {
			for c := rune(' '); c <= '~'; c++ {
				if d.m.find(string(c)) != nil {
					continue
				}
				before := d.trace()
				d.key(string(c))
				if d.trace() != before {
					t.Errorf("%s: %q is not in Help, and does something", s.name, c)
				}
			}
			for _, k := range []string{"ctrl+d", "ctrl+x", "delete", "backspace", "ctrl+s", "f5"} {
				before := d.trace()
				d.key(k)
				if d.trace() != before {
					t.Errorf("%s: %s is not in Help, and does something", s.name, k)
				}
			}
		})
	}
}

func TestRemappedKeys(t *testing.T) {
	opts := Options{Keys: map[string][]string{"yaml": {"Y"}, "down": {"down", "ctrl+n"}}}
	drive(t, stage{w: 80, h: 24, view: smallCluster(), opts: opts}, func(d *driver) {
		d.key("esc")
		before := d.current()
		d.key("ctrl+n")
		if d.current() == before {
			t.Error("ctrl+n does not move down")
		}
		d.key("j", "y")
		if d.m.screen != screenExplore {
			t.Error("y still opens the YAML")
		}
		d.key("Y")
		d.see("apiVersion: v1")
	})
	for _, keys := range []map[string][]string{{"yam": {"Y"}}, {"yaml": nil}, {"interrupt": {"x"}}} {
		if _, err := New(t.Context(), Options{Engine: newFakeEngine(smallCluster()), Keys: keys}); err == nil {
			t.Errorf("keys %v were taken", keys)
		} else {
			t.Log(err)
		}
	}
}
