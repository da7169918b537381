package apply

import (
	"errors"
	"strings"
	"testing"

	"orka/watch/sim"
)

// TestNullInAFile: null in a file is sent, as kubectl apply --server-side does. In a map of texts the server stores an empty
// one: that is what is expected, and said.
func TestNullInAFile(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(configTarget, configText)
		files, err := ParseFiles("c.yaml", []byte("{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, creationTimestamp: null}, data: {a: null, color: null}}"), 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		b, err := f.orka.FileBase(t.Context(), configTarget)
		if err != nil {
			t.Fatal(err)
		}
		i, err := f.orka.FileIntent(t.Context(), b, files[0])
		if err != nil {
			t.Fatal(err)
		}
		p, err := f.orka.Preview(t.Context(), b, i, Consent{})
		if err != nil {
			t.Fatal(err)
		}
		if p.Diff.Unexplained != 0 {
			t.Errorf("unexplained:\n%s", diffText(p.Diff))
		}
		notices := strings.Join(p.Notices, "\n")
		if !strings.Contains(notices, ".data.a: null in the file") || !strings.Contains(notices, ".data.color: null") || strings.Contains(notices, "creationTimestamp") {
			t.Errorf("notices %q", p.Notices)
		}
		if _, err := f.orka.Commit(t.Context(), p, Consent{All: true}); err != nil {
			t.Fatal(err)
		}
		if stored := f.stored(configTarget); at(stored.Object, "data", "a") != "" || at(stored.Object, "data", "color") != "" {
			t.Errorf("stored %v", stored.Object["data"])
		}
		b, err = f.orka.FileBase(t.Context(), configTarget)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = f.orka.FileIntent(t.Context(), b, files[0]); !errors.Is(err, ErrNoChange) {
			t.Errorf("again: %v", err)
		}
	})
}

// TestNullInAFileOfACustomResource: what becomes of it is the server's word, and nothing is said of it.
func TestNullInAFileOfACustomResource(t *testing.T) {
	c := newCluster(t, widgets, widgetText)
	edited := parsed(t, "{spec: {words: {a: null}, free: {b: null}, size: null}}")
	if got := c.types.emptyNulls(widgets, edited); len(got) != 0 || at(edited, "spec", "words", "a") != nil {
		t.Errorf("notices %v, %v", got, edited)
	}
}
