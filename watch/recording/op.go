package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"orka/watch"
)

// Op is what a record is about. The numbers are part of the file format.
type Op uint8

// The ops. Data is JSON unless it is an object's.
const (
	OpHeader    Op = 1  // Header; the first record of a file
	OpDiscovery Op = 2  // Discovery
	OpVersion   Op = 3  // of the server, as text
	OpScope     Op = 4  // ScopeInfo: what the records with this Scope are about
	OpList      Op = 5  // ListBegin: one page is asked for
	OpWatch     Op = 6  // WatchBegin: a stream is asked for
	OpOpened    Op = 7  // the server has accepted the stream
	OpObject    Op = 8  // an object of a list
	OpListEnd   Op = 9  // ListEnd: the page is complete
	OpAdded     Op = 10 // an object of a stream
	OpModified  Op = 11
	OpDeleted   Op = 12
	OpBookmark  Op = 13 // Bookmark
	OpClosed    Op = 14 // Closed: the server ended the stream in form
	OpStopped   Op = 15 // orka ended the list or the stream
	OpFailed    Op = 16 // Failure: the list or the stream ended with an error
	OpProbe     Op = 17 // Bookmark: what the server answered when it was asked for its version
	OpEnd       Op = 18 // the recording was ended and not cut off
)

const lastOp = OpEnd

// Record is one entry of a recording.
type Record struct {
	Op Op
	// Scope numbers the scope within the file, from 1; 0 where there is none. Attempt numbers the request it belongs to.
	Scope, Attempt uint64
	At             time.Duration  // since the recording began
	Encoding       watch.Encoding // of an object
	// Partial is set on an object that was too large: of it, only the front is there.
	Partial bool
	Data    []byte // of an object: as the server sent it
}

const (
	// maxData bounds the data of one record, in bytes: the largest object that is read, and room for its frame.
	maxData = 17 << 20
	// recordOverhead bounds what a record has beside its data, in bytes.
	recordOverhead = 64

	flagJSON     = 1
	flagProtobuf = 2
	flagPartial  = 4
)

var errRecord = errors.New("a record is malformed")

// appendRecord writes r behind dst: its length, then the rest.
func appendRecord(dst []byte, r *Record) []byte {
	var head [recordOverhead]byte
	b := append(head[:0], byte(r.Op))
	b = binary.AppendUvarint(b, r.Scope)
	b = binary.AppendUvarint(b, r.Attempt)
	b = binary.AppendUvarint(b, uint64(max(r.At, 0)/time.Microsecond)) //nolint:gosec // not negative
	flags := byte(0)
	switch r.Encoding {
	case watch.EncodingJSON:
		flags = flagJSON
	case watch.EncodingProtobuf:
		flags = flagProtobuf
	}
	if r.Partial {
		flags |= flagPartial
	}
	b = append(b, flags)
	dst = binary.AppendUvarint(dst, uint64(len(b)+len(r.Data)))
	dst = append(dst, b...)
	return append(dst, r.Data...)
}

// maxAt bounds a record's time: some 290 years in nanoseconds overflow.
const maxAt = uint64(1<<63-1) / uint64(time.Microsecond)

// readRecord reads the first record of b and returns what follows it. Data shares b's memory.
func readRecord(b []byte) (r Record, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) { //nolint:gosec // n is at most len(b)
		return r, nil, errRecord
	}
	b, rest = b[n:n+int(size)], b[n+int(size):] //nolint:gosec // at most len(b)
	if len(b) == 0 {
		return r, nil, errRecord
	}
	r.Op, b = Op(b[0]), b[1:]
	var at uint64
	for _, v := range []*uint64{&r.Scope, &r.Attempt, &at} {
		if *v, n = binary.Uvarint(b); n <= 0 {
			return r, nil, errRecord
		}
		b = b[n:]
	}
	if len(b) == 0 || at > maxAt || r.Op == 0 {
		return r, nil, errRecord
	}
	if r.Op > lastOp {
		return r, nil, fmt.Errorf("a record is of a kind (%d) that this orka does not know", r.Op)
	}
	r.At = time.Duration(at) * time.Microsecond //nolint:gosec // at most maxAt
	flags := b[0]
	switch flags &^ flagPartial {
	case 0:
	case flagJSON:
		r.Encoding = watch.EncodingJSON
	case flagProtobuf:
		r.Encoding = watch.EncodingProtobuf
	default:
		return r, nil, errRecord
	}
	r.Partial = flags&flagPartial != 0
	r.Data = b[1:]
	return r, rest, nil
}
