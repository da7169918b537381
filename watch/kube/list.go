package kube

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"orka/watch"
	"orka/watch/recording"
)

const (
	// listChunk is how many objects of a page are handed over at once.
	listChunk = 128
	// listBuffer is the read buffer of a list, in bytes; there are at most MaxLists of them.
	listBuffer = 64 << 10
)

// List implements watch.Source.
func (c *Client) List(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	if c.opts.Player != nil {
		return c.playList(ctx, scope, q, emit)
	}
	if q.Limit == 1 && q.Continue == "" {
		return c.probe(ctx, scope, q, emit)
	}
	rec := c.opts.Recorder.List(scope, q)
	defer rec.End(nil) // of a panic
	in := c.takeInterners(scope)
	defer c.giveInterners(scope, in)
	in.begin(q.Continue == "")
	end, err := c.list(ctx, scope, q, in, rec, emit)
	if err == nil {
		rec.ListEnd(end)
	}
	rec.End(err)
	return end, err
}

// probe is a list of one object, which tells the server's version; of it, that alone is recorded.
func (c *Client) probe(ctx context.Context, scope watch.Scope, q watch.ListQuery, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	end, err := c.list(ctx, scope, q, new(interners), nil, emit)
	if err == nil {
		c.opts.Recorder.Probe(scope, end.ResourceVersion)
	}
	return end, err
}

func (c *Client) list(ctx context.Context, scope watch.Scope, q watch.ListQuery, in *interners, rec *recording.Attempt, emit func([]watch.Delta) error) (watch.ListEnd, error) {
	v := url.Values{}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Continue != "" {
		v.Set("continue", q.Continue)
	}
	kind := scope.Kind
	resp, err := c.get(ctx, "list", kind, c.collection(kind, scope.Namespace), v, accept(kind))
	if err != nil {
		return watch.ListEnd{}, err
	}
	defer resp.Body.Close()
	l := &lister{
		r: bufio.NewReaderSize(resp.Body, listBuffer), d: c.decoder(kind, in), tap: newTap(kind, rec),
		emit: emit, end: watch.ListEnd{Remaining: -1},
	}
	switch media := mediaType(resp); media {
	case mediaProtobuf:
		err = l.proto()
	case mediaJSON:
		err = l.json()
	default:
		err = fmt.Errorf("answer is %q, not a list", media)
	}
	if err == nil {
		err = l.flush()
	}
	if err != nil && l.refused == nil {
		return l.end, fmt.Errorf("list %s: %w", kind.ResourceName(), err)
	}
	if l.refused != nil {
		return l.end, l.refused
	}
	if l.end.Continue == "" {
		l.end.Remaining = 0
	}
	return l.end, nil
}

// lister reads one page while it arrives.
type lister struct {
	r       *bufio.Reader
	d       *decoder
	tap     tap
	buf     []byte
	chunk   []watch.Delta
	emit    func([]watch.Delta) error
	refused error // of emit
	end     watch.ListEnd
}

func (l *lister) add(d watch.Delta, ok bool) error {
	if !ok {
		l.end.Skipped++
		return nil
	}
	l.d.in.count(1)
	if l.chunk == nil {
		l.chunk = make([]watch.Delta, 0, listChunk)
	}
	l.chunk = append(l.chunk, d)
	if len(l.chunk) == listChunk {
		return l.flush()
	}
	return nil
}

func (l *lister) flush() error {
	if len(l.chunk) == 0 {
		return nil
	}
	chunk := l.chunk
	l.chunk = nil
	l.refused = l.emit(chunk)
	return l.refused
}

