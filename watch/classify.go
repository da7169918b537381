package watch

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// Status reasons and causes that matter to a watcher; the names are metav1's.
const (
	statusExpired     = "Expired"
	statusGone        = "Gone"
	statusInvalid     = "Invalid"
	statusBadRequest  = "BadRequest"
	causeRVTooLarge   = "ResourceVersionTooLarge"
	codeUnprocessable = http.StatusUnprocessableEntity
)

// errSilent ends an attempt in which the server said nothing for too long.
var errSilent = errors.New("the server sent nothing for too long")

// errOverflow ends a stream of which the sink refused an event.
var errOverflow = errors.New("changes arrived faster than they could be stored; relisting")

// Classify says in one term why an attempt ended. A nil error and io.EOF are the clean end of a stream.
func Classify(err error) Reason {
	var api *APIError
	var frame *FrameError
	var pan *PanicError
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // within another error it is no clean end
		return ReasonClosed
	case errors.As(err, &api):
		return classifyAPI(api)
	case errors.As(err, &frame):
		return ReasonDecode
	case errors.As(err, &pan):
		return ReasonPanic
	case errors.Is(err, ErrRecordingEnded):
		return ReasonEnded
	case errors.Is(err, errOverflow):
		return ReasonOverflow
	case errors.Is(err, errSilent), errors.Is(err, context.DeadlineExceeded):
		return ReasonSilent
	}
	return ReasonNetwork
}

func classifyAPI(e *APIError) Reason {
	switch {
	case e.Code == http.StatusGone, e.Reason == statusExpired, e.Reason == statusGone:
		return ReasonExpired
	case e.Code == http.StatusUnauthorized:
		return ReasonAuth
	case e.Code == http.StatusForbidden:
		return ReasonForbidden
	case e.Code == http.StatusNotFound:
		return ReasonNotFound
	case e.Code == http.StatusTooManyRequests:
		return ReasonThrottled
	}
	return ReasonServerError
}

// rejectsWatchList reports whether the server answered that it doesn't know or allow sendInitialEvents.
func rejectsWatchList(err error) bool {
	var e *APIError
	if !errors.As(err, &e) {
		return false
	}
	return e.Code == codeUnprocessable || e.Code == http.StatusBadRequest ||
		e.Reason == statusInvalid || e.Reason == statusBadRequest
}

// tooLarge reports whether the server has not yet seen the resourceVersion asked for.
func tooLarge(err error) bool {
	var e *APIError
	if !errors.As(err, &e) {
		return false
	}
	for _, c := range e.Causes {
		if c == causeRVTooLarge {
			return true
		}
	}
	return false
}

// retryAfter is the wait the server asked for, bounded, or 0.
func retryAfter(err error) time.Duration {
	var e *APIError
	if !errors.As(err, &e) {
		return 0
	}
	return min(e.RetryAfter, retryAfterMax)
}

// overloaded reports whether the server turned a request away for having too much to do, as opposed to an answer about the
// request itself, such as that a replica has not caught up (504, which names a time as well).
func overloaded(err error) bool {
	var e *APIError
	return errors.As(err, &e) && (e.Code == http.StatusTooManyRequests || e.Code == http.StatusServiceUnavailable)
}

// cantTell reports whether an answer to a probe says that asking again is of no use. No answer at all says nothing: the line
// that holds up the stream holds up the probe. Nor does one that is about the moment, or of a gateway on the way.
func cantTell(err error) bool {
	var e *APIError
	if !errors.As(err, &e) || overloaded(err) {
		return false
	}
	return e.Code < http.StatusBadGateway && e.Code != http.StatusUnauthorized
}

// holdsServer reports whether a Retry-After in answer to a request of this group is about the whole
// server. Priority and fairness (429) is; a 503 for a group that another server may stand behind is about
// that group alone, and must not stop the others.
func holdsServer(err error, group string) bool {
	return Classify(err) == ReasonThrottled || servedHere(group)
}

// servedHere reports whether a group is the API server's own.
func servedHere(group string) bool {
	return !strings.Contains(group, ".") || (strings.HasSuffix(group, ".k8s.io") && !strings.HasSuffix(group, "metrics.k8s.io"))
}
