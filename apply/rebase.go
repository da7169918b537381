package apply

import (
	"context"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// moved reads the object after a doubtful refusal: it is there with another version, or the refusal stands.
func (a *Applier) moved(ctx context.Context, b *Base, d *doubtful) (*Base, error) {
	if b.Absent {
		return nil, d.rejected
	}
	live, err := a.again(ctx, b)
	if err != nil {
		return nil, err
	}
	if live.ResourceVersion == b.ResourceVersion {
		return nil, d.rejected
	}
	return live, nil
}

// rebase takes an intent that was made on base to the object as it is now. A field of it that has another value there is a
// *ChangedError.
func (a *Applier) rebase(ctx context.Context, base *Base, i *Intent, live *Base) (*Intent, error) {
	t, err := a.typer(ctx, base.Target)
	if err != nil {
		return nil, err
	}
	if fields := changedUnderneath(t, base, i, live); len(fields) > 0 {
		return nil, &ChangedError{Target: base.Target, Fields: fields, Live: live}
	}
	return i.on(t, live), nil
}

// on tells anew what is orka's to leave out: others may own by now what was orka's alone.
func (i *Intent) on(t *typer, live *Base) *Intent {
	if i.whole || i.RemoveOwn.Empty() && i.RemoveForeign.Empty() {
		return i
	}
	moved := *i
	moved.RemoveOwn, moved.RemoveForeign = fieldpath.NewSet(), fieldpath.NewSet()
	moved.splitRemoved(i.typer(t), live, i.RemoveOwn.Union(i.RemoveForeign), fieldpath.NewSet())
	return &moved
}
