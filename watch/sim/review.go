package sim

import (
	"fmt"
	"io"
	"net/http"
	"slices"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// serveReview answers kinds that are questions.
func (s *Server) serveReview(w http.ResponseWriter, q *request, sv *served) error {
	e, err := negotiate(q.Header, sv.goType != nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, q.Body, maxBody))
	if err != nil {
		return apierrors.NewRequestEntityTooLargeError(fmt.Sprintf("limit is %d", maxBody))
	}
	wr := &writing{s: s, q: q, sv: sv, body: body}
	doc, err := wr.decode(body, q.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	switch r := doc.(type) {
	case *authorizationv1.SelfSubjectAccessReview:
		if (r.Spec.ResourceAttributes == nil) == (r.Spec.NonResourceAttributes == nil) {
			return apierrors.NewInvalid(sv.gvk().GroupKind(), "", field.ErrorList{field.Invalid(field.NewPath("spec", "resourceAttributes"),
				r.Spec.ResourceAttributes, "exactly one of nonResourceAttributes or resourceAttributes must be specified")})
		}
		s.accessReview(q.user, r)
	case *authorizationv1.SelfSubjectRulesReview:
		s.rulesReview(q.user, r)
	case *authenticationv1.SelfSubjectReview:
		r.Status.UserInfo = authenticationv1.UserInfo{Username: q.user, Groups: []string{"system:authenticated"}}
	default:
		return apierrors.NewMethodNotSupported(sv.GroupResource(), q.verb)
	}
	doc.GetObjectKind().SetGroupVersionKind(sv.gvk())
	s.write(w, e, http.StatusCreated, doc)
	return nil
}

func (s *Server) may(user, verb, group, resource, namespace string) (bool, string) {
	if s.cfg.Authorize == nil {
		return true, ""
	}
	return s.cfg.Authorize(user, verb, group, resource, namespace)
}

func (s *Server) accessReview(user string, r *authorizationv1.SelfSubjectAccessReview) {
	switch {
	case r.Spec.ResourceAttributes != nil:
		a := r.Spec.ResourceAttributes
		resource := a.Resource
		if a.Subresource != "" {
			resource += "/" + a.Subresource
		}
		r.Status.Allowed, r.Status.Reason = s.may(user, a.Verb, a.Group, resource, a.Namespace)
	case r.Spec.NonResourceAttributes != nil:
		a := r.Spec.NonResourceAttributes
		r.Status.Allowed, r.Status.Reason = s.may(user, a.Verb, "", a.Path, "")
	}
}

// rulesReview asks Config.Authorize about every verb of every resource: it knows decisions, not rules.
func (s *Server) rulesReview(user string, r *authorizationv1.SelfSubjectRulesReview) {
	s.mu.RLock()
	var all []*served
	for _, g := range s.groups {
		for _, v := range g.versions {
			all = append(all, v.resources...)
		}
	}
	s.mu.RUnlock()
	var rules []authorizationv1.ResourceRule
	seen := map[schema.GroupResource]bool{}
	for _, sv := range all {
		if seen[sv.GroupResource()] || sv.review {
			continue
		}
		seen[sv.GroupResource()] = true
		var verbs []string
		for _, verb := range sv.Verbs {
			if ok, _ := s.may(user, verb, sv.Group, sv.Plural, r.Spec.Namespace); ok {
				verbs = append(verbs, verb)
			}
		}
		if len(verbs) == 0 {
			continue
		}
		i := slices.IndexFunc(rules, func(o authorizationv1.ResourceRule) bool {
			return slices.Equal(o.Verbs, verbs) && o.APIGroups[0] == sv.Group
		})
		if i < 0 {
			rules = append(rules, authorizationv1.ResourceRule{Verbs: verbs, APIGroups: []string{sv.Group}, Resources: []string{sv.Plural}})
			continue
		}
		rules[i].Resources = append(rules[i].Resources, sv.Plural)
	}
	r.Status.ResourceRules = append(r.Status.ResourceRules, rules...)
	r.Status.NonResourceRules = []authorizationv1.NonResourceRule{{Verbs: []string{"get"},
		NonResourceURLs: []string{"/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version"}}}
}
