package kube

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

// errorBodyLimit bounds what is read of an error answer, in bytes: a Status is far smaller.
const errorBodyLimit = 64 << 10

// retryAfterMax is the longest that a server is left alone because it says so: a date of its own making must not end a view.
const retryAfterMax = time.Hour

// messageLimit bounds a message kept, in bytes.
const messageLimit = 2 << 10

// IsForbidden reports whether the server denied a request by its authorisation.
func IsForbidden(err error) bool { return hasCode(err, http.StatusForbidden) }

// IsNotFound reports whether the server does not have what was asked for.
func IsNotFound(err error) bool { return hasCode(err, http.StatusNotFound) }

func hasCode(err error, code int) bool {
	var e *watch.APIError
	return errors.As(err, &e) && e.Code == code
}

// answerError reads an answer that is not 2xx.
func answerError(verb string, kind *watch.Kind, resp *http.Response) *watch.APIError {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, errorBodyLimit))
	e := &watch.APIError{Verb: verb, Resource: kind.ResourceName(), Code: resp.StatusCode}
	if s, ok := readStatus(mediaType(resp), body); ok {
		fillStatus(e, s)
		e.Code = resp.StatusCode
	} else if !strings.Contains(resp.Header.Get("Content-Type"), "html") {
		e.Message = message(strings.TrimSpace(string(body)))
	}
	if e.Message == "" {
		e.Message = http.StatusText(resp.StatusCode)
	}
	if after := retryAfter(resp.Header.Get("Retry-After"), time.Now()); after > 0 {
		e.RetryAfter = after
	}
	return e
}

// statusError makes an error of the Status in an ERROR frame.
func statusError(verb string, kind *watch.Kind, s *metav1.Status) *watch.APIError {
	e := &watch.APIError{Verb: verb, Resource: kind.ResourceName()}
	fillStatus(e, s)
	return e
}

func fillStatus(e *watch.APIError, s *metav1.Status) {
	e.Code, e.Reason, e.Message = int(s.Code), message(string(s.Reason)), message(s.Message)
	if s.Details == nil {
		return
	}
	e.RetryAfter = wait(time.Duration(s.Details.RetryAfterSeconds) * time.Second)
	for _, c := range s.Details.Causes {
		e.Causes = append(e.Causes, string(c.Type))
	}
}

func message(s string) string {
	if len(s) > messageLimit {
		s = s[:messageLimit] + "…"
	}
	return watch.Sanitize(s)
}

// readStatus reads a metav1.Status in either encoding.
func readStatus(media string, body []byte) (*metav1.Status, bool) {
	var s metav1.Status
	if media == mediaProtobuf {
		u, err := openEnvelope(body)
		if err != nil || s.Unmarshal(u.raw) != nil {
			return nil, false
		}
		return &s, s.Code != 0 || s.Reason != ""
	}
	if json.Unmarshal(body, &s) != nil || s.Kind != "Status" {
		return nil, false
	}
	return &s, true
}

// retryAfter reads the header in both its forms.
func retryAfter(h string, now time.Time) time.Duration {
	if h == "" {
		return 0
	}
	if n, err := strconv.Atoi(h); err == nil {
		return wait(time.Duration(min(n, int(retryAfterMax/time.Second))) * time.Second)
	}
	if t, err := http.ParseTime(h); err == nil {
		return wait(t.Sub(now))
	}
	return 0
}

// wait is a server's wish within bounds.
func wait(d time.Duration) time.Duration { return max(0, min(d, retryAfterMax)) }

func mediaType(resp *http.Response) string {
	m, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return m
}
