package sim

import (
	"fmt"
	"net/http"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

// Frame is one frame of a watch stream on its way to the client, as faults see it. Type "" is no frame: it lets
// faults act on a stream that is idle.
type Frame struct {
	Type            string // "ADDED", "MODIFIED", "DELETED", "BOOKMARK", or ""
	Namespace, Name string
	Initial         bool // part of the initial state
	InitialEnd      bool // the bookmark that closes it
	Sent            int  // events sent on this stream so far, this one included, bookmarks not

	object *object
	bytes  []byte

	drop, broken bool
	repeat       int
	hold         bool // send it after the next event
	cut          bool // send half of it, then cut the connection
	stall        bool
	end          *endStream
	err          error // an ERROR event in its place
}

// StreamError sends an ERROR event with a Status of this code and ends the stream, once so many events are sent; 0 at
// once, even on an idle stream. It counts streams.
type StreamError struct {
	Code   int
	Reason metav1.StatusReason // "" picks the usual one for the code
	After  int
}

// CloseStream ends the stream cleanly once so many events are sent; 0 at once. It counts streams.
type CloseStream struct{ After int }

// CutStream is CloseStream that cuts the connection.
type CutStream struct{ After int }

// TruncateFrame sends half of an event and cuts the connection. It counts events.
type TruncateFrame struct{}

// StopBookmarks drops bookmarks, but not the one that closes the initial state. It counts bookmarks.
type StopBookmarks struct{}

// DropInitialEnd drops the bookmark that closes the initial state.
type DropInitialEnd struct{}

// DropEvent loses events, of one type or name if given, as a buggy server does. It counts events.
type DropEvent struct{ Type, Name string }

// DuplicateEvent sends events twice. It counts events.
type DuplicateEvent struct{ Type, Name string }

// ReorderEvent sends an event after the one that follows it, but not after a bookmark, which would be a lie. It counts events.
type ReorderEvent struct{ Type, Name string }

// Stall keeps the stream open and sends nothing more once so many events are sent. It counts streams.
type Stall struct{ After int }

func (StreamError) action()    {}
func (CloseStream) action()    {}
func (CutStream) action()      {}
func (TruncateFrame) action()  {}
func (StopBookmarks) action()  {}
func (DropInitialEnd) action() {}
func (DropEvent) action()      {}
func (DuplicateEvent) action() {}
func (ReorderEvent) action()   {}
func (Stall) action()          {}

func (f *Frame) isEvent() bool { return f.object != nil }

func (a StreamError) applies(f *Frame) bool { return f.Sent >= a.After }
func (a CloseStream) applies(f *Frame) bool {
	return f.Sent >= a.After && (a.After == 0 || f.isEvent())
}
func (a CutStream) applies(f *Frame) bool   { return f.Sent >= a.After && (a.After == 0 || f.isEvent()) }
func (TruncateFrame) applies(f *Frame) bool { return f.isEvent() }
func (StopBookmarks) applies(f *Frame) bool {
	return f.Type == string(watch.Bookmark) && !f.InitialEnd
}
func (DropInitialEnd) applies(f *Frame) bool { return f.InitialEnd }
func (a DropEvent) applies(f *Frame) bool    { return f.isOf(a.Type, a.Name) }
func (a DuplicateEvent) applies(f *Frame) bool {
	return f.isOf(a.Type, a.Name)
}
func (a ReorderEvent) applies(f *Frame) bool { return f.isOf(a.Type, a.Name) }
func (a Stall) applies(f *Frame) bool        { return f.Sent >= a.After }
func (a Undecodable) applies(f *Frame) bool  { return f.isEvent() && a.names(f.Namespace, f.Name) }

func (f *Frame) isOf(typ, name string) bool {
	return f.isEvent() && (typ == "" || typ == f.Type) && (name == "" || name == f.Name)
}

func (a StreamError) frame(f *Frame) {
	reason := a.Reason
	if reason == "" {
		reason = usualReasons[a.Code]
	}
	msg := fmt.Sprintf("%s (injected)", http.StatusText(a.Code))
	if a.Code == http.StatusGone {
		msg = "too old resource version: 1 (2)"
	}
	f.err = newStatus(a.Code, reason, msg)
}
func (a CloseStream) frame(f *Frame)  { f.drop, f.end = a.After == 0, &endStream{} }
func (a CutStream) frame(f *Frame)    { f.drop, f.end = a.After == 0, &endStream{abort: true} }
func (TruncateFrame) frame(f *Frame)  { f.cut = true }
func (StopBookmarks) frame(f *Frame)  { f.drop = true }
func (DropInitialEnd) frame(f *Frame) { f.drop = true }
func (DropEvent) frame(f *Frame)      { f.drop = true }
func (DuplicateEvent) frame(f *Frame) { f.repeat++ }
func (ReorderEvent) frame(f *Frame)   { f.hold = true }
func (Stall) frame(f *Frame)          { f.stall = true }
func (Undecodable) frame(f *Frame)    { f.broken = true }

// faulted lets the faults of the stream stage act on a frame.
func (st *stream) faulted(f *Frame) {
	for _, i := range st.s.faults.matching(st.q) {
		a, ok := i.Action.(frameAction)
		if !ok || !a.applies(f) || !st.s.faults.hit(i) {
			continue
		}
		a.frame(f)
	}
}

// what is the frame's Sent.What.
func (f *Frame) what() string {
	if f.InitialEnd {
		return SentInitialEnd
	}
	return f.Type
}

// tick lets faults act on a stream that has nothing to send.
func (st *stream) tick() *endStream {
	if st.stalled {
		return nil
	}
	f := &Frame{Sent: st.sent}
	st.faulted(f)
	return st.finish(f)
}

// deliver sends a frame, as the faults leave it.
func (st *stream) deliver(f *Frame) *endStream {
	if st.stalled {
		return nil
	}
	st.faulted(f)
	if f.err != nil || f.drop || f.stall {
		return st.finish(f)
	}
	held := st.held
	st.held = nil
	if !f.isEvent() {
		st.buf, held = append(st.buf, held...), nil
	}
	from := len(st.buf)
	switch {
	case f.broken:
		st.buf = st.appendFrame(st.buf, watch.EventType(f.Type), brokenItem(st.sv, st.e, f.object))
	case f.object != nil:
		b, err := st.appendObjectFrame(st.buf, watch.EventType(f.Type), f.object)
		if err != nil {
			return st.sendError(err)
		}
		st.buf = b
	default:
		st.buf = append(st.buf, f.bytes...)
	}
	to := len(st.buf)
	if f.hold && held == nil {
		st.held = append([]byte{}, st.buf[from:]...)
		st.buf = st.buf[:from]
		return nil
	}
	if !f.cut {
		st.saying = append(st.saying, f.what())
	}
	for range f.repeat {
		st.buf = append(st.buf, st.buf[from:to]...)
	}
	if f.cut {
		st.buf, held = st.buf[:from+(to-from)/2], nil
		f.end = &endStream{abort: true}
	}
	st.buf = append(st.buf, held...)
	if len(st.buf) >= writeChunk || !f.isEvent() {
		if e := st.flush(); e != nil {
			return e
		}
	}
	return st.finish(f)
}

// finish does what a fault wants beyond the frame.
func (st *stream) finish(f *Frame) *endStream {
	switch {
	case f.err != nil:
		return st.sendError(f.err)
	case f.stall:
		if e := st.flush(); e != nil {
			return e
		}
		st.stalled = true
	case f.end != nil:
		if e := st.flush(); e != nil {
			return e
		}
		return f.end
	}
	return nil
}

// brokenItem is an object whose metadata can be read and whose rest can't.
func brokenItem(sv *served, e encoding, o *object) []byte {
	if !e.protobuf() {
		labels := ""
		if sv.goType == nil { // a spec of any type is right for a kind without a Go type; labels of any type are not
			labels = `"labels":7,`
		}
		return fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"metadata":{%s"name":%q,"namespace":%q,"uid":%q,"resourceVersion":"%d"},"spec":"unreadable","status":7}`,
			sv.GroupVersion().String(), sv.Kind, labels, o.name(), o.namespace(), o.uid, o.rev)
	}
	m := metav1.ObjectMeta{Name: o.name(), Namespace: o.namespace(), UID: types.UID(o.uid), ResourceVersion: fmt.Sprint(o.rev)}
	raw, err := m.Marshal()
	if err != nil {
		return nil // a struct of strings always encodes
	}
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	b = protowire.AppendBytes(b, raw)
	// Field 2 is the spec, or the data, of every kind: a message that ends inside a length.
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendBytes(b, []byte{0x0a, 0xff, 0xff, 0xff, 0x7f})
}
