package sim

import (
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Status answers with an HTTP error and a Status object. For a watch that is a refusal to open it.
type Status struct {
	Code       int
	RetryAfter time.Duration       // header and details, whole seconds; 0 for none
	Reason     metav1.StatusReason // "" picks the usual one for the code
	Message    string              // "" picks one
}

// Forbid answers 403 in the real server's words.
type Forbid struct{ Reason string }

// Delay holds the request back, then serves it.
type Delay struct{ For time.Duration }

// Hang never answers; it ends with the client's patience.
type Hang struct{}

// Reset cuts the connection without an answer.
type Reset struct{}

// ExpireContinue answers requests that bear a continue token as if it were compacted.
type ExpireContinue struct{}

// TooLarge answers "Too large resource version" as a lagging replica does, after the real server's three seconds.
// Requests without a resourceVersion, or with "0", are served.
type TooLarge struct{}

// RawBody answers with any bytes: what a proxy or a captive portal says.
type RawBody struct {
	Code        int
	ContentType string
	Body        string
}

func (Status) action()         {}
func (Forbid) action()         {}
func (Delay) action()          {}
func (Hang) action()           {}
func (Reset) action()          {}
func (ExpireContinue) action() {}
func (TooLarge) action()       {}
func (RawBody) action()        {}

var usualReasons = map[int]metav1.StatusReason{
	http.StatusBadRequest: metav1.StatusReasonBadRequest, http.StatusUnauthorized: metav1.StatusReasonUnauthorized,
	http.StatusForbidden: metav1.StatusReasonForbidden, http.StatusNotFound: metav1.StatusReasonNotFound,
	http.StatusConflict: metav1.StatusReasonConflict, http.StatusGone: metav1.StatusReasonExpired,
	http.StatusTooManyRequests: metav1.StatusReasonTooManyRequests, http.StatusInternalServerError: metav1.StatusReasonInternalError,
	http.StatusServiceUnavailable: metav1.StatusReasonServiceUnavailable, http.StatusGatewayTimeout: metav1.StatusReasonTimeout,
}

func (a Status) err(q *request) error {
	reason, msg := a.Reason, a.Message
	if reason == "" {
		reason = usualReasons[a.Code]
	}
	if msg == "" {
		msg = fmt.Sprintf("%s (injected for %s %s)", http.StatusText(a.Code), q.verb, q.URL.Path)
	}
	err := newStatus(a.Code, reason, msg)
	if a.RetryAfter > 0 {
		err.ErrStatus.Details = &metav1.StatusDetails{RetryAfterSeconds: int32(a.RetryAfter / time.Second)}
	}
	return err
}

func (a Status) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	s.fail(w, q.Request, a.err(q))
	return w, true
}

func (a Forbid) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	s.fail(w, q.Request, forbidden(q, q.verb, a.Reason))
	return w, true
}

func (a Delay) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	t := time.NewTimer(a.For)
	defer t.Stop()
	select {
	case <-t.C:
		return w, false
	case <-q.Context().Done():
	case <-s.done:
	}
	return w, true
}

func (Hang) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	select {
	case <-q.Context().Done():
	case <-s.done:
	}
	return w, true
}

func (Reset) request(*Server, http.ResponseWriter, *request) (http.ResponseWriter, bool) {
	panic(http.ErrAbortHandler) // net/http's own way to cut a response
}

func (ExpireContinue) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	token := q.query.Get("continue")
	if token == "" {
		return w, false
	}
	c, err := decodeContinue(token)
	if err == nil {
		err = expiredContinue(c.StartKey)
	}
	s.fail(w, q.Request, err)
	return w, true
}

func (TooLarge) request(s *Server, w http.ResponseWriter, q *request) (http.ResponseWriter, bool) {
	rev, err := parseRevision(q.query.Get("resourceVersion"))
	if rev == 0 || err != nil {
		return w, false
	}
	if w, handled := (Delay{tooLargeWait}).request(s, w, q); handled {
		return w, true
	}
	s.fail(w, q.Request, tooLarge(rev, rev-1))
	return w, true
}

func (a RawBody) request(_ *Server, w http.ResponseWriter, _ *request) (http.ResponseWriter, bool) {
	w.Header().Set("Content-Type", a.ContentType)
	w.WriteHeader(a.Code)
	_, _ = w.Write([]byte(a.Body))
	return w, true
}
