package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"orka/apply/history"
	"orka/watch/kube"
)

// Bounds of a record.
const (
	// recordTimeout is how long a record may take, also when the commit was cancelled.
	recordTimeout = 10 * time.Second
	fieldsLimit   = 1000
)

var errNoJournal = errors.New("there is no history to record it in")

// begin records what is about to be sent. An error is a *JournalError.
func (a *Applier) begin(ctx context.Context, p *Preview) (history.ID, error) {
	if a.cfg.Journal == nil {
		return 0, &JournalError{errNoJournal}
	}
	user := a.cfg.Identity.User
	if a.cfg.Identity.Impersonating != "" {
		user = a.cfg.Identity.Impersonating
	}
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	id, err := a.cfg.Journal.Begin(ctx, history.Intent{
		At: now(), Cluster: a.cfg.Identity.Cluster, Context: a.cfg.Identity.Context, User: user,
		Kind: p.Base.Kind.GVK.String(), Resource: p.Base.Kind.ResourceName(), Namespace: p.Base.Namespace, Name: p.Base.Name, UID: p.Base.UID,
		BaseVersion: p.Base.ResourceVersion, Route: string(p.Route), Force: p.Force, Fields: fields(p.Intent),
		Body: p.Body, Secret: kube.IsSecret(p.Base.Kind),
	})
	if err != nil {
		return 0, &JournalError{err}
	}
	return id, nil
}

// finish records what became of it, also when the commit was cancelled meanwhile.
func (a *Applier) finish(ctx context.Context, id history.ID, o history.Outcome) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := a.cfg.Journal.Finish(ctx, id, o); err != nil {
		return fmt.Errorf("the outcome could not be recorded: %w", err)
	}
	return nil
}

// fields are the paths of an intent. Items of lists that are sets are named by their value, which is not a Secret's: its
// values are in maps.
func fields(i *Intent) []string {
	var out []string
	for _, s := range []*fieldpath.Set{i.Set, i.RemoveOwn, i.RemoveForeign} {
		if s == nil {
			continue
		}
		s.Leaves().Iterate(func(p fieldpath.Path) {
			if len(out) < fieldsLimit {
				out = append(out, p.String())
			}
		})
	}
	return out
}

// kept is an applied object as the history has it: JSON without managedFields. Of a Secret the history makes a digest.
func kept(o *unstructured.Unstructured) []byte {
	o = o.DeepCopy()
	o.SetManagedFields(nil)
	text, err := json.Marshal(o.Object)
	if err != nil {
		return nil // JSON is what it was read from
	}
	return text
}
