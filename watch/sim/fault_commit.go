package sim

import "net/http"

// Faults after the fact: the request is served, a write is committed, and the client does not learn what came of it. Faults
// injected later don't see such a request.

// CutAfter serves the request and cuts the connection without an answer.
type CutAfter struct{}

// StatusAfter serves the request and answers with an error all the same, as a proxy does that lost patience.
type StatusAfter struct{ Status }

func (CutAfter) action()    {}
func (StatusAfter) action() {}

func (CutAfter) request(s *Server, _ http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	s.route(unheard{http.Header{}}, q)
	panic(http.ErrAbortHandler) // net/http's own way to cut a response
}

func (a StatusAfter) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	s.route(unheard{http.Header{}}, q)
	s.fail(w, q.Request, a.err(q))
	return w, true
}

// unheard is an answer that nobody gets.
type unheard struct{ header http.Header }

func (u unheard) Header() http.Header       { return u.header }
func (unheard) WriteHeader(int)             {}
func (unheard) Write(b []byte) (int, error) { return len(b), nil }
