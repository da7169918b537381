package ui

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"orka/apply"
	"orka/watch"
)

// TestDraftIsNeverLost leaves the flow in every way there is, once a draft is there.
func TestDraftIsNeverLost(t *testing.T) {
	refuse := func(err error) func(*fakeApplier) {
		return func(a *fakeApplier) {
			a.onCommit = func(*apply.Preview, apply.Consent) (*apply.Result, error) { return nil, err }
		}
	}
	for _, tt := range []struct {
		name    string
		editor  func(string) error
		prepare func(*fakeApplier)
		keys    []string
	}{
		{name: "esc in the preview", keys: []string{"e", "esc"}},
		{name: "q in the preview", keys: []string{"e", "q"}},
		{name: "editor failed", editor: func(path string) error { return errors.Join(change(path), errors.New("exit status 1")) }, keys: []string{"e", "esc"}},
		{name: "draft error", prepare: func(a *fakeApplier) { a.onIntent = func(string) error { return &apply.DraftError{Line: 1} } }, keys: []string{"e", "esc"}},
		{name: "dry-run failed", prepare: func(a *fakeApplier) {
			a.onPreview = func(apply.Consent, *apply.Preview) (*apply.Preview, error) {
				return nil, errors.New("connection refused")
			}
		}, keys: []string{"e", "q"}},
		{name: "refused", prepare: refuse(&apply.RejectedError{Code: 422}), keys: []string{"e", "a", "y", "esc"}},
		{name: "gone", prepare: refuse(&apply.GoneError{}), keys: []string{"e", "a", "y", "q"}},
		{name: "unknown", prepare: refuse(&apply.UnknownError{Err: errors.New("EOF")}), keys: []string{"e", "a", "y", "esc"}},
		{name: "unknown, and not there", prepare: refuse(&apply.UnknownError{Err: errors.New("EOF"), Absent: true}), keys: []string{"e", "a", "y", "a", "y", "esc"}},
		{name: "changed", prepare: refuse(&apply.ChangedError{}), keys: []string{"e", "a", "y", "esc"}},
		{name: "ctrl-c", keys: []string{"e", "ctrl+c"}},
		{name: "another context", keys: []string{"e", "C", "enter"}},
		{name: "question unanswered", keys: []string{"e", "a", "esc", "esc"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			editor := tt.editor
			if editor == nil {
				editor = change
			}
			editDrive(t, stage{w: 140, h: 30}, editor, func(d *driver) {
				d.m.opts.Contexts = &fakeContexts{engines: map[string]Engine{"dev-cluster": newFakeEngine(smallCluster())}}
				if tt.prepare != nil {
					tt.prepare(&d.engine.applier)
				}
				d.key(tt.keys...)
				left := draftsLeft(t)
				if len(left) != 1 {
					t.Fatalf("drafts: %q\n%s", left, d.screen())
				}
				text, err := os.ReadFile(left[0])
				if err != nil || !strings.Contains(string(text), "replicas: 5") {
					t.Errorf("the draft has lost the edit (%v):\n%s", err, text)
				}
				if !d.quit && d.m.screen != screenExplore {
					t.Errorf("still on screen %d", d.m.screen)
				}
				if !d.quit {
					d.see("the draft is kept: " + left[0])
				}
			})
		})
	}
}

// A draft that can't be taken leaves nothing of the edit before it to be applied in its place.
func TestSpoiltDraftIsReadAgain(t *testing.T) {
	spoil := false
	editor := func(path string) error {
		if spoil {
			return os.WriteFile(path, bytes.Repeat([]byte("x"), maxDraft+1), 0o600)
		}
		return change(path)
	}
	editDrive(t, stage{}, editor, func(d *driver) {
		d.key("e")
		d.see("+3 −1")
		spoil = true
		d.key("e")
		d.see("larger than 16 MiB")
		d.key("d")
		d.see("larger than 16 MiB")
		if got := d.engine.applier.called(); strings.Contains(got, "commit") || strings.Count(got, "preview") != 1 {
			t.Errorf("asked of the engine: %s", got)
		}
	})
}

func TestEarlierDraft(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		d.key("e", "esc", "e")
		d.see("an earlier draft of it was not applied")
		d.see("the object has not changed since")
		d.key("c")
		d.see("+3 −1")
		if left := draftsLeft(t); len(left) != 1 {
			t.Errorf("going on made another draft: %q", left)
		}
		d.key("esc")
		land(t, d, "100888")
		d.key("e")
		d.see("the object has changed since")
		d.key("c")
		d.see("what it changes is carried over")
		d.key("esc", "e", "n")
		if left := draftsLeft(t); len(left) != 2 {
			t.Errorf("drafts after a new one: %q", left)
		}
		d.key("esc", "e", "x", "n")
		if left := draftsLeft(t); len(left) != 2 {
			t.Errorf("deleted without a yes: %q", left)
		}
		d.key("x", "y")
		if left := draftsLeft(t); len(left) != 1 {
			t.Errorf("drafts after one was deleted: %q", left)
		}
	})
}

func TestEarlierDraftOfAnotherObject(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		d.key("e", "esc")
		var next []*watch.Object
		for o := range d.m.view.World.All() {
			if o.Kind == kindDeployment && o.NamespacedName() == "checkout/web" {
				changed := *o
				changed.UID += "-2"
				o = &changed
			}
			next = append(next, o)
		}
		publish(t, d, next, nil)
		d.key("e")
		d.see("it is of an object that is gone")
		d.key("c")
		d.see("an earlier draft of it")
		d.key("n")
		d.see("+3 −1")
	})
}
