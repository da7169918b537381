package watch

import (
	"errors"
	"fmt"
	"time"
)

// ErrGone is what [Watcher.Run] returns when the server answers 404 for the resource itself: the type was
// removed, or its group is not served any more. Discovery decides what happens next.
var ErrGone = errors.New("the server does not serve this resource any more")

// ErrRecordingEnded is what a Source that plays a recording answers past its end: nothing can be known of what came after,
// and asking again is of no use.
var ErrRecordingEnded = errors.New("the recording has ended")

// APIError is what an API server answered in place of data: an HTTP status that is not 2xx, or an ERROR
// frame within a stream. Both are classified by Code, Reason and Causes, never by text.
type APIError struct {
	Verb       string // "list", "watch", "get"
	Resource   string // Kind.ResourceName
	Code       int    // HTTP status, or the code of the Status object in an ERROR frame
	Reason     string // metav1.StatusReason, sanitised; "" when the answer held no Status
	Message    string // sanitised
	Causes     []string
	RetryAfter time.Duration // 0 when the server named no time
}

// Error names verb, resource and what the server said.
func (e *APIError) Error() string {
	text := e.Message
	if text == "" {
		text = e.Reason
	}
	if text == "" {
		text = "no explanation given"
	}
	return fmt.Sprintf("%s %s: server answered %d: %s", e.Verb, e.Resource, e.Code, text)
}

// FrameError is a frame of a stream that could not be read in a way that tells which object it was about:
// an event is lost, and only a relist repairs that.
type FrameError struct {
	Resource string
	Err      error
}

// Error says what could not be read.
func (e *FrameError) Error() string {
	return fmt.Sprintf("watch %s: unreadable frame: %v", e.Resource, e.Err)
}

// Unwrap is the cause.
func (e *FrameError) Unwrap() error { return e.Err }

// PanicError is a panic recovered at the boundary of a watcher.
type PanicError struct {
	Value any
	Stack []byte
}

// Error is the panic's text without its stack, which goes to the log alone.
func (e *PanicError) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }
