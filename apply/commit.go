package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"orka/apply/history"
)

// Commit writes what a preview showed: the same bytes, bound to the version they were made for. It guards, records,
// writes and compares. Where the object only moved, it follows: the intent is tried again on the object as it is now, and
// goes on if the change is the very one that was shown.
//
// Nothing was written on: ErrReadOnly, *ConflictError, *StaleError, *GoneError, *ChangedError, *MovedError,
// *RejectedError, *JournalError, *NotAppliedError, and the context's error. *UnknownError says what it says.
func (a *Applier) Commit(ctx context.Context, p *Preview, consent Consent) (*Result, error) {
	if a.cfg.ReadOnly {
		return nil, ErrReadOnly
	}
	if missing := consent.Missing(p.Conflicts); len(missing) > 0 {
		return nil, &ConflictError{Target: p.Base.Target, Conflicts: missing}
	}
	if p.Route == JSONPatch && p.Diff.Empty() {
		return nil, ErrNoChange // sent, it would leave no trace by which a lost answer could be found out
	}
	c := &commit{a: a, consent: consent, shown: p, now: p, began: time.Now()}
	for {
		result, live, err := c.attempt(ctx)
		for live != nil && err == nil {
			if c.rebased == maxRebases {
				return nil, &MovedError{Target: p.Base.Target, Next: c.now, Busy: true}
			}
			c.rebased++
			live, err = c.rebase(ctx, live)
		}
		if result != nil || err != nil {
			return result, err
		}
	}
}

// commit is one Commit on its way.
type commit struct {
	a       *Applier
	consent Consent
	shown   *Preview // what was agreed to
	began   time.Time

	now     *Preview // what would be written: shown, or the same change on a later version
	fresh   bool     // now is of an object read within this commit
	redone  bool     // an old dry-run was repeated
	rebased int
}

// attempt guards and writes once. It returns a result, an error, or the object as it is when it has moved; none of them
// when the preview was renewed and the guard is to look again.
func (c *commit) attempt(ctx context.Context) (*Result, *Base, error) {
	facts := c.a.facts(c.now, c.consent)
	base := c.now.Base
	if facts.Identity != c.now.Identity { // it may be another cluster: not even a read makes sense
		return nil, nil, &StaleError{Target: base.Target, Failed: Failed(Guard(facts))}
	}
	switch {
	case facts.SkipPreflight || base.Absent:
	case c.fresh:
		facts.Live = base
	default:
		live, err := c.a.again(ctx, base)
		var gone *GoneError
		switch {
		case errors.As(err, &gone):
			return nil, nil, err
		case ctx.Err() != nil:
			return nil, nil, cancelled(ctx, base.Target)
		}
		facts.Live, facts.ReadError = live, err
		facts.Now = now()
	}
	var failed []Check
	moved, old := false, false
	for _, check := range Failed(Guard(facts)) {
		switch {
		case check.Condition == SameObject && facts.hasMoved():
			moved = true
		case check.Condition == SnapshotAge && facts.hasMoved(): // the read is newer than what was seen
		case check.Condition == DryRunFresh && c.now.Local == "" && !c.redone:
			old = true
		default:
			failed = append(failed, check)
		}
	}
	switch {
	case len(failed) > 0:
		return nil, nil, &StaleError{Target: base.Target, Failed: failed}
	case moved:
		return nil, facts.Live, nil
	case old:
		c.redone = true
		live, err := c.renew(ctx, base, c.now.Intent)
		return nil, live, err
	}
	c.fresh = false
	return c.write(ctx)
}

// rebase takes the intent to the object as it is now. It returns the object once more if it moved again.
func (c *commit) rebase(ctx context.Context, live *Base) (*Base, error) {
	i, err := c.a.rebase(ctx, c.now.Base, c.now.Intent, live)
	if err != nil {
		return nil, err
	}
	return c.renew(ctx, live, i)
}

// renew has the server try the change on a version of the object, and compares with what was shown. It returns the object
// if it has moved from there.
func (c *commit) renew(ctx context.Context, b *Base, i *Intent) (*Base, error) {
	next, err := c.a.try(ctx, b, i, c.consent)
	var d *doubtful
	if errors.As(err, &d) {
		return c.a.moved(ctx, b, d)
	}
	if err != nil {
		return nil, err
	}
	if !sameChange(c.shown.Diff, next.Diff) || !sameConflicts(c.shown.Conflicts, next.Conflicts) || c.shown.Route != next.Route {
		return nil, &MovedError{Target: b.Target, Next: next}
	}
	c.now, c.fresh = next, true
	return nil, nil
}

