package sim

import (
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
)

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
	held      []byte   // a frame that a fault sends after the next one
	saying    []string // what is in buf, as Sent.What
	// tableHead is set once the column definitions are sent.
	tableHead bool
}

// endStream is why a stream ends: nil error for a clean end.
type endStream struct {
	abort bool // cut the connection instead of ending the response
}

func (e *endStream) Error() string { return "stream ended" }

// sendInitial sends the state of the moment the stream began. Its deadline ends it in form there, too.
func (st *stream) sendInitial(in *initialState, deadline time.Time) *endStream {
	for _, o := range in.items {
		if !st.stalled && !time.Now().Before(deadline) {
			return &endStream{}
		}
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
	st.buf, st.saying = append(st.buf, b...), append(st.saying, string(watch.Error))
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
	for _, what := range st.saying {
		st.s.say(st.q, what, what == SentInitialEnd)
	}
	st.saying = st.saying[:0]
	return nil
}
