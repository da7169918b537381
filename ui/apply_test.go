package ui

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"

	"orka/apply"
	"orka/engine"
	"orka/watch"
)

// draftsLeft are the drafts in the working directory's state, without what says what they are of.
func draftsLeft(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("state/drafts/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// editDrive drives an edit of deployment checkout/web in a table of it.
func editDrive(t *testing.T, s stage, editor func(string) error, f func(*driver)) {
	t.Helper()
	if s.w == 0 {
		s.w, s.h = 120, 40
	}
	if s.objects == nil && s.view == nil {
		s.objects = newCluster(1).fill(400)
	}
	if s.opts.Query == "" {
		s.opts.Query = webQuery
	}
	drive(t, editing(t, s, editor), func(d *driver) {
		d.key("esc")
		f(d)
	})
}

// land publishes a View in which the object has the version that was written.
func land(t *testing.T, d *driver, version string) {
	t.Helper()
	var next []*watch.Object
	for o := range d.m.view.World.All() {
		if o.Kind == kindDeployment && o.NamespacedName() == "checkout/web" {
			changed := *o
			changed.ResourceVersion = version
			o = &changed
		}
		next = append(next, o)
	}
	publish(t, d, next, nil)
}

func publish(t *testing.T, d *driver, objects []*watch.Object, edit func(*engine.Health)) {
	t.Helper()
	v, err := testView(t.Context(), objects, edit)
	if err != nil {
		t.Fatal(err)
	}
	d.engine.publish(v)
	d.send(tea.WindowSizeMsg{Width: d.m.w, Height: d.m.h})
	d.send(changedMsg{d.m.conn})
}

func TestEditLands(t *testing.T) {
	for _, from := range []string{"e", "enter e"} {
		t.Run(from, func(t *testing.T) {
			editDrive(t, stage{}, change, func(d *driver) {
				keys := strings.Fields(from)
				d.key(keys...)
				d.see("apply to deployments.apps checkout/web · server-side apply · dry-run 3s ago")
				d.see("+3 −1, 2 not yours")
				d.see("◇ not asked for by you: default or webhook")
				if left := draftsLeft(t); len(left) != 1 {
					t.Errorf("drafts while the preview is looked at: %q", left)
				}
				d.key("enter", "a", "enter")
				if got := d.engine.applier.called(); strings.Contains(got, "commit") {
					t.Fatalf("enter has written: %s", got)
				}
				d.see("apply to checkout/web in context  prod-eu-1 ? y/n")
				d.key("y")
				d.see("written as version 100999; waiting for the watch to show it")
				if left := draftsLeft(t); len(left) != 0 {
					t.Errorf("drafts of what is stored: %q", left)
				}
				land(t, d, "101000")
				d.see("applied: version 100999")
				want := screenExplore
				if len(keys) > 1 {
					want = screenObject
				}
				if d.m.screen != want {
					t.Errorf("back on screen %d, want %d", d.m.screen, want)
				}
				if got := d.engine.applier.called(); got != "open:web intent preview commit" {
					t.Errorf("asked of the engine: %s", got)
				}
			})
		})
	}
}

func TestEditOfNothing(t *testing.T) {
	for name, editor := range map[string]func(string) error{
		"untouched": func(string) error { return nil },
		"emptied":   func(path string) error { return os.WriteFile(path, []byte(" \n"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			editDrive(t, stage{}, editor, func(d *driver) {
				d.key("e")
				d.see("nothing was changed")
				if got := d.engine.applier.called(); got != "open:web" {
					t.Errorf("asked of the engine: %s", got)
				}
				if left := draftsLeft(t); len(left) != 0 || d.m.screen != screenExplore {
					t.Errorf("drafts %q, screen %d", left, d.m.screen)
				}
			})
		})
	}
	t.Run("no difference", func(t *testing.T) {
		editDrive(t, stage{}, change, func(d *driver) {
			d.engine.applier.onIntent = func(string) error { return apply.ErrNoChange }
			d.key("e")
			d.see("nothing was changed")
			if left := draftsLeft(t); len(left) != 0 {
				t.Errorf("drafts %q", left)
			}
		})
	})
}

func TestReadOnlyOpensNothing(t *testing.T) {
	editDrive(t, stage{opts: Options{Info: Info{ReadOnly: true}}}, change, func(d *driver) {
		d.key("e")
		d.see("orka is read-only")
		d.see("READ-ONLY")
		if got := d.engine.applier.called(); got != "" || d.m.screen != screenExplore {
			t.Errorf("asked of the engine: %q, screen %d", got, d.m.screen)
		}
	})
}

func TestOpeningIsCancelled(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		d.engine.applier.holdOpen = make(chan struct{})
		d.key("e")
		d.see("reading deployments.apps checkout/web from the server")
		d.key("esc") // ends the read: the driver waits for what runs
		if d.m.screen != screenExplore {
			t.Errorf("screen %d", d.m.screen)
		}
		if left := draftsLeft(t); len(left) != 0 {
			t.Errorf("drafts %q", left)
		}
	})
}

// TestGuardTurnsByItself: a View in which the watch has stopped is enough, without a key.
func TestGuardTurnsByItself(t *testing.T) {
	objects := newCluster(1).fill(400)
	editDrive(t, stage{objects: objects}, change, func(d *driver) {
		d.key("e", "a")
		d.see("✓ deployments.apps are watched live")
		publish(t, d, objects, staleDeployments)
		d.see("✗ the watch of deployments.apps is not live (Backoff): r tries the watch again")
		d.key("y")
		if got := d.engine.applier.called(); strings.Contains(got, "commit") {
			t.Fatalf("written although the guard fails: %s", got)
		}
		d.key("a")
		d.see("r tries the watch again")
		d.miss("y/n")
		d.key("r")
		if !slices.Equal(d.engine.retried, []string{"deployments"}) {
			t.Errorf("retried %q", d.engine.retried)
		}
	})
}

func TestSendingIsNotLeft(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		hold := make(chan struct{})
		d.engine.applier.hold = hold
		d.key("e", "a", "y")
		d.see("it has been sent and can't be taken back")
		d.key("esc", "q", "K", "[", "C", "N", "S", "ctrl+c")
		if d.m.screen != screenApply || d.quit {
			t.Errorf("left while sending: screen %d, quit %t", d.m.screen, d.quit)
		}
		d.see("ctrl-c again quits")
		close(hold)
		d.send(tickMsg{})
		d.see("written as version 100999")
	})
}

func TestQueue(t *testing.T) {
	editDrive(t, stage{opts: Options{Query: "k:pod ns:checkout"}}, change, func(d *driver) {
		d.key(" ", " ", " ", " ", "e")
		d.see("object 1 of 4")
		d.key("a", "y", "esc") // applied; what the watch says is not waited for
		d.see("1 of 4 objects done")
		d.key("s")
		d.see("skipped")
		d.key("enter")
		d.see("object 3 of 4")
		d.key("esc")
		d.see("the draft is kept")
		d.key("e", "esc")
		d.see("that was the last one")
		d.key("esc")
		if d.m.screen != screenExplore || len(d.m.marks) != 4 {
			t.Errorf("screen %d, %d marks", d.m.screen, len(d.m.marks))
		}
		if got := d.engine.applier.called(); strings.Count(got, "open:") != 3 || strings.Count(got, "commit") != 1 {
			t.Errorf("asked of the engine: %s", got)
		}
	})
}

func TestChangedBeginsAnew(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		refusing(func(t apply.Target) error {
			return &apply.ChangedError{Target: t, Fields: []apply.Versions{{Path: ".spec.replicas", Base: "3", Yours: "5", Their: "7"}}}
		})(t, &d.engine.applier)
		d.key("e", "a", "y")
		d.see("somebody else changed the same field")
		d.key("e", "n") // the earlier draft is offered: a new one
		d.see("+3 −1")
		d.see("your draft before this one is kept")
		if left := draftsLeft(t); len(left) != 2 {
			t.Errorf("drafts %q", left)
		}
	})
}

func TestSecretsStayOffTheScreen(t *testing.T) {
	const value = "c3VwZXItc2VjcmV0"
	c := newCluster(1)
	c.fill(300)
	m := c.meta("checkout", "tls", 0, nil)
	c.out = append(c.out, &watch.Object{Kind: kindSecret, Namespace: "checkout", Name: "tls", UID: string(m.UID), ResourceVersion: m.ResourceVersion})
	editor := func(path string) error { return os.WriteFile(path, []byte("data:\n  key: "+value+"\n"), 0o600) }
	for name, err := range map[string]error{
		"draft":    &apply.DraftError{Line: 2, Column: 3, Path: ".data.key", Message: "not base64"},
		"rejected": &apply.RejectedError{Code: 422, Reason: "Invalid", Causes: []apply.Cause{{Path: "data[key]"}}},
	} {
		t.Run(name, func(t *testing.T) {
			editDrive(t, stage{objects: c.out, opts: Options{Query: "k:secret"}}, editor, func(d *driver) {
				d.engine.applier.onIntent = func(string) error {
					if name == "draft" {
						return err
					}
					return nil
				}
				d.engine.applier.onPreview = func(apply.Consent, *apply.Preview) (*apply.Preview, error) { return nil, err }
				d.key("e")
				d.see("line 2")
				d.miss(value)
			})
		})
	}
}

func TestRejectedTwice(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		n := 0
		d.engine.applier.onPreview = func(c apply.Consent, p *apply.Preview) (*apply.Preview, error) {
			n++
			if !c.WithoutDryRun {
				return nil, &apply.RejectedError{Webhook: "policy.example.com", NoDryRun: true, Code: 400, Reason: "BadRequest"}
			}
			p.Local = `admission webhook "policy.example.com" can't take part in one`
			return p, nil
		}
		d.key("e", "w", "n", "d")
		if n != 2 || d.m.edit.stage != editStopped {
			t.Errorf("%d dry-runs, stage %d", n, d.m.edit.stage)
		}
		d.key("w", "y")
		d.see("no dry-run: admission webhook")
		d.key("a")
		d.see("without a dry-run")
		d.key("y")
		d.see("written as version")
	})
}
