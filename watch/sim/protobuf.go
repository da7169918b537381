package sim

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Objects are kept as protobuf messages, so lists and watch frames are put together by hand around bytes that
// were encoded once. The layouts are those of apimachinery's pkg/runtime/serializer/protobuf: an object on the
// wire is "k8s\0" and a runtime.Unknown (1 TypeMeta{1 apiVersion, 2 kind}, 2 raw, 3 contentEncoding, 4 contentType); every
// list type has 1 ListMeta and 2 items; a frame of a watch is a big-endian length and a WatchEvent (1 type,
// 2 RawExtension{1 raw}), whose raw is an object with its prefix.

const protobufMagic = "k8s\x00"

// unknownHead is the envelope up to the raw message of n bytes, and unknownTail what follows it.
func unknownHead(b []byte, apiVersion, kind string, n int) []byte {
	b = append(b, protobufMagic...)
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(typeMetaSize(apiVersion, kind)))
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendString(b, apiVersion)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendString(b, kind)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(n))
}

const unknownTail = "\x1a\x00\x22\x00" // empty contentEncoding and contentType

func typeMetaSize(apiVersion, kind string) int {
	return 2 + protowire.SizeBytes(len(apiVersion)) + protowire.SizeBytes(len(kind))
}

// unknownSize is the length of a whole object on the wire.
func unknownSize(apiVersion, kind string, n int) int {
	return len(protobufMagic) + 1 + protowire.SizeBytes(typeMetaSize(apiVersion, kind)) + 1 + protowire.SizeBytes(n) + len(unknownTail)
}

// appendUnknown puts a message in its envelope.
func appendUnknown(b []byte, apiVersion, kind string, raw []byte) []byte {
	b = unknownHead(b, apiVersion, kind, len(raw))
	b = append(b, raw...)
	return append(b, unknownTail...)
}

// appendWatchFrame is one whole frame of a watch stream.
func appendWatchFrame(b []byte, typ, apiVersion, kind string, raw []byte) []byte {
	obj := unknownSize(apiVersion, kind, len(raw))
	ext := 1 + protowire.SizeBytes(obj)
	b = binary.BigEndian.AppendUint32(b, uint32(1+protowire.SizeBytes(len(typ))+1+protowire.SizeBytes(ext)))
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendString(b, typ)
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(ext))
	b = protowire.AppendTag(b, 1, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(obj))
	return appendUnknown(b, apiVersion, kind, raw)
}

// listItemSize is what one item of n bytes takes in a list.
func listItemSize(n int) int { return 1 + protowire.SizeBytes(n) }

func appendListItemHead(b []byte, n int) []byte {
	b = protowire.AppendTag(b, 2, protowire.BytesType)
	return protowire.AppendVarint(b, uint64(n))
}

// listMetaField is field 1 of every list.
func listMetaField(m *metav1.ListMeta) ([]byte, error) {
	raw, err := m.Marshal()
	if err != nil {
		return nil, err
	}
	b := protowire.AppendTag(nil, 1, protowire.BytesType)
	return protowire.AppendBytes(b, raw), nil
}

// metadataOnly cuts a message down to field 1, its ObjectMeta: that is a PartialObjectMetadata.
func metadataOnly(body []byte) []byte {
	for b := body; len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil
		}
		m := protowire.ConsumeFieldValue(num, typ, b[n:])
		if m < 0 {
			return nil
		}
		if num == 1 {
			return b[:n+m]
		}
		b = b[n+m:]
	}
	return nil
}
