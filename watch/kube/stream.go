package kube

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
)

const (
	// streamBuffer is the read buffer of a watch, in bytes: there are hundreds of watches.
	streamBuffer = 32 << 10
	// batchMax bounds the events of one Next.
	batchMax = 64
	// bufferKeep is the largest frame buffer kept for the next frame, in bytes.
	bufferKeep = 256 << 10
	// frameOverhead is what a frame has beside its object, in bytes, generously.
	frameOverhead = 4 << 10
)

// Watch implements watch.Source.
func (c *Client) Watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (watch.Stream, error) {
	if c.opts.Player != nil {
		return c.playWatch(ctx, scope, q)
	}
	rec := c.opts.Recorder.Watch(scope, q)
	s, err := c.watch(ctx, scope, q)
	if err != nil {
		rec.End(err)
		return nil, err
	}
	rec.Opened()
	s.tap = newTap(scope.Kind, rec)
	return s, nil
}

func (c *Client) watch(ctx context.Context, scope watch.Scope, q watch.WatchQuery) (*stream, error) {
	v := url.Values{"watch": {"1"}, "allowWatchBookmarks": {"true"}}
	if q.ResourceVersion != "" {
		v.Set("resourceVersion", q.ResourceVersion)
	}
	if q.Initial {
		v.Set("sendInitialEvents", "true")
		v.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchNotOlderThan))
	}
	if q.Timeout > 0 {
		v.Set("timeoutSeconds", strconv.Itoa(int(q.Timeout/time.Second)))
	}
	kind := scope.Kind
	resp, err := c.get(ctx, "watch", kind, c.collection(kind, scope.Namespace), v, accept(kind))
	if err != nil {
		return nil, err
	}
	media := mediaType(resp)
	if media != mediaProtobuf && media != mediaJSON {
		_ = resp.Body.Close() // the answer is of no use
		return nil, fmt.Errorf("watch %s: answer is %q, not a stream of events", kind.ResourceName(), media)
	}
	in := c.takeInterners(scope)
	in.begin(q.Initial)
	s := &stream{
		resp: resp, kind: kind, d: c.decoder(kind, in),
		r:     bufio.NewReaderSize(resp.Body, streamBuffer),
		proto: media == mediaProtobuf,
		ended: func() { c.giveInterners(scope, in) },
	}
	return s, nil
}

// stream reads the frames of one watch.
type stream struct {
	resp  *http.Response
	kind  *watch.Kind
	d     *decoder
	tap   tap
	r     *bufio.Reader
	proto bool
	buf   []byte
	ended func() // called once, by the reader
}

var _ watch.Stream = (*stream)(nil)

// Close implements watch.Stream.
func (s *stream) Close() error {
	s.tap.rec.End(nil)
	return s.resp.Body.Close()
}

// Next implements watch.Stream.
func (s *stream) Next() ([]watch.Event, error) {
	var events []watch.Event
	for {
		e, err := s.event()
		if err != nil {
			s.tap.rec.End(err)
			if s.ended != nil {
				s.ended()
				s.ended = nil
			}
			return events, err
		}
		events = append(events, e)
		if len(events) == batchMax || !s.ready() {
			return events, nil
		}
	}
}

// ready reports whether another whole frame is in the buffer.
func (s *stream) ready() bool {
	n := s.r.Buffered()
	if s.proto {
		if n < 4 {
			return false
		}
		head, _ := s.r.Peek(4)
		return int64(n) >= 4+int64(binary.BigEndian.Uint32(head))
	}
	data, _ := s.r.Peek(n)
	data = bytes.TrimLeft(data, " \r\n\t")
	// Servers end each frame with a line feed, and JSON as they write it holds no other.
	return bytes.IndexByte(data, '\n') > 0
}

// event reads one frame. io.EOF is the end of the stream between frames.
func (s *stream) event() (watch.Event, error) {
	if cap(s.buf) > bufferKeep {
		s.buf = nil
	}
	if s.proto {
		return s.protoEvent()
	}
	return s.jsonEvent()
}

func (s *stream) protoEvent() (watch.Event, error) {
	var head [4]byte
	if _, err := io.ReadFull(s.r, head[:]); err != nil {
		return watch.Event{}, s.broken(err)
	}
	n := int(binary.BigEndian.Uint32(head[:]))
	data, whole, err := readFrame(s.r, s.buf, n)
	s.buf = data
	if err != nil {
		return watch.Event{}, s.broken(err)
	}
	typ, object, err := splitWatchEvent(data, whole)
	if err != nil {
		return watch.Event{}, s.unreadable(err)
	}
	raw, err := openFront(object, whole)
	if err != nil {
		return watch.Event{}, s.unreadable(err)
	}
	switch typ {
	case "ERROR":
		var st metav1.Status
		if err := st.Unmarshal(raw); err != nil {
			return watch.Event{}, s.unreadable(err)
		}
		return watch.Event{}, statusError("watch", s.kind, &st)
	case "BOOKMARK":
		id, _ := protoIdentity(raw)
		return s.bookmark(id), nil
	}
	return s.change(typ, watch.EncodingProtobuf, raw, whole)
}

// readFrame is readObject for a frame, which is a little larger than its object.
func readFrame(r *bufio.Reader, buf []byte, n int) ([]byte, bool, error) {
	if n > maxObject && n <= maxObject+frameOverhead {
		data := make([]byte, n)
		_, err := io.ReadFull(r, data)
		return data, err == nil, unexpected(err)
	}
	return readObject(r, buf, n)
}

