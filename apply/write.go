package apply

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"orka/watch/kube"
)

// Errors of one patch request beside *RejectedError and *lostError.

// conflicting is the refusal of a server-side apply without force.
type conflicting struct {
	others []Conflict
	// ours is set when orka's own JSON patches are in the way, too.
	ours     bool
	rejected *RejectedError
}

func (e *conflicting) Error() string { return e.rejected.Error() }

func (e *conflicting) Unwrap() error { return e.rejected }

// doubtful is a refusal that may mean that the object moved or went away: reading it tells.
type doubtful struct{ rejected *RejectedError }

func (e *doubtful) Error() string { return e.rejected.Error() }

func (e *doubtful) Unwrap() error { return e.rejected }

// patch sends a preview's bytes, as a dry-run or in earnest. Errors: *conflicting, *doubtful, *RejectedError, *lostError.
func (a *Applier) patch(ctx context.Context, p *Preview, dry bool) (*unstructured.Unstructured, []string, error) {
	path, err := objectPath(p.Base.Target)
	if err != nil {
		return nil, nil, err
	}
	r := request{
		method: http.MethodPatch, path: path, contentType: string(types.ApplyYAMLPatchType), body: p.Body, timeout: patchTimeout,
		query: url.Values{"fieldManager": {FieldManager}, "fieldValidation": {"Strict"}},
	}
	if p.Route == JSONPatch {
		r.contentType = string(types.JSONPatchType)
	} else if p.Force {
		r.query.Set("force", "true")
	}
	if dry {
		r.query.Set("dryRun", "All")
	}
	ans, err := a.send(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	warnings := ans.told(p.Base.Target)
	if ans.code/100 != 2 {
		return nil, warnings, a.refusal(p, ans, dry)
	}
	o, err := ans.object()
	if err == nil && !p.Base.Absent && (string(o.GetUID()) != p.Base.UID || o.GetResourceVersion() == "") {
		err = errors.New("the answer is not about this object")
	}
	if err == nil && p.Base.Absent && ans.code != http.StatusCreated {
		return nil, warnings, &doubtful{&RejectedError{Target: p.Base.Target, Code: http.StatusConflict, Reason: "AlreadyExists", Message: "it was created meanwhile; try again"}}
	}
	if err != nil { // not from an API server, or only half of it
		return nil, warnings, &lostError{err: err, sent: true}
	}
	return o, warnings, nil
}

// refusal sorts the answers that are not 2xx.
func (a *Applier) refusal(p *Preview, ans *answer, dry bool) error {
	r := rejected(p.Base.Target, ans)
	if others, ours := conflictsOf(ans); others != nil || ours {
		if kube.IsSecret(p.Base.Kind) {
			discreet(others)
		}
		return &conflicting{others, ours, r}
	}
	switch ans.code {
	case http.StatusNotFound, http.StatusConflict:
		return &doubtful{r}
	case http.StatusUnprocessableEntity:
		// A JSON Patch whose test fails (k8s.io/apiserver/pkg/endpoints/handlers/patch.go, applyJSPatch).
		if p.Route == JSONPatch {
			return &doubtful{r}
		}
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusRequestTimeout:
		// The storage may have taken it all the same.
		if !dry {
			return &lostError{err: r, sent: true}
		}
	}
	return r
}
