package apply

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// How the outcome of a write is looked for whose answer was lost.
const (
	// settleWithin is how long: a server may be writing still, after it or a load balancer gave up waiting.
	settleWithin = 5 * time.Second
	// settlePause is the first pause between two reads; each is twice the one before, up to settlePauseMax.
	settlePause    = 100 * time.Millisecond
	settlePauseMax = time.Second
)

// settle finds out by reading what became of a write whose answer was lost; ctx may be over. The patch is bound to the
// base's version: once the object has another one, the write either is in it or will never be. While it has that version
// nothing is certain: a proxy may pass the request on later, whatever it answered. Errors: *NotAppliedError,
// *UnknownError.
func (a *Applier) settle(ctx context.Context, p *Preview, lost *lostError) (*unstructured.Unstructured, error) {
	if !lost.sent {
		return nil, &NotAppliedError{Target: p.Base.Target, Err: lost.err}
	}
	unknown := &UnknownError{Target: p.Base.Target, Err: lost.err}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	unmoved := false // as the latest read has it
	for pause := settlePause; ; pause = min(2*pause, settlePauseMax) {
		live, err := a.get(ctx, p.Base.Target)
		var r *RejectedError
		switch {
		case err == nil && live.UID != p.Base.UID, errors.As(err, &r) && r.Code == http.StatusNotFound:
			return nil, unknown // it may have been applied before it was deleted
		case err == nil && live.ResourceVersion != p.Base.ResourceVersion:
			return a.judge(ctx, p, live, lost)
		}
		unmoved = err == nil
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			unknown.Absent = unmoved && !lost.taken
			return nil, unknown
		}
	}
}

// judge says of an object that has moved whether the write is in it.
func (a *Applier) judge(ctx context.Context, p *Preview, live *Base, lost *lostError) (*unstructured.Unstructured, error) {
	unknown := &UnknownError{Target: p.Base.Target, Err: lost.err}
	t, err := a.typer(ctx, p.Base.Target)
	if err != nil {
		return nil, unknown
	}
	switch all, some := satisfied(t, p.Intent, p.Result, live.Object); {
	case all && (lost.taken || shown(p, live)):
		return live.Object, nil
	case all || some:
		unknown.Done = all
		return nil, unknown
	case lost.taken: // and taken back by somebody
		return nil, unknown
	}
	return nil, &NotAppliedError{Target: p.Base.Target, Err: lost.err}
}

// shown reports whether an object that is as the intent wants it is so by our write: somebody else may have done the same.
// What was set is ours by managedFields; a removal leaves no trace of who made it.
func shown(p *Preview, live *Base) bool {
	set, by := p.Intent.Set, metav1.ManagedFieldsOperationApply
	if p.Route == JSONPatch {
		set, by = p.Intent.changes, metav1.ManagedFieldsOperationUpdate
	}
	return !set.Empty() && ownedByUs(live.Object, set, by)
}

// ownedByUs reports whether orka owns all paths of a set by its applies, or by its updates.
func ownedByUs(o *unstructured.Unstructured, set *fieldpath.Set, by metav1.ManagedFieldsOperationType) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		if e.Manager != FieldManager || e.Operation != by || e.Subresource != "" || e.FieldsV1 == nil {
			return false
		}
		owned := &fieldpath.Set{}
		return owned.FromJSON(bytes.NewReader(e.FieldsV1.Raw)) == nil && set.Leaves().Difference(owned).Empty()
	})
}
