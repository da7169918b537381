package apply

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Open reads an object for editing, once it is known that the user may read and patch it. Errors: *PermissionError;
// *RejectedError, 404 where there is no such object.
func (a *Applier) Open(ctx context.Context, t Target) (*Base, error) {
	if err := a.May(ctx, t); err != nil {
		return nil, err
	}
	b, err := a.get(ctx, t)
	var r *RejectedError
	if errors.As(err, &r) && r.Code == http.StatusForbidden {
		return nil, &PermissionError{Target: t, Verb: "get", Reason: r.Message}
	}
	return b, err
}

// Draft is the base as YAML to edit: without what only the server sets. A Secret's is the one text that holds its values.
func (a *Applier) Draft(b *Base) ([]byte, error) { return draftText(b) }

// Intent says what a draft means to change. Errors: *DraftError, ErrNoChange.
func (a *Applier) Intent(ctx context.Context, b *Base, draft []byte) (*Intent, error) {
	d, err := parseDraft(draft, a.cfg.MaxYAMLBytes, a.cfg.MaxYAMLNodes)
	if err != nil {
		return nil, err
	}
	t, err := a.typer(ctx, b.Target)
	if err != nil {
		return nil, err
	}
	return newIntent(t, b, d)
}

// FileBase is the object that a file is about as it is now; one that is not there is Absent.
func (a *Applier) FileBase(ctx context.Context, t Target) (*Base, error) {
	if err := a.May(ctx, t); err != nil {
		return nil, err
	}
	b, err := a.get(ctx, t)
	var r *RejectedError
	switch {
	case errors.As(err, &r) && r.Code == http.StatusNotFound:
		return &Base{Target: t, At: now(), Absent: true}, nil
	case errors.As(err, &r) && r.Code == http.StatusForbidden:
		return nil, &PermissionError{Target: t, Verb: "get", Reason: r.Message}
	}
	return b, err
}

// FileIntent says what applying a file means to change. Errors: *DraftError, ErrNoChange.
func (a *Applier) FileIntent(ctx context.Context, b *Base, f *File) (*Intent, error) {
	t, err := a.typer(ctx, b.Target)
	if err != nil {
		return nil, err
	}
	return fileIntent(t, b, f)
}

// get reads an object. A read without resourceVersion is a consistent one (docs/reference/using-api/api-concepts, "Resource
// versions"): it is never older than what a watch has delivered. An answer that is not the object is a *RejectedError.
func (a *Applier) get(ctx context.Context, t Target) (*Base, error) {
	p, err := objectPath(t)
	if err != nil {
		return nil, err
	}
	at := now()
	ans, err := a.send(ctx, request{method: http.MethodGet, path: p, timeout: readTimeout})
	if err != nil {
		return nil, fmt.Errorf("%s: get: %w", t, err)
	}
	if ans.code != http.StatusOK {
		return nil, rejected(t, ans)
	}
	o, err := ans.object()
	if err == nil && o.GetResourceVersion() == "" {
		err = errors.New("the server gives it no version, so a write could not be bound to one")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: get: %w", t, err)
	}
	if o.GetKind() == "" {
		o.SetKind(t.Kind.Kind)
	}
	if o.GetAPIVersion() == "" {
		o.SetAPIVersion(t.Kind.GroupVersion())
	}
	return &Base{Target: t, UID: string(o.GetUID()), ResourceVersion: o.GetResourceVersion(), Object: o, At: at}, nil
}

// again reads the object of a base once more. One that is not there, or is another one, is a *GoneError.
func (a *Applier) again(ctx context.Context, b *Base) (*Base, error) {
	live, err := a.get(ctx, b.Target)
	var r *RejectedError
	switch {
	case errors.As(err, &r) && r.Code == http.StatusNotFound:
		return nil, &GoneError{Target: b.Target}
	case err != nil:
		return nil, err
	case live.UID != b.UID:
		return nil, &GoneError{Target: b.Target, Recreated: true}
	}
	return live, nil
}
