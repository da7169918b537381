package ui

import (
	"testing"

	"orka/apply"
)

func TestConflictsAreDecidedOneByOne(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		conflicting(t, &d.engine.applier)
		var got apply.Consent
		d.engine.applier.onCommit = func(p *apply.Preview, c apply.Consent) (*apply.Result, error) {
			got = c
			return &apply.Result{Target: p.Base.Target, UID: p.Base.UID, ResourceVersion: "100999"}, nil
		}
		d.key("e", "a")
		d.see("3 fields of others: f takes one over, t leaves it")
		d.see("argocd")
		d.key("f", "a")
		d.see("2 fields of others")
		d.key("F", "A")
		if n := d.m.edit.waiting(); n != 2 {
			t.Errorf("%d fields wait, want 2", n)
		}
		d.key("t", " ") // leave argocd's, take the removal over
		if n := d.m.edit.waiting(); n != 0 {
			t.Errorf("%d fields wait, want 0\n%s", n, d.screen())
		}
		d.key("a") // the preview without what is left
		d.see("the preview is without the 1 field you leave")
		if n := len(d.m.edit.preview.Conflicts); n != 2 {
			t.Errorf("%d conflicts in the new preview", n)
		}
		d.key("a")
		d.see("takes over 2 fields of kube-controller-manager (scale), nobody")
		d.key("y")
		if !got.Take[".spec.replicas"] || !got.Take[".metadata.annotations.owner"] || len(got.Take) != 2 || len(got.Leave) != 1 || got.All {
			t.Errorf("consent %+v", got)
		}
	})
}

// TestConsentIsForAnOwner: when somebody else owns the field at the next preview, it is asked again.
func TestConsentIsForAnOwner(t *testing.T) {
	editDrive(t, stage{}, change, func(d *driver) {
		owner := "argocd"
		d.engine.applier.onPreview = func(_ apply.Consent, p *apply.Preview) (*apply.Preview, error) {
			p.Conflicts = []apply.Conflict{{Path: ".spec.replicas", Manager: owner}}
			return p, nil
		}
		d.key("e", "a", "f", "d")
		if d.m.edit.waiting() != 0 {
			t.Error("consent is lost by a dry-run that says the same")
		}
		owner = "flux"
		d.key("d")
		if d.m.edit.waiting() != 1 {
			t.Error("consent for argocd was taken for flux")
		}
	})
}
