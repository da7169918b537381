package sim

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Fault is one thing that goes wrong: which requests it concerns, and what happens to them. Faults compose: all
// that match a request act on it, in the order they were injected, until one has answered it.
type Fault struct {
	Match Match
	// Skip lets so many matches pass before the first hit; Times is how many hits there are, 0 for no limit.
	// What is counted depends on the action: requests, or frames of watch streams.
	Skip, Times int
	Action      Action
}

// Match says which requests a fault concerns; empty fields match anything.
type Match struct {
	Verb     string // "list", "watch", …
	Resource string // plural, with its group if it has one: "pods", "deployments.apps"
	// Namespace and Name are those of the request's path.
	Namespace, Name string
	User            string
	PathPrefix      string
	// Query is a part of the raw query: "continue=", "sendInitialEvents=true".
	Query string
}

func (m *Match) matches(verb, group, resource, namespace, name, user, path, query string) bool {
	if m.Resource != "" {
		full := resource
		if group != "" {
			full += "." + group
		}
		if m.Resource != full {
			return false
		}
	}
	return (m.Verb == "" || m.Verb == verb) && (m.Namespace == "" || m.Namespace == namespace) && (m.Name == "" || m.Name == name) &&
		(m.User == "" || m.User == user) && strings.HasPrefix(path, m.PathPrefix) && strings.Contains(query, m.Query)
}

// Action is what a fault does; they are in fault_request.go, fault_commit.go, fault_list.go
// and fault_stream.go.
type Action interface{ action() }

// requestAction acts before a request is served; it may answer it, or wrap the writer.
type requestAction interface {
	Action
	request(s *Server, w http.ResponseWriter, q *request) (out http.ResponseWriter, handled bool)
}

// frameAction acts on each frame of a watch stream. applies says whether the frame counts as a match.
type frameAction interface {
	Action
	applies(f *Frame) bool
	frame(f *Frame)
}

// Injected is a fault at work.
type Injected struct {
	s *Server
	Fault

	// guarded by faults.mu
	seen, hits int
}

// Hits is how often the fault has acted.
func (i *Injected) Hits() int {
	i.s.faults.mu.Lock()
	defer i.s.faults.mu.Unlock()
	return i.hits
}

// Remove ends the fault. It may be called more than once.
func (i *Injected) Remove() {
	i.s.faults.mu.Lock()
	defer i.s.faults.mu.Unlock()
	i.s.faults.active = slices.DeleteFunc(slices.Clone(i.s.faults.active), func(j *Injected) bool { return i == j })
}

// faults are the faults at work on one server.
type faults struct {
	mu      sync.Mutex
	active  []*Injected // replaced, never changed in place
	changed chan struct{}
}

// Inject puts a fault to work. Open watches are concerned at once.
func (s *Server) Inject(f Fault) *Injected {
	i := &Injected{s: s, Fault: f}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = append(slices.Clone(s.faults.active), i)
	close(s.faults.changed)
	s.faults.changed = make(chan struct{})
	return i
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.active = nil
}

// wait is closed when faults have been injected.
func (fs *faults) wait() <-chan struct{} {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return fs.changed
}

// matching lists the faults that concern a request.
func (fs *faults) matching(q *request) []*Injected {
	fs.mu.Lock()
	active := fs.active
	fs.mu.Unlock()
	var out []*Injected
	for _, i := range active {
		if i.Match.matches(q.verb, q.gvr.Group, q.gvr.Resource, q.namespace, q.name, q.user, q.URL.Path, q.URL.RawQuery) {
			out = append(out, i)
		}
	}
	return out
}

// hit counts one match and says whether the fault acts on it.
func (fs *faults) hit(i *Injected) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	i.seen++
	if i.seen <= i.Skip || i.Times > 0 && i.hits >= i.Times {
		return false
	}
	i.hits++
	return true
}

// request lets the faults of the request stage act.
func (fs *faults) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	for _, i := range fs.matching(q) {
		a, ok := i.Action.(requestAction)
		if !ok || !fs.hit(i) {
			continue
		}
		var handled bool
		if w, handled = a.request(s, w, q); handled {
			return w, true
		}
	}
	return w, false
}
