package sim

import (
	"sync"
	"time"
)

// Request is one request as the server saw it, faults and refusals included.
type Request struct {
	At       time.Time
	Verb     string // "list", "watch", "get" …; the HTTP verb in lower case for paths that are no resources
	Group    string
	Resource string // "" for paths that are no resources
	// Subresource is "status" or "scale".
	Subresource string
	Namespace   string
	Name        string
	Path        string
	Query       string // raw
	User        string
	Accept      string
	UserAgent   string
	Protocol    string // "HTTP/2.0"
	// ContentType is that of the body: for a patch, its kind ("application/apply-patch+yaml").
	ContentType string
	// DryRun, Force and FieldManager are the parameters of a write. FieldManager is what managedFields call the client, also when
	// the request does not name one.
	DryRun, Force bool
	FieldManager  string
}

// requestLog remembers the latest requests, in the order they came.
type requestLog struct {
	limit int

	mu    sync.Mutex
	log   []Request
	total uint64
}

// entry is what is remembered of a request.
func (q *request) entry() Request {
	e := Request{At: q.at, Verb: q.verb, Group: q.gvr.Group, Resource: q.gvr.Resource, Namespace: q.namespace, Name: q.name,
		Path: q.URL.Path, Query: q.URL.RawQuery, User: q.user, Accept: q.Header.Get("Accept"), UserAgent: q.UserAgent(), Protocol: q.Proto,
		Subresource: q.sub, ContentType: q.mediaType(), DryRun: q.dryRun(), FieldManager: q.managerName()}
	if f := q.force(); f != nil {
		e.Force = *f
	}
	return e
}

func (l *requestLog) add(q *request) {
	e := q.entry()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total++
	if len(l.log) >= l.limit+l.limit/4+1 {
		l.log = append(l.log[:0], l.log[len(l.log)-l.limit:]...)
	}
	l.log = append(l.log, e)
}

// Requests are the latest requests that match, oldest first; at least Config.RequestLog of them are remembered.
func (s *Server) Requests(m Match) []Request {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	var out []Request
	for i := range s.requests.log {
		e := &s.requests.log[i]
		if m.matches(e.Verb, e.Group, e.Resource, e.Namespace, e.Name, e.User, e.Path, e.Query) {
			out = append(out, *e)
		}
	}
	return out
}

// RequestCount is how many requests came since New.
func (s *Server) RequestCount() uint64 {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	return s.requests.total
}

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() {
	s.requests.mu.Lock()
	defer s.requests.mu.Unlock()
	s.requests.log = nil
}
