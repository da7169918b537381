package recording

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"orka/watch"
)

// dueSlack is how much earlier than asked a server may end a stream and still have kept its time: as in package watch.
const dueSlack = 2 * time.Second

// Attempt records one list page or one stream. The methods of a nil Attempt do nothing. It is used by one goroutine, but
// for End.
type Attempt struct {
	w       *Writer
	scope   uint64
	number  uint64
	opened  time.Time
	timeout time.Duration
	listing bool        // the objects are those of a list
	ended   atomic.Bool // a stream may be closed from another goroutine
}

// List begins the recording of a page. A nil Writer records nothing.
func (w *Writer) List(s watch.Scope, q watch.ListQuery) *Attempt {
	if w == nil {
		return nil
	}
	a := w.begin(s)
	a.listing = true
	w.appendJSON(OpList, a.scope, a.number, ListBegin{Limit: q.Limit, Continued: q.Continue != ""})
	return a
}

// Watch begins the recording of a stream. A nil Writer records nothing.
func (w *Writer) Watch(s watch.Scope, q watch.WatchQuery) *Attempt {
	if w == nil {
		return nil
	}
	a := w.begin(s)
	a.timeout, a.listing = q.Timeout, q.Initial
	w.appendJSON(OpWatch, a.scope, a.number, WatchBegin{ResourceVersion: q.ResourceVersion, Initial: q.Initial})
	return a
}

func (w *Writer) begin(s watch.Scope) *Attempt {
	a := &Attempt{w: w, scope: w.scope(s)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.attempts++
	a.number = w.attempts
	return a
}

// Object records an object of a list (OpObject) or of a stream. data is copied.
func (a *Attempt) Object(op Op, enc watch.Encoding, data []byte, partial bool) {
	if a == nil {
		return
	}
	a.w.append(&Record{Op: op, Scope: a.scope, Attempt: a.number, Encoding: enc, Partial: partial, Data: data})
	a.w.count(func(s *Stats) {
		if a.listing {
			s.Objects++
		} else {
			s.Events++
		}
	})
}

// Opened records that the server has accepted the stream.
func (a *Attempt) Opened() {
	if a != nil {
		a.opened = time.Now()
		a.w.append(&Record{Op: OpOpened, Scope: a.scope, Attempt: a.number})
	}
}

// Bookmark records a bookmark of the stream.
func (a *Attempt) Bookmark(rv string, initialEnd bool) {
	if a != nil {
		a.listing = a.listing && !initialEnd
		a.w.appendJSON(OpBookmark, a.scope, a.number, Bookmark{ResourceVersion: rv, InitialEnd: initialEnd})
	}
}

// ListEnd records the end of a page.
func (a *Attempt) ListEnd(e watch.ListEnd) {
	if a != nil {
		a.ended.Store(true)
		a.w.appendJSON(OpListEnd, a.scope, a.number, ListEnd{ResourceVersion: e.ResourceVersion, Continue: e.Continue, Remaining: e.Remaining})
	}
}

// End records how the list or the stream ended, unless that is recorded already: nil is that we ended it.
func (a *Attempt) End(err error) {
	if a == nil || !a.ended.CompareAndSwap(false, true) {
		return
	}
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		a.w.append(&Record{Op: OpStopped, Scope: a.scope, Attempt: a.number})
	case err == io.EOF: //nolint:errorlint // within another error it is no end in form
		due := a.timeout > 0 && time.Since(a.opened) >= a.timeout-dueSlack
		a.w.appendJSON(OpClosed, a.scope, a.number, Closed{Due: due})
	default:
		a.w.appendJSON(OpFailed, a.scope, a.number, failureOf(err))
		a.w.count(func(s *Stats) { s.Failures++ })
	}
}
