package sim

import (
	"net/http"
	"net/url"
)

// Faults of a server that is not one: replicas that don't agree, and what stands behind it.

// StalePages answers the later pages of a list at an older version than its first, so many revisions back, as a replica
// does that lags. The pages are then not of one list, and say so by their resourceVersion alone.
type StalePages struct{ Behind uint64 }

// FailConversion is a conversion webhook that does not answer: lists and reads of a custom kind get 500, a watch is
// accepted and ends with an ERROR event in place of its first event. It counts requests, and events of watches.
type FailConversion struct{}

func (StalePages) action()     {}
func (FailConversion) action() {}

func (a StalePages) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	c, err := decodeContinue(q.query.Get("continue"))
	if err != nil || c.ResourceVersion <= 0 {
		return w, false
	}
	s.mu.RLock()
	sv, floor := s.resources[q.gvr], uint64(1)
	if sv != nil {
		floor = max(floor, sv.coll.floor)
	}
	s.mu.RUnlock()
	if old := uint64(c.ResourceVersion); old > floor {
		old -= min(a.Behind, old-floor)
		q.query = cloneValues(q.query)
		q.query.Set("continue", encodeContinue(int64(old), c.StartKey)) //nolint:gosec // below what it was
	}
	return w, false
}

func cloneValues(in url.Values) url.Values {
	out := make(url.Values, len(in))
	for k, v := range in {
		out[k] = v
	}
	return out
}

func conversionError(q *request) error {
	return newStatus(http.StatusInternalServerError, "", "conversion webhook for "+q.gvr.GroupResource().String()+
		" failed: Post \"https://conversion.default.svc:443/convert?timeout=30s\": connect: connection refused")
}

func (FailConversion) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	if q.verb == "watch" {
		return w, false
	}
	s.fail(w, q.Request, conversionError(q))
	return w, true
}

func (FailConversion) applies(f *Frame) bool { return f.isEvent() }

func (FailConversion) frame(f *Frame) {
	f.err = newStatus(http.StatusInternalServerError, "", "unable to encode the object in the watch stream: conversion webhook failed: connection refused")
}