// proto reads runtime.Unknown around a list message.
func (l *lister) proto() error {
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(l.r, head); err != nil {
		return unexpected(err)
	}
	if string(head) != string(magic) {
		return errMagic
	}
	w := &wireReader{r: l.r, left: -1}
	found := false
	for {
		num, typ, err := w.next()
		if errors.Is(err, io.EOF) {
			if !found {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		if err != nil {
			return err
		}
		if num != unknownRaw || typ != protowire.BytesType {
			if err := w.skip(typ); err != nil {
				return err
			}
			continue
		}
		n, err := w.length()
		if err != nil {
			return err
		}
		found = true
		if err := l.protoList(&wireReader{r: l.r, left: int64(n)}); err != nil {
			return err
		}
	}
}

func (l *lister) protoList(w *wireReader) error {
	for {
		num, typ, err := w.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if typ != protowire.BytesType || (num != messageMetadata && num != listItems) {
			if err := w.skip(typ); err != nil {
				return err
			}
			continue
		}
		n, err := w.length()
		if err != nil {
			return err
		}
		data, whole, err := readObject(l.r, l.buf, n)
		l.buf = data
		if err != nil {
			return err
		}
		if num == messageMetadata {
			err = l.protoMeta(data)
		} else {
			l.tap.object(recording.OpObject, watch.EncodingProtobuf, data, whole)
			err = l.add(l.d.proto(data, whole))
		}
		if err != nil {
			return err
		}
	}
}

func (l *lister) protoMeta(meta []byte) error {
	return fields(meta, func(num protowire.Number, value []byte, n uint64) bool {
		switch num {
		case listMetaVersion:
			l.end.ResourceVersion = string(value)
		case listMetaContinue:
			l.end.Continue = string(value)
		case listMetaRemaining:
			l.end.Remaining = int64(n) //nolint:gosec // the wire form of an int64
		}
		return true
	})
}

// json reads a list object member by member.
func (l *lister) json() error {
	if err := l.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := peekByte(l.r)
		if err != nil {
			return unexpected(err)
		}
		switch {
		case c == '}':
			return nil
		case c == ',' && !first:
			_, _ = l.r.Discard(1)
		case !first:
			return errJSON
		}
		key, _, err := readJSON(l.r, l.buf)
		if err != nil {
			return unexpected(err)
		}
		name := jsonString(key)
		if err := l.expect(':'); err != nil {
			return err
		}
		if name == "items" {
			if err := l.jsonItems(); err != nil {
				return err
			}
			continue
		}
		value, _, err := readJSON(l.r, l.buf)
		l.buf = value
		if err != nil {
			return unexpected(err)
		}
		if name == "metadata" {
			if err := l.jsonMeta(value); err != nil {
				return err
			}
		}
	}
}

func (l *lister) jsonItems() error {
	c, err := peekByte(l.r)
	if err != nil {
		return unexpected(err)
	}
	if c != '[' { // null
		_, _, err := readJSON(l.r, l.buf)
		return unexpected(err)
	}
	_, _ = l.r.Discard(1)
	for first := true; ; first = false {
		c, err := peekByte(l.r)
		if err != nil {
			return unexpected(err)
		}
		switch {
		case c == ']':
			_, _ = l.r.Discard(1)
			return nil
		case c == ',' && !first:
			_, _ = l.r.Discard(1)
		case !first:
			return errJSON
		}
		item, whole, err := readJSON(l.r, l.buf)
		l.buf = item
		if err != nil {
			return unexpected(err)
		}
		l.tap.object(recording.OpObject, watch.EncodingJSON, item, whole)
		if err := l.add(l.d.json(item, whole)); err != nil {
			return err
		}
	}
}

func (l *lister) jsonMeta(raw []byte) error {
	var m metav1.ListMeta
	if err := json.Unmarshal(raw, &m); err != nil {
		return err
	}
	l.end.ResourceVersion, l.end.Continue = m.ResourceVersion, m.Continue
	if m.RemainingItemCount != nil {
		l.end.Remaining = *m.RemainingItemCount
	}
	return nil
}

func (l *lister) expect(want byte) error {
	c, err := peekByte(l.r)
	if err != nil {
		return unexpected(err)
	}
	if c != want {
		return errJSON
	}
	_, err = l.r.Discard(1)
	return err
}

// unexpected is err for data that should not have ended yet.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
