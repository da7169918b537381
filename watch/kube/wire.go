package kube

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
)

// Protobuf as Kubernetes writes it: four magic bytes, then runtime.Unknown, whose field 2 is the message.
// Every top-level message has its ObjectMeta (a list its ListMeta) as field 1, a list its items as field 2.
// Source: apimachinery pkg/runtime/generated.proto, pkg/apis/meta/v1/generated.proto.
const (
	unknownTypeMeta = 1
	unknownRaw      = 2

	typeMetaKind = 2

	messageMetadata = 1
	listItems       = 2

	listMetaVersion   = 2
	listMetaContinue  = 3
	listMetaRemaining = 4

	metaName          = 1
	metaNamespace     = 3
	metaUID           = 5
	metaVersion       = 6
	metaAnnotations   = 12
	metaManagedFields = 17

	watchEventType   = 1
	watchEventObject = 2
	rawExtensionRaw  = 1
)

var magic = []byte("k8s\x00")

// errMagic is for data that does not begin as it should.
var errMagic = errors.New("not Kubernetes protobuf: the magic bytes are missing")

// fields calls visit for each field of a message until it returns false. value is the content of a
// length-delimited field, and nil for others, whose number is in n.
func fields(msg []byte, visit func(num protowire.Number, value []byte, n uint64) bool) error {
	for len(msg) > 0 {
		num, typ, size := protowire.ConsumeTag(msg)
		if size < 0 {
			return protowire.ParseError(size)
		}
		msg = msg[size:]
		var value []byte
		var n uint64
		switch typ {
		case protowire.BytesType:
			value, size = protowire.ConsumeBytes(msg)
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(msg)
		default:
			size = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		msg = msg[size:]
		if !visit(num, value, n) {
			return nil
		}
	}
	return nil
}

// envelope is an opened runtime.Unknown; raw shares the input's memory.
type envelope struct {
	kind string
	raw  []byte
}

func openEnvelope(data []byte) (envelope, error) {
	var u envelope
	if !bytes.HasPrefix(data, magic) {
		return u, errMagic
	}
	err := fields(data[len(magic):], func(num protowire.Number, value []byte, _ uint64) bool {
		switch num {
		case unknownTypeMeta:
			_ = fields(value, func(num protowire.Number, value []byte, _ uint64) bool {
				if num == typeMetaKind {
					u.kind = string(value)
				}
				return true
			})
		case unknownRaw:
			u.raw = value
		}
		return true
	})
	return u, err
}

// stripProto copies a message without metadata.managedFields.
func stripProto(msg []byte) ([]byte, error) {
	start, meta, rest, err := splitMeta(msg)
	if err != nil {
		return nil, err
	}
	kept := 0
	for m := meta; len(m) > 0; {
		num, _, n := protowire.ConsumeField(m)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		if num != metaManagedFields {
			kept += n
		}
		m = m[n:]
	}
	if kept == len(meta) {
		return bytes.Clone(msg), nil
	}
	out := make([]byte, 0, start+binary.MaxVarintLen32+1+kept+len(rest))
	out = append(out, msg[:start]...)
	out = protowire.AppendTag(out, messageMetadata, protowire.BytesType)
	out = protowire.AppendVarint(out, uint64(kept))
	for m := meta; len(m) > 0; {
		num, _, n := protowire.ConsumeField(m)
		if num != metaManagedFields {
			out = append(out, m[:n]...)
		}
		m = m[n:]
	}
	return append(out, rest...), nil
}

// splitMeta finds the first metadata field: where its tag starts, its content, and what follows it.
func splitMeta(msg []byte) (start int, meta, rest []byte, err error) {
	b := msg
	for len(b) > 0 {
		num, typ, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return 0, nil, nil, protowire.ParseError(tag)
		}
		if num == messageMetadata && typ == protowire.BytesType {
			meta, n := protowire.ConsumeBytes(b[tag:])
			if n < 0 {
				return 0, nil, nil, protowire.ParseError(n)
			}
			return len(msg) - len(b), meta, b[tag+n:], nil
		}
		n := protowire.ConsumeFieldValue(num, typ, b[tag:])
		if n < 0 {
			return 0, nil, nil, protowire.ParseError(n)
		}
		b = b[tag+n:]
	}
	return 0, nil, nil, errors.New("the object has no metadata")
}