// splitWatchEvent reads metav1.WatchEvent: a type and an object, of which only the front may be there.
func splitWatchEvent(frame []byte, whole bool) (typ string, object []byte, err error) {
	err = fronts(frame, whole, func(num protowire.Number, value []byte) {
		switch num {
		case watchEventType:
			typ = string(value)
		case watchEventObject:
			_ = fronts(value, whole, func(num protowire.Number, value []byte) {
				if num == rawExtensionRaw {
					object = value
				}
			})
		}
	})
	if err == nil && (typ == "" || object == nil) {
		err = errors.New("the event has no type or no object")
	}
	return typ, object, err
}

// openFront opens runtime.Unknown, of which only the front may be there.
func openFront(data []byte, whole bool) (raw []byte, err error) {
	if !bytes.HasPrefix(data, magic) {
		return nil, errMagic
	}
	err = fronts(data[len(magic):], whole, func(num protowire.Number, value []byte) {
		if num == unknownRaw {
			raw = value
		}
	})
	if err == nil && raw == nil {
		err = errors.New("the event's object is empty")
	}
	return raw, err
}

// fronts visits the length-delimited fields of a message. Unless it is whole, the last one may be cut off.
func fronts(msg []byte, whole bool, visit func(protowire.Number, []byte)) error {
	if whole {
		return fields(msg, func(num protowire.Number, value []byte, _ uint64) bool {
			if value != nil {
				visit(num, value)
			}
			return true
		})
	}
	for len(msg) > 0 {
		num, typ, tag := protowire.ConsumeTag(msg)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		if typ == protowire.BytesType {
			size, n := protowire.ConsumeVarint(msg[tag:])
			if n < 0 {
				return protowire.ParseError(n)
			}
			value := msg[tag+n:]
			if uint64(len(value)) <= size {
				visit(num, value)
				return nil
			}
			visit(num, value[:size])
			msg = value[size:]
			continue
		}
		n := protowire.ConsumeFieldValue(num, typ, msg[tag:])
		if n < 0 {
			return protowire.ParseError(n)
		}
		msg = msg[tag+n:]
	}
	return nil
}

func (s *stream) jsonEvent() (watch.Event, error) {
	data, whole, err := readJSON(s.r, s.buf)
	s.buf = data
	if errors.Is(err, errJSON) {
		return watch.Event{}, s.unreadable(err)
	}
	if err != nil {
		return watch.Event{}, s.broken(err)
	}
	var typ string
	var object []byte
	members(data, 0, func(_ int, key []byte, v span) bool {
		switch string(key) {
		case "type":
			typ = jsonString(v.of(data))
		case "object":
			object = v.of(data)
		}
		return true
	})
	if typ == "" || object == nil {
		return watch.Event{}, s.unreadable(errors.New("the event has no type or no object"))
	}
	switch typ {
	case "ERROR":
		var st metav1.Status
		if err := json.Unmarshal(object, &st); err != nil {
			return watch.Event{}, s.unreadable(err)
		}
		return watch.Event{}, statusError("watch", s.kind, &st)
	case "BOOKMARK":
		id, _ := jsonIdentity(object)
		return s.bookmark(id), nil
	}
	return s.change(typ, watch.EncodingJSON, object, whole)
}

func (s *stream) bookmark(id identity) watch.Event {
	s.tap.rec.Bookmark(id.version, id.initialEnd)
	return watch.Event{Type: watch.EventBookmark, ResourceVersion: id.version, InitialEnd: id.initialEnd}
}

// change makes an event of an object.
func (s *stream) change(typ string, enc watch.Encoding, raw []byte, whole bool) (watch.Event, error) {
	var change watch.EventType
	switch typ {
	case "ADDED":
		change = watch.EventAdded
	case "MODIFIED":
		change = watch.EventModified
	case "DELETED":
		change = watch.EventDeleted
	default:
		return watch.Event{}, s.unreadable(fmt.Errorf("unknown event type %q", watch.Sanitize(typ)))
	}
	s.tap.object(opOf(change), enc, raw, whole)
	return s.d.event(change, enc, raw, whole)
}

// event decodes the object of an event.
func (d *decoder) event(change watch.EventType, enc watch.Encoding, raw []byte, whole bool) (watch.Event, error) {
	delta, ok := d.decode(enc, raw, whole)
	if !ok {
		return watch.Event{}, &watch.FrameError{Resource: d.kind.ResourceName(), Err: errors.New("the object has no name that can be read")}
	}
	switch change {
	case watch.EventAdded:
		d.in.count(1)
	case watch.EventDeleted:
		d.in.count(-1)
		delta.Op, delta.Body = watch.Deleted, watch.Body{}
	}
	return watch.Event{Type: change, Delta: delta, ResourceVersion: delta.Object.ResourceVersion}, nil
}

// decode makes a delta of an object in either encoding.
func (d *decoder) decode(enc watch.Encoding, raw []byte, whole bool) (watch.Delta, bool) {
	if enc == watch.EncodingProtobuf {
		return d.proto(raw, whole)
	}
	return d.json(raw, whole)
}

func (s *stream) unreadable(err error) error {
	return &watch.FrameError{Resource: s.kind.ResourceName(), Err: err}
}

// broken is the end of a stream: io.EOF between frames, anything else with a name to it.
func (s *stream) broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return fmt.Errorf("watch %s: %w", s.kind.ResourceName(), err)
}
