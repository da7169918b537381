package sim

import (
	"net/http"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// handle takes a request through the stages of the real server: record, authenticate, authorize, route. Faults
// come after authentication, so that they can be bound to a user.
func (s *Server) handle(w http.ResponseWriter, r *http.Request) {
	q := parseRequest(r)
	err := s.authenticate(q)
	s.requests.add(q)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if w, handled := s.faults.request(s, w, q); !handled {
		s.route(w, q)
	}
}

// route authorizes and serves a request that no fault has answered.
func (s *Server) route(w http.ResponseWriter, q *request) {
	err := s.authorize(q)
	switch {
	case err != nil:
	case q.resource:
		err = s.serveResource(w, q)
	default:
		err = s.serveInfo(w, q)
	}
	if err != nil {
		s.fail(w, q.Request, err)
	}
}

// serveInfo answers paths that are no resources.
func (s *Server) serveInfo(w http.ResponseWriter, q *request) error {
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		return methodNotAllowed()
	}
	path := strings.TrimSuffix(q.URL.Path, "/")
	switch {
	case path == "/version":
		s.serveVersion(w)
	case path == "/healthz" || path == "/livez" || path == "/readyz" || strings.HasPrefix(path, "/healthz/") ||
		strings.HasPrefix(path, "/livez/") || strings.HasPrefix(path, "/readyz/"):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok"))
	case path == "/api" || path == "/apis" || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/apis/"):
		return s.serveDiscovery(w, q, path)
	case path == "/openapi/v3" || strings.HasPrefix(path, "/openapi/v3/"):
		return s.serveOpenAPI(w, q, path)
	case path == "":
		s.servePaths(w)
	default:
		http.NotFound(w, q.Request)
	}
	return nil
}

func notServed() error {
	return generic(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")
}

func methodNotAllowed() error {
	return generic(http.StatusMethodNotAllowed, metav1.StatusReasonMethodNotAllowed, "the server does not allow this method on the requested resource")
}

// groupServed says whether any version of a group is there; requests for others don't reach the API at all.
func (s *Server) groupServed(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.ContainsFunc(s.groups, func(g *group) bool { return g.name == name })
}

// serveResource answers paths below a group and version.
func (s *Server) serveResource(w http.ResponseWriter, q *request) error {
	s.mu.RLock()
	sv := s.resources[q.gvr]
	s.mu.RUnlock()
	if !s.groupServed(q.gvr.Group) {
		http.NotFound(w, q.Request)
		return nil
	}
	if sv == nil || sv.Namespaced && q.namespace == "" && q.name != "" || !sv.Namespaced && q.namespace != "" ||
		q.sub != "" && !sv.hasSubresource(q.sub) {
		return notServed()
	}
	if !q.allowed(sv) {
		return methodNotAllowed()
	}
	if sv.review {
		return s.serveReview(w, q, sv)
	}
	if q.sub == "scale" {
		return s.serveScale(w, q, sv)
	}
	switch q.verb {
	case "get":
		return s.serveGet(w, q, sv)
	case "list":
		return s.serveList(w, q, sv)
	case "watch":
		return s.serveWatch(w, q, sv)
	default:
		return s.serveWrite(w, q, sv)
	}
}

// hasSubresource says whether the resource has a subresource of that name.
func (sv *served) hasSubresource(name string) bool {
	return name == "status" && sv.Status || name == "scale" && sv.scaled()
}

// allowed checks the verb against discovery.
func (q *request) allowed(sv *served) bool {
	switch q.sub {
	case "status", "scale":
		return q.verb == "get" || q.verb == "update" || q.verb == "patch"
	default:
		// Objects of a namespace are created in one.
		switch q.verb {
		case "create":
			return sv.can(q.verb) && q.name == "" && (!sv.Namespaced || q.namespace != "")
		case "update", "patch":
			return sv.can(q.verb) && q.name != ""
		}
		return sv.can(q.verb)
	}
}

// serveGet answers with one object.
func (s *Server) serveGet(w http.ResponseWriter, q *request, sv *served) error {
	e, err := negotiate(q.Header, sv.goType != nil, "Table", "PartialObjectMetadata")
	if err != nil {
		return err
	}
	o, err := s.find(sv, q)
	if err != nil {
		return err
	}
	return s.respond(w, q, sv, e, http.StatusOK, o)
}

// find is the object of the path, with its true managedFields.
func (s *Server) find(sv *served, q *request) (*object, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	o := sv.coll.get(objectKey(q.namespace, q.name))
	if o == nil {
		return nil, apierrors.NewNotFound(sv.GroupResource(), q.name)
	}
	return s.settled(sv, o)
}

// respond writes one stored object.
func (s *Server) respond(w http.ResponseWriter, q *request, sv *served, e encoding, code int, o *object) error {
	if e.table() {
		t, err := s.table(sv, q, []*object{o}, metav1.ListMeta{})
		if err != nil {
			return err
		}
		s.write(w, e, code, t)
		return nil
	}
	b, err := s.encodeStored(e, sv, o)
	if err != nil {
		return err
	}
	writeBytes(w, e, code, b)
	return nil
}