// identity is what must be known of an object for it to be shown at all.
type identity struct {
	namespace, name, uid, version string
	initialEnd                    bool // of bookmarks
}

// protoIdentity reads the identity from the front of a message, of which the end may be missing or wrong.
func protoIdentity(msg []byte) (id identity, ok bool) {
	num, typ, tag := protowire.ConsumeTag(msg)
	if tag < 0 || num != messageMetadata || typ != protowire.BytesType {
		return id, false
	}
	size, n := protowire.ConsumeVarint(msg[tag:])
	if n < 0 {
		return id, false
	}
	meta := msg[tag+n:]
	if uint64(len(meta)) > size {
		meta = meta[:size]
	}
	_ = fields(meta, func(num protowire.Number, value []byte, _ uint64) bool {
		switch num {
		case metaName:
			id.name = string(value)
		case metaNamespace:
			id.namespace = string(value)
		case metaUID:
			id.uid = string(value)
		case metaVersion:
			id.version = string(value)
		case metaAnnotations:
			key, val := mapEntry(value)
			id.initialEnd = id.initialEnd || (key == initialEndAnnotation && val == "true")
		}
		return true
	})
	return id, id.name != ""
}

func mapEntry(entry []byte) (key, value string) {
	_ = fields(entry, func(num protowire.Number, v []byte, _ uint64) bool {
		switch num {
		case 1:
			key = string(v)
		case 2:
			value = string(v)
		}
		return true
	})
	return key, value
}

// byteReader is a bufio.Reader.
type byteReader interface {
	io.Reader
	io.ByteReader
	Discard(int) (int, error)
}

// wireReader reads the fields of a message that is not in memory. left is what remains of it, in bytes;
// below zero when its length is not known, and it then ends with the data.
type wireReader struct {
	r    byteReader
	left int64
}

// next reads a tag; io.EOF is the end of the message.
func (w *wireReader) next() (protowire.Number, protowire.Type, error) {
	if w.left == 0 {
		return 0, 0, io.EOF
	}
	tag, err := w.varint()
	if err != nil {
		return 0, 0, err
	}
	num, typ := protowire.DecodeTag(tag)
	if num < 1 {
		return 0, 0, fmt.Errorf("bad protobuf field number %d", num)
	}
	return num, typ, nil
}

// varint reads one; io.EOF only when not a byte of it was there and the message may end here.
func (w *wireReader) varint() (uint64, error) {
	var v uint64
	for i := 0; i < binary.MaxVarintLen64; i++ {
		b, err := w.r.ReadByte()
		if err != nil {
			if errors.Is(err, io.EOF) && (i > 0 || w.left > 0) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if w.left > 0 {
			w.left--
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, errors.New("bad protobuf number")
}

// length reads the length of a length-delimited field and takes it off what is left.
func (w *wireReader) length() (int, error) {
	n, err := w.varint()
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, err
	}
	if n > 1<<31-1 || (w.left >= 0 && int64(n) > w.left) {
		return 0, fmt.Errorf("bad protobuf length %d", n)
	}
	if w.left >= 0 {
		w.left -= int64(n)
	}
	return int(n), nil
}

// skip passes over a field's value.
func (w *wireReader) skip(typ protowire.Type) error {
	var n int
	var err error
	switch typ {
	case protowire.VarintType:
		_, err = w.varint()
	case protowire.BytesType:
		n, err = w.length()
	case protowire.Fixed32Type:
		n = 4
	case protowire.Fixed64Type:
		n = 8
	default:
		err = fmt.Errorf("bad protobuf wire type %d", typ)
	}
	if err != nil {
		return err
	}
	if (typ == protowire.Fixed32Type || typ == protowire.Fixed64Type) && w.left >= 0 {
		w.left -= int64(n)
	}
	return discard(w.r, n)
}

func discard(r byteReader, n int) error {
	_, err := r.Discard(n)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readObject reads n bytes into buf, growing it. Of what is over maxObject only the front is kept, and
// whole is false.
func readObject(r byteReader, buf []byte, n int) (data []byte, whole bool, err error) {
	keep := n
	if n > maxObject {
		keep = identityPrefix
	}
	if cap(buf) < keep {
		buf = make([]byte, keep, keep+keep/4)
	}
	buf = buf[:keep]
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return buf, false, err
	}
	if keep < n {
		return buf, false, discard(r, n-keep)
	}
	return buf, true, nil
}
