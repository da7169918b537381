package sim

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

// maxBatch bounds how many events of the log a stream takes at once.
const maxBatch = 512

// stream is one open watch. It is owned by the goroutine of its request.
type stream struct {
	s   *Server
	q   *request
	sv  *served
	sel selector
	e   encoding
	w   http.ResponseWriter
	rd  *reader

	pos       uint64 // every event up to here is sent
	start     uint64 // where the watch began
	bookmarks bool
	gone      <-chan struct{} // the resource
	restarts  <-chan struct{} // the server
	sent      int             // events, bookmarks not counted
	buf       []byte
	stalled   bool
	held      []byte // a frame that a fault sends after the next one
	// tableHead is set once the column definitions are sent.
	tableHead bool
}

// endStream is why a stream ends: nil error for a clean end.
type endStream struct {
	abort bool // cut the connection instead of ending the response
}

func (e *endStream) Error() string { return "stream ended" }

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
	st.flush()
	if end := st.run(initial, timeout); end != nil && end.abort {
		panic(http.ErrAbortHandler) // net/http's own way to cut a response
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
		return nil, err
	}
	withState := opts.SendInitialEvents != nil && *opts.SendInitialEvents
	if withState {
		if err := s.reach(ctx, rev); err != nil {
			return nil, err
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
	if e := st.sendInitial(initial); e != nil {
		return e
	}
	mark := time.NewTimer(st.nextBookmark(deadline))
	defer mark.Stop()
	for {
		evs, changed, behind, cur := st.take()
		if behind != nil {
			return st.sendError(behind)
		}
		if len(evs) > 0 {
			for i := range evs {
				if e := st.sendEvent(&evs[i]); e != nil {
					return e
				}
			}
			if e := st.flush(); e != nil {
				return e
			}
			select { // a stream that is always behind must still end
			case <-st.q.Context().Done():
				return nil
			case <-st.s.done:
				return nil
			case <-st.restarts:
				return nil
			default:
			}
			if time.Now().Before(deadline) {
				continue
			}
			return nil
		}
		faults := st.s.faults.wait()
		if e := st.tick(); e != nil {
			return e
		}
		select {
		case <-changed:
		case <-faults:
		case <-mark.C:
			if st.bookmarks && cur >= st.start {
				if e := st.sendBookmark(cur, false); e != nil {
					return e
				}
			}
			mark.Reset(st.nextBookmark(deadline))
		case <-end.C:
			return nil
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
			return nil
		case <-st.q.Context().Done():
			return nil
		case <-st.s.done:
			return nil
		}
	}
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
func (st *stream) take() (evs []event, changed <-chan struct{}, behind error, cur uint64) {
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

// sendInitial sends the state of the moment the stream began.
func (st *stream) sendInitial(in *initialState) *endStream {
	for _, o := range in.items {
		ok, err := st.sel.matches(st.sv, o, st.rd)
		if err != nil {
			return st.sendError(err)
		}
		if !ok {
			continue
		}
		if e := st.send(watch.Added, o, true); e != nil {
			return e
		}
	}
	if in.end {
		if e := st.sendBookmark(st.pos, true); e != nil {
			return e
		}
	}
	return st.flush()
}

// sendEvent sends what one event of the log means to this stream: an object that leaves the selector is deleted
// for it, one that enters is added.
func (st *stream) sendEvent(ev *event) *endStream {
	st.pos = ev.rev
	if ns := st.q.namespace; ns != "" && ev.obj.namespace() != ns {
		return nil
	}
	typ, obj := ev.typ, ev.obj
	if !st.sel.empty() {
		is, was := false, false
		var err error
		if ev.typ != watch.Deleted {
			if is, err = st.sel.matches(st.sv, ev.obj, st.rd); err != nil {
				return st.sendError(err)
			}
		}
		if ev.prev != nil {
			if was, err = st.sel.matches(st.sv, ev.prev, st.rd); err != nil {
				return st.sendError(err)
			}
		}
		switch {
		case !is && !was:
			return nil
		case is && !was:
			typ = watch.Added
		case is:
			typ = watch.Modified
		default:
			typ = watch.Deleted
			if ev.typ != watch.Deleted {
				if obj, err = st.restamped(ev.prev, ev.rev); err != nil {
					return st.sendError(err)
				}
			}
		}
	}
	return st.send(typ, obj, false)
}

// restamped is o with another resourceVersion.
func (st *stream) restamped(o *object, rev uint64) (*object, error) {
	body, err := st.rd.body(o)
	if err != nil {
		return nil, err
	}
	doc, err := decodeBody(st.sv.coll.res, o.version, body)
	if err != nil {
		return nil, err
	}
	doc.SetResourceVersion(strconv.FormatUint(rev, 10))
	out := &object{key: o.key, uid: o.uid, version: o.version, rev: rev}
	out.body, err = encodeBody(st.sv.coll.res, doc)
	return out, err
}

// sendError sends an ERROR event and ends the stream.
func (st *stream) sendError(err error) *endStream {
	b, encErr := st.errorFrame(err)
	if encErr != nil {
		return &endStream{abort: true}
	}
	st.buf = append(st.buf, b...)
	if e := st.flush(); e != nil {
		return e
	}
	return &endStream{}
}

// sendBookmark sends the revision up to which the stream is complete.
func (st *stream) sendBookmark(rev uint64, initialEnd bool) *endStream {
	m := metav1.ObjectMeta{ResourceVersion: strconv.FormatUint(rev, 10)}
	if initialEnd {
		m.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
	}
	b, err := st.bookmarkFrame(m)
	if err != nil {
		return st.sendError(err)
	}
	f := &Frame{Type: string(watch.Bookmark), InitialEnd: initialEnd, Sent: st.sent, bytes: b}
	return st.deliver(f)
}

// send sends one object.
func (st *stream) send(typ watch.EventType, o *object, initial bool) *endStream {
	st.sent++
	f := &Frame{Type: string(typ), Namespace: o.namespace(), Name: o.name(), Initial: initial, Sent: st.sent, object: o}
	return st.deliver(f)
}

// flush writes what is gathered and pushes it to the client.
func (st *stream) flush() *endStream {
	if len(st.buf) > 0 {
		b := st.buf
		st.buf = st.buf[:0]
		if st.stalled {
			return nil
		}
		if _, err := st.w.Write(b); err != nil {
			return &endStream{}
		}
	}
	if st.stalled {
		return nil
	}
	if f, ok := st.w.(http.Flusher); ok {
		f.Flush()
	}
	return nil
}
