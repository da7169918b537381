package sim

import (
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// adminUser is who asks when nobody says who they are.
const adminUser = "system:admin"

// userTokenPrefix heads the tokens that name their user.
const userTokenPrefix = "sim-user:"

// authenticate finds the user: by token, then by impersonation.
func (s *Server) authenticate(q *request) error {
	token, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	if !ok {
		token = ""
	}
	if s.cfg.Authenticate != nil {
		if q.user, ok = s.cfg.Authenticate(token); !ok {
			return newStatus(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized")
		}
	} else if q.user, ok = strings.CutPrefix(token, userTokenPrefix); !ok || q.user == "" {
		q.user = adminUser
	}
	if as := q.Header.Get("Impersonate-User"); as != "" {
		q.user = as
	}
	return nil
}

// authorize asks Config.Authorize; its 403 reads as the real server's.
func (s *Server) authorize(q *request) error {
	if s.cfg.Authorize == nil {
		return nil
	}
	if !q.resource {
		if ok, reason := s.cfg.Authorize(q.user, q.verb, "", q.URL.Path, ""); !ok {
			return forbidden(q, q.verb, reason)
		}
		return nil
	}
	return s.authorizeAs(q, q.verb)
}

// authorizeAs asks whether the user may do verb with what the request is about.
func (s *Server) authorizeAs(q *request, verb string) error {
	if s.cfg.Authorize == nil {
		return nil
	}
	resource := q.gvr.Resource
	if q.sub != "" {
		resource += "/" + q.sub
	}
	if q.gvr.Group == "authorization.k8s.io" || q.gvr.Group == "authentication.k8s.io" {
		return nil // everyone may ask about themselves
	}
	if ok, reason := s.cfg.Authorize(q.user, verb, q.gvr.Group, resource, q.namespace); !ok {
		return forbidden(q, verb, reason)
	}
	return nil
}

// forbidden is the Status of a 403, in the words of k8s.io/apiserver/pkg/endpoints/handlers/responsewriters.
func forbidden(q *request, verb, reason string) error {
	var msg string
	if !q.resource {
		msg = fmt.Sprintf("User %q cannot %s path %q", q.user, q.verb, q.URL.Path)
	} else {
		resource := q.gvr.Resource
		if q.sub != "" {
			resource += "/" + q.sub
		}
		where := "at the cluster scope"
		if q.namespace != "" {
			where = fmt.Sprintf("in the namespace %q", q.namespace)
		}
		msg = fmt.Sprintf("User %q cannot %s resource %q in API group %q %s", q.user, verb, resource, q.gvr.Group, where)
	}
	if reason != "" {
		msg += ": " + reason
	}
	return apierrors.NewForbidden(q.gvr.GroupResource(), q.name, fmt.Errorf("%s", msg))
}
