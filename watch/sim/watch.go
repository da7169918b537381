package sim

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
)

// maxBatch bounds how many events of the log a stream takes at once.
const maxBatch = 512

// serveWatch opens a stream and feeds it until it ends.
func (s *Server) serveWatch(w http.ResponseWriter, q *request, sv *served) error {
	e, err := negotiate(q.Header, sv.goType != nil, "Table", "PartialObjectMetadata")
	if err != nil {
		return err
	}
	opts, err := listOptions(q)
	if err != nil {
		return err
	}
	st := &stream{s: s, q: q, sv: sv, e: e, w: w, rd: s.reader(), bookmarks: opts.AllowWatchBookmarks}
	if st.sel, err = parseSelector(sv, q); err != nil {
		return err
	}
	initial, err := s.openWatch(q.Context(), st, opts)
	if err != nil {
		return err
	}
	timeout := s.drawTimeout()
	if opts.TimeoutSeconds != nil && *opts.TimeoutSeconds > 0 {
		timeout = time.Duration(*opts.TimeoutSeconds) * time.Second
	}
	contentType := e.media
	if e.media == mediaProtobuf || e.media == mediaJSON {
		contentType += ";stream=watch"
	}
	if e.media == mediaJSON {
		contentType = mediaJSON
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(http.StatusOK)
	if end := st.flush(); end != nil {
		return nil // the client is gone
	}
	end := st.run(initial, timeout)
	if end != nil && end.abort {
		panic(http.ErrAbortHandler) // net/http's own way to cut a response
	}
	if !st.stalled && q.Context().Err() == nil {
		s.say(q, SentEnd, true)
	}
	return nil
}

// initialState is what a stream sends before it follows the log.
type initialState struct {
	items []*object
	// end is set when the state is closed by a bookmark that says so.
	end bool
	// err is an ERROR event to send instead of everything.
	err error
}

// openWatch finds where the stream begins.
func (s *Server) openWatch(ctx context.Context, st *stream, opts *internalversion.ListOptions) (*initialState, error) {
	rev, err := parseRevision(opts.ResourceVersion)
	if err != nil {
		return nil, newStatus(http.StatusInternalServerError, "", err.Error())
	}
	withState := opts.SendInitialEvents != nil && *opts.SendInitialEvents
	if withState {
		if err := s.reach(ctx, rev); err != nil {
			return &initialState{err: err}, nil
		}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c := st.sv.coll
	st.gone, st.restarts = c.gone, s.restarts
	if withState || rev == 0 && opts.SendInitialEvents == nil {
		items, _ := collect(c.objects, st.q.namespace, "", 0)
		st.pos, st.start = s.rev, s.rev
		return &initialState{items: items, end: withState && st.bookmarks}, nil
	}
	if rev == 0 { // sendInitialEvents=false: from now on
		rev = s.rev
	}
	st.pos, st.start = rev, rev
	if rev < c.floor {
		return &initialState{err: expired(fmt.Sprintf("too old resource version: %d (%d)", rev, c.floor))}, nil
	}
	return &initialState{}, nil
}

// run feeds the stream until its deadline, its client or the server ends it.
func (st *stream) run(initial *initialState, timeout time.Duration) *endStream {
	deadline := time.Now().Add(timeout)
	end := time.NewTimer(timeout)
	defer end.Stop()
	if initial.err != nil {
		return st.sendError(initial.err)
	}
	if e := st.sendInitial(initial, deadline); e != nil {
		return e
	}
	mark := time.NewTimer(st.nextBookmark(deadline))
	defer mark.Stop()
	due := false // a bookmark
	for {
		evs, changed, behind, cur := st.take()
		if behind != nil {
			return st.sendError(behind)
		}
		if len(evs) > 0 {
			for i := range evs {
				if !st.stalled && !time.Now().Before(deadline) { // with the rest unsent
					return st.flush()
				}
				if e := st.sendEvent(&evs[i]); e != nil {
					return e
				}
			}
			if e := st.flush(); e != nil {
				return e
			}
			select { // a stream that is always behind must still get its bookmarks, and end
			case <-mark.C:
				due, cur = true, st.pos
			case <-st.q.Context().Done():
				return nil
			case <-st.s.done:
				return nil
			case <-st.restarts:
				return st.hangUp()
			default:
			}
			if !st.stalled && !time.Now().Before(deadline) {
				return nil
			}
			if !due {
				continue
			}
		}
		if due {
			due = false
			mark.Reset(st.nextBookmark(deadline))
			if st.bookmarks && cur >= st.start {
				if e := st.sendBookmark(cur, false); e != nil {
					return e
				}
			}
			continue
		}
		faults := st.s.faults.wait()
		if e := st.tick(); e != nil {
			return e
		}
		select {
		case <-changed:
		case <-faults:
		case <-mark.C:
			due = true // once what has come meanwhile is sent
		case <-end.C:
			if !st.stalled { // what hangs does not end in form either
				return nil
			}
		case <-st.gone:
			// What the removal deleted is in the log still.
			evs, _, _, _ := st.take()
			for i := range evs {
				if e := st.sendEvent(&evs[i]); e != nil {
					return e
				}
			}
			return st.flush()
		case <-st.restarts:
			return st.hangUp()
		case <-st.q.Context().Done():
			return nil
		case <-st.s.done:
			return nil
		}
	}
}

// hangUp is how a stream ends that the server closes: one that hangs does not end in form.
func (st *stream) hangUp() *endStream {
	if st.stalled {
		return &endStream{abort: true}
	}
	return nil
}

// drawTimeout is the length of a watch whose client named none.
func (s *Server) drawTimeout() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(float64(s.cfg.WatchTimeout) * (1 + s.rng.Float64()))
}

// nextBookmark is the time to the next bookmark: a period, or shortly before the deadline.
func (st *stream) nextBookmark(deadline time.Time) time.Duration {
	period := st.s.cfg.BookmarkPeriod
	if left := time.Until(deadline) - preTimeoutBookmark; left > 0 && left < period {
		return left
	}
	return period
}

// take copies the next events of the log. behind is the 410 of a stream that history has overtaken; cur is the
// server's revision, up to which the stream is complete when there are no events.
func (st *stream) take() (evs []event, changed <-chan struct{}, behind error, cur uint64) { //nolint:revive,staticcheck // behind is a verdict, not a failure
	st.s.mu.RLock()
	defer st.s.mu.RUnlock()
	c := st.sv.coll
	if st.pos < c.floor {
		return nil, nil, expired(fmt.Sprintf("too old resource version: %d (%d)", st.pos, c.floor)), 0
	}
	from := c.after(st.pos)
	to := min(len(c.log), from+maxBatch)
	if from < to {
		evs = append(evs, c.log[from:to]...)
	}
	return evs, c.changed, nil, st.s.rev
}
