package watch

import (
	"context"
	"time"
)

// Source is the API server as the loop sees it. watch/kube implements it.
//
// List and Watch return *[APIError] when the server answered with an error, and any other error when it
// could not be reached. They retry nothing by themselves: the loop must see every failure.
type Source interface {
	// List requests one page and hands its objects to emit in chunks while they arrive. An error of emit
	// ends the call and is returned as it is. The deltas' Generation is left 0; emit owns the slice.
	List(ctx context.Context, scope Scope, q ListQuery, emit func([]Delta) error) (ListEnd, error)
	// Watch opens a stream and returns once the server has accepted it. Cancelling ctx ends the stream.
	Watch(ctx context.Context, scope Scope, q WatchQuery) (Stream, error)
	// Ping returns nil once the server has answered anything at all, to a request that costs it nothing.
	Ping(ctx context.Context) error
}

// ListQuery is one request of a LIST at the most recent resourceVersion.
type ListQuery struct {
	Limit    int    // objects per page; 0 asks for all in one answer
	Continue string // token of the page before
}

// ListEnd is what came with a page of a list.
type ListEnd struct {
	ResourceVersion string
	Continue        string // "" on the last page
	Remaining       int64  // objects on later pages; -1 when the server doesn't say
	Skipped         int    // objects so broken that not even their name could be read
}

// WatchQuery opens a stream.
type WatchQuery struct {
	// ResourceVersion is where to resume; "" with Initial.
	ResourceVersion string
	// Initial asks for the present objects first (sendInitialEvents, "WatchList"), ended by a bookmark.
	Initial bool
	// Timeout is after how long the server may close the stream.
	Timeout time.Duration
}

// Stream is an open watch. It is read by one goroutine; Close may come from another.
type Stream interface {
	// Next waits for a frame and returns it with all that can be read without waiting for more. Events
	// count even when an error comes with them. io.EOF is a clean end.
	Next() ([]Event, error)
	// Close ends the stream; a waiting Next returns.
	Close() error
}

// EventType is the type of a watch event; errors are returned as errors.
type EventType uint8

// The types.
const (
	EventAdded EventType = iota
	EventModified
	EventDeleted
	EventBookmark
)

// Event is one event of a stream.
type Event struct {
	Type            EventType
	ResourceVersion string
	// InitialEnd is set on the bookmark that ends the initial events.
	InitialEnd bool
	// Delta is the change; zero for bookmarks.
	Delta Delta
}
