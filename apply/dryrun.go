package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Preview has the server try an intent. When the object has moved since the base, and no field of the intent with it, the
// preview is of the object as it is now: see Preview.Base.
//
// Errors: ErrNoChange where Consent.Leave leaves nothing; *ChangedError, *GoneError, *RejectedError; *MovedError, Busy and
// without Next, when even a preview can't keep up.
func (a *Applier) Preview(ctx context.Context, b *Base, i *Intent, consent Consent) (*Preview, error) {
	for range maxRebases + 1 {
		p, err := a.try(ctx, b, i, consent)
		var d *doubtful
		if !errors.As(err, &d) {
			return p, err
		}
		live, err := a.moved(ctx, b, d)
		if err != nil {
			return nil, err
		}
		if i, err = a.rebase(ctx, b, i, live); err != nil {
			return nil, err
		}
		b = live
	}
	return nil, &MovedError{Target: b.Target, Busy: true}
}

// Checks is the guard as it stands for a preview, without the read that comes right before a write.
func (a *Applier) Checks(p *Preview, consent Consent) []Check { return Guard(a.facts(p, consent)) }

func (a *Applier) facts(p *Preview, consent Consent) Facts {
	return Facts{
		Now: now(), Preview: p, Consent: consent, Sight: a.cfg.Look(p.Base.Target), Identity: a.cfg.Identity,
		ReadOnly: a.cfg.ReadOnly, MaxSnapshotAge: a.cfg.MaxSnapshotAge, SkipPreflight: a.cfg.SkipPreflight,
	}
}

// try previews an intent on exactly this base. It returns a *doubtful as it is.
func (a *Applier) try(ctx context.Context, b *Base, i *Intent, consent Consent) (*Preview, error) {
	t, err := a.typer(ctx, b.Target)
	if err != nil {
		return nil, err
	}
	if len(consent.Leave) > 0 {
		if i = i.without(t, consent.Leave); i.Empty() {
			return nil, ErrNoChange
		}
	}
	pt, err := newPatch(t, b, i)
	if err != nil {
		return nil, err
	}
	p := &Preview{Base: b, Intent: i, Route: pt.Route, Body: pt.Body, Identity: a.cfg.Identity, At: now()}
	p.Notices = slices.Concat(i.Notices, pt.Notices)
	if p.Route == JSONPatch {
		p.Conflicts = localConflicts(t, b, i)
	}
	expected, err := desired(t, b, i)
	if err != nil {
		return nil, err
	}
	p.Result, p.Warnings, err = a.patch(ctx, p, true)
	var c *conflicting
	if errors.As(err, &c) {
		// The version in the patch holds whatever is forced to what is shown.
		p.Force, p.Conflicts, p.At = true, c.others, now()
		p.Result, p.Warnings, err = a.patch(ctx, p, true)
	}
	var r *RejectedError
	var lost *lostError
	switch {
	case err == nil:
	case errors.As(err, &r) && r.NoDryRun && consent.WithoutDryRun:
		p.Local = fmt.Sprintf("admission webhook %q can't take part in one", r.Webhook)
		p.Result = expected
		if !p.Force && p.Route == ServerSideApply {
			// A Kubernetes API server has compared owners by now; one that asks its webhooks first has not.
			p.Conflicts = localConflicts(t, b, i)
			p.Force = len(p.Conflicts) > 0
		}
	case errors.As(err, &lost):
		return nil, fmt.Errorf("%s: dry-run: %w; nothing was written", b.Target, err)
	default:
		return nil, err
	}
	p.Diff, err = newDiff(b.Kind, b.Object, p.Result, expected)
	if err != nil {
		return nil, err
	}
	return p, nil
}
