package apply

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"orka/watch/sim"
)

// TestStringDataIsAskedFor: plain text in a Secret is the data it becomes. Nothing of it is called a default or a webhook's,
// who owns that data is asked, and a removal knows the owner.
func TestStringDataIsAskedFor(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(tokenTarget, tokenText)
		p := f.preview(tokenTarget, "kind: Secret\n", "kind: Secret\nstringData: {password: hunter3, user: ali}\n")
		if p.Diff.Unexplained != 0 || p.Diff.Added != 2 || p.Diff.Deleted != 1 {
			t.Errorf("unexplained %d:\n%s", p.Diff.Unexplained, diffText(p.Diff))
		}
		if got := p.Intent.Set.String(); strings.Contains(got, "stringData") || !strings.Contains(got, ".data.password") {
			t.Errorf("it sets %s", got)
		}
		if len(p.Conflicts) != 1 || p.Conflicts[0].Path != ".data.password" {
			t.Errorf("conflicts %+v", p.Conflicts)
		}
		if _, err := f.orka.Commit(t.Context(), p, Consent{All: true}); err != nil {
			t.Fatal(err)
		}
		stored := normal(t, f.stored(tokenTarget))
		if at(stored.Object, "data", "password") != "aHVudGVyMw==" || at(stored.Object, "data", "user") != "YWxp" {
			t.Errorf("stored %v", stored.Object["data"])
		}
		p = f.preview(tokenTarget, "  user: YWxp\n", "")
		if p.Route != ServerSideApply || p.Diff.Unexplained != 0 || len(p.Conflicts) != 0 {
			t.Errorf("route %s, conflicts %+v", p.Route, p.Conflicts)
		}
	})
}

// TestStringDataOfOthers: who set data as plain text owns stringData by managedFields, and is named when it is removed.
func TestStringDataOfOthers(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(tokenTarget, tokenText)
		f.other("kubectl", http.MethodPatch, tokenTarget, "application/apply-patch+yaml",
			"{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {user: ali}}")
		p := f.preview(tokenTarget, "  user: YWxp\n", "")
		if len(p.Conflicts) != 1 || p.Conflicts[0].Manager != "kubectl" || !p.Conflicts[0].Removes {
			t.Errorf("conflicts %+v; owners %v", p.Conflicts, f.stored(tokenTarget).GetManagedFields())
		}
	})
}

// TestStringDataOfAFile: the same file again has nothing to do.
func TestStringDataOfAFile(t *testing.T) {
	flowing(t, sim.Config{}, func(t *testing.T, f *flow) {
		f.create(tokenTarget, tokenText)
		apply := func() error {
			files, err := ParseFiles("s.yaml", []byte("{apiVersion: v1, kind: Secret, metadata: {name: token}, stringData: {user: ali, none: null}}"), 0, 0)
			if err != nil {
				t.Fatal(err)
			}
			b, err := f.orka.FileBase(t.Context(), tokenTarget)
			if err != nil {
				t.Fatal(err)
			}
			i, err := f.orka.FileIntent(t.Context(), b, files[0])
			if err != nil {
				return err
			}
			p, err := f.orka.Preview(t.Context(), b, i, Consent{})
			if err != nil {
				t.Fatal(err)
			}
			if p.Diff.Unexplained != 0 {
				t.Errorf("unexplained:\n%s", diffText(p.Diff))
			}
			_, err = f.orka.Commit(t.Context(), p, Consent{})
			return err
		}
		if err := apply(); err != nil {
			t.Fatal(err)
		}
		if err := apply(); !errors.Is(err, ErrNoChange) {
			t.Errorf("again: %v", err)
		}
	})
}

func diffText(d *Diff) string {
	var b strings.Builder
	for _, h := range d.Hunks {
		for _, l := range h.Lines {
			b.WriteByte(byte(l.Op))
			b.WriteString(l.Text)
			if l.Unexplained {
				b.WriteString("   <- unexplained")
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
