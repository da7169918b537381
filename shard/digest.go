package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"orka/watch"
)

// Digest names the content of a World: the same objects give the same digest however they are spread over shards and
// whatever the epoch. It is a sum of one SHA-256 per object, so order plays no part; it costs about a
// microsecond an object.
func (w *World) Digest() string {
	var sum [4]uint64
	var buf []byte
	for o := range w.All() {
		buf = appendContent(buf[:0], o)
		h := sha256.Sum256(buf)
		for i := range sum {
			sum[i] += binary.LittleEndian.Uint64(h[8*i:])
		}
	}
	out := make([]byte, 0, 40)
	for _, v := range sum {
		out = binary.LittleEndian.AppendUint64(out, v)
	}
	out = binary.LittleEndian.AppendUint64(out, uint64(w.Len())) //nolint:gosec // a length
	h := sha256.Sum256(out)
	return hex.EncodeToString(h[:16])
}

// appendContent writes every field of o, each with its length before it.
func appendContent(b []byte, o *watch.Object) []byte {
	str := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	flag := byte(0)
	if o.Undecodable {
		flag = 1
	}
	b = append(b, 1, byte(o.Health), flag) // 1: the form of this encoding
	b = binary.AppendVarint(b, o.Created)
	b = binary.AppendVarint(b, o.Deleted)
	for _, s := range [...]string{
		o.Kind.Group, o.Kind.Version, o.Kind.Kind, o.Namespace, o.Name, o.UID, o.ResourceVersion,
		string(o.Labels), string(o.Annos), o.Status, string(o.Cells), string(o.Fields),
	} {
		str(s)
	}
	for _, w := range o.Owners {
		str(w.APIVersion)
		str(w.Kind)
		str(w.Name)
		str(w.UID)
		controller := byte(0)
		if w.Controller {
			controller = 1
		}
		b = append(b, controller)
	}
	return b
}
