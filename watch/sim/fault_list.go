package sim

import (
	"net/http"
	"time"
)

// Undecodable makes the body of objects unreadable, in lists and in watches alike: in protobuf the identity can still
// be read and the rest can't, in JSON a field has the wrong type. Name "" means every object. It counts lists,
// and frames of watches.
type Undecodable struct{ Namespace, Name string }

// Truncate cuts the connection in the middle of a response, after so many bytes of its body.
type Truncate struct{ After int }

// Trickle sends the body slowly: a byte at a time, so many a second.
type Trickle struct{ BytesPerSecond int }

func (Undecodable) action() {}
func (Truncate) action()    {}
func (Trickle) action()     {}

func (a Undecodable) names(namespace, name string) bool {
	return (a.Namespace == "" || a.Namespace == namespace) && (a.Name == "" || a.Name == name)
}

// undecodableItems says which items of a list are to be broken; nil when none is.
func (fs *faults) undecodableItems(q *request) func(*object) bool {
	var acts []Undecodable
	for _, i := range fs.matching(q) {
		if a, ok := i.Action.(Undecodable); ok && fs.hit(i) {
			acts = append(acts, a)
		}
	}
	if acts == nil {
		return nil
	}
	return func(o *object) bool {
		for _, a := range acts {
			if a.names(o.namespace(), o.name()) {
				return true
			}
		}
		return false
	}
}

func (a Truncate) request(_ *Server, w http.ResponseWriter, _ *request) (http.ResponseWriter, bool) {
	return &truncating{ResponseWriter: w, left: a.After}, false
}

// truncating lets so many bytes pass, then aborts.
type truncating struct {
	http.ResponseWriter
	left int
}

func (t *truncating) Write(b []byte) (int, error) {
	if len(b) <= t.left {
		t.left -= len(b)
		return t.ResponseWriter.Write(b)
	}
	_, _ = t.ResponseWriter.Write(b[:t.left])
	t.Flush()
	panic(http.ErrAbortHandler) // net/http's own way to cut a response
}

func (t *truncating) Flush() {
	if f, ok := t.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

func (a Trickle) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	return &trickling{ResponseWriter: w, s: s, q: q, every: time.Second / time.Duration(max(1, a.BytesPerSecond))}, false
}

// trickling writes byte by byte.
type trickling struct {
	http.ResponseWriter
	s     *Server
	q     *request
	every time.Duration
}

func (t *trickling) Write(b []byte) (int, error) {
	tick := time.NewTicker(t.every)
	defer tick.Stop()
	for i := range b {
		select {
		case <-tick.C:
		case <-t.q.Context().Done():
			return i, t.q.Context().Err()
		case <-t.s.done:
			return i, http.ErrServerClosed
		}
		if _, err := t.ResponseWriter.Write(b[i : i+1]); err != nil {
			return i, err
		}
		t.Flush()
	}
	return len(b), nil
}

func (t *trickling) Flush() {
	if f, ok := t.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}
