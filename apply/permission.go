package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

// reviewPath is where a server says what the user may do.
const reviewPath = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"

// May reports by a *PermissionError when the user may not read or may not patch the object. A server that doesn't answer
// such questions is taken at its later word.
func (a *Applier) May(ctx context.Context, t Target) error {
	for _, v := range []struct {
		name string
		verb watch.Verbs
	}{{"get", watch.VerbGet}, {"patch", watch.VerbPatch}} {
		if !t.Kind.Verbs.Has(v.verb) {
			return &PermissionError{Target: t, Verb: v.name, Reason: "the server offers no " + v.name + " for " + t.Kind.ResourceName()}
		}
		if err := a.may(ctx, t, v.name); err != nil {
			return err
		}
	}
	return nil
}

func (a *Applier) may(ctx context.Context, t Target, verb string) error {
	namespace := t.Namespace
	if !t.Kind.Namespaced {
		namespace = ""
	}
	body, err := json.Marshal(&authorizationv1.SelfSubjectAccessReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"},
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Group: t.Kind.Group, Version: t.Kind.Version, Resource: t.Kind.Resource, Namespace: namespace, Name: t.Name,
		}},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	ans, err := a.send(ctx, request{method: http.MethodPost, path: reviewPath, contentType: "application/json", body: body, timeout: readTimeout})
	if err != nil {
		return fmt.Errorf("%s: may you %s it: %w", t, verb, err)
	}
	var review authorizationv1.SelfSubjectAccessReview
	if ans.code/100 != 2 || json.Unmarshal(ans.body, &review) != nil || review.Kind != "SelfSubjectAccessReview" {
		return nil // it can't be asked; the request itself will tell
	}
	if review.Status.Allowed {
		return nil
	}
	reason := review.Status.Reason
	if reason == "" {
		reason = review.Status.EvaluationError
	}
	return &PermissionError{Target: t, Verb: verb, Reason: brief(reason)}
}