// write records, sends and records again. It returns the object as it is when the server says that it has moved.
func (c *commit) write(ctx context.Context) (*Result, *Base, error) {
	a, p := c.a, c.now
	if ctx.Err() != nil {
		return nil, nil, cancelled(ctx, p.Base.Target)
	}
	a.cfg.FaultPoint("guarded")
	id, err := a.begin(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	a.cfg.FaultPoint("recorded")
	stored, warnings, err := a.patch(ctx, p, false)
	a.cfg.FaultPoint("sent") // the server has done with it; its answer has not been looked at
	result := &Result{Target: p.Base.Target, Rebased: c.rebased, Warnings: warnings}
	var lost *lostError
	if errors.As(err, &lost) {
		stored, err = a.settle(ctx, p, lost)
		result.Resolved = err == nil
	}
	result.Took = time.Since(c.began)
	a.cfg.FaultPoint("answered")
	trouble := a.finish(ctx, id, outcome(p, stored, err))
	a.cfg.FaultPoint("finished")

	if err != nil {
		live, err := c.refused(ctx, err)
		return nil, live, also(err, trouble)
	}
	result.UID, result.ResourceVersion = string(stored.GetUID()), stored.GetResourceVersion()
	if trouble != nil {
		result.Warnings = append(result.Warnings, "it is applied, but "+trouble.Error())
	}
	if result.Surprises, err = surprises(p, stored); err != nil {
		result.Warnings = append(result.Warnings, "it is applied; what was stored can't be compared with the preview")
	}
	return result, nil, nil
}

// refused explains a refusal; when the object has moved, which explains it, it returns the object as it is. Fields are
// compared before versions, so a conflict that the dry-run did not have is a sign of that, too.
func (c *commit) refused(ctx context.Context, err error) (*Base, error) {
	p := c.now
	var d *doubtful
	var conflict *conflicting
	if errors.As(err, &conflict) {
		d = &doubtful{conflict.rejected}
	} else if !errors.As(err, &d) {
		return nil, err
	}
	live, err := c.a.moved(ctx, p.Base, d)
	var gone *GoneError
	switch {
	case err == nil:
		return live, nil
	case errors.As(err, &gone):
		return nil, err
	case conflict != nil && len(conflict.others) > 0:
		return nil, &ConflictError{Target: p.Base.Target, Conflicts: conflict.others}
	}
	return nil, d.rejected // for certain, whether or not the read told why
}

// surprises is the difference between what was promised and what is stored; nil when there is none. The status and what
// every write changes are left out.
func surprises(p *Preview, stored *unstructured.Unstructured) (*Diff, error) {
	promised, got := p.Result.DeepCopy(), stored.DeepCopy()
	for _, o := range []*unstructured.Unstructured{promised, got} {
		delete(o.Object, "status")
	}
	d, err := newDiff(p.Base.Kind, promised, got, promised, p.Base.Object)
	if err != nil || d.Empty() {
		return nil, err
	}
	return d, nil
}

func cancelled(ctx context.Context, t Target) error {
	return fmt.Errorf("%s: nothing was written: %w", t, context.Cause(ctx))
}

// also adds trouble with the history to an error, which may be nil.
func also(err, trouble error) error {
	switch {
	case trouble == nil:
		return err
	case err == nil:
		return &JournalError{trouble}
	}
	return fmt.Errorf("%w; and %w", err, trouble)
}

// outcome is what the history keeps of an answer.
func outcome(p *Preview, stored *unstructured.Unstructured, err error) history.Outcome {
	o := history.Outcome{At: now()}
	var r *RejectedError
	if errors.As(err, &r) {
		o.Code, o.Reason, o.Message = r.Code, r.Reason, r.Message
	}
	var unknown *UnknownError
	var notApplied *NotAppliedError
	switch {
	case err == nil:
		o.State, o.Version, o.Object = history.Applied, stored.GetResourceVersion(), kept(stored)
		return o
	case errors.As(err, &unknown):
		o.State = history.Unknown
	case errors.As(err, &notApplied):
		o.State = history.Failed
	default:
		o.State = history.Refused
	}
	if o.Message == "" && r == nil {
		o.Message = err.Error()
	}
	return o
}
