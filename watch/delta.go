package watch

import (
	"context"
	"time"
)

// Op is what happened to an object.
type Op uint8

const (
	// Applied is an object as it is now: created, changed, or seen by a list.
	Applied Op = iota
	// Deleted is an object that is gone; its Object holds at least kind, namespace, name and uid.
	Deleted
)

// Encoding is how a Body is written.
type Encoding uint8

const (
	// EncodingNone is a body that was withheld (Secrets) or is not there.
	EncodingNone Encoding = iota
	// EncodingJSON is the JSON object.
	EncodingJSON
	// EncodingProtobuf is the bare protobuf message of the kind, without the envelope of the wire.
	EncodingProtobuf
)

// Body is the object as the server sent it, without metadata.managedFields.
type Body struct {
	Encoding Encoding
	Data     []byte
}

// Delta is one change on its way from a watcher to a shard.
type Delta struct {
	Op     Op
	Object *Object
	Body   Body
	// Generation is that of the list this delta belongs to or follows. Generations are drawn from one
	// counter per process ([NextGeneration]), so a later list of any watcher has the higher one.
	Generation uint64
	Arrived    time.Time
}

// Sink takes what watchers deliver. shard.Store is the one of the product.
//
// A delta whose generation is lower than that of the stored object is ignored; within a generation a
// resourceVersion never goes back; a delete of another uid than the stored one is ignored.
type Sink interface {
	// Put takes a page of a list. It waits for room and fails only with ctx.
	Put(ctx context.Context, kind *Kind, page []Delta) error
	// Offer takes events of a stream. It waits for room at most a short, fixed time; what found none is
	// dropped and counted. Any drop obliges the caller to relist.
	Offer(ctx context.Context, kind *Kind, events []Delta) (dropped int, err error)
	// Sweep ends a list: every object of the scope whose last generation is below the given one is
	// deleted. It returns once a World with the whole list in it is published.
	Sweep(ctx context.Context, scope Scope, generation uint64) error
}
