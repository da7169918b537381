package recording

import (
	"context"
	"errors"
	"time"

	"orka/watch"
)

// batchMax bounds the events that are handed over at once.
const batchMax = 64

// Event is one event of a stream that is played.
type Event struct {
	Record        // of a change; its Op says which
	Bookmark      // of a bookmark
	Mark     bool // it is a bookmark
}

// Stream is a stream that is played. It ends with the context it was opened with.
type Stream struct {
	t   *Track
	ctx context.Context //nolint:containedctx // of the stream's whole life
}

// Watch answers the question for a stream, at the time the server had accepted it.
func (t *Track) Watch(ctx context.Context, q watch.WatchQuery) (*Stream, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.stillRefused(); err != nil {
		return nil, err
	}
	if t.attempt != 0 && t.resume(q.Initial) {
		return &Stream{t, ctx}, nil
	}
	for rewound := false; ; {
		r, after, err := t.begin()
		if ended(err) {
			return nil, t.over(ctx)
		}
		if err != nil {
			return nil, err
		}
		initial, err := initialWatch(&r)
		switch {
		case err != nil:
			return nil, err
		case r.Op == OpWatch && initial == q.Initial:
			if t.player.speed == 0 && !t.opens(after, r.Attempt) && !t.last(after) {
				break // what failed and was tried again costs only time
			}
			return t.open(ctx, r, after)
		case !q.Initial:
			if err := t.player.wait(ctx, r.At); err != nil {
				return nil, err
			}
			return nil, errListedAnew
		case r.Op == OpList:
			b, err := unmarshal[ListBegin](&r)
			if err != nil || !b.Continued {
				return nil, errNoStreamedList
			}
		case !rewound: // what was recorded goes on, and the watcher asks for a list
			rewound = true
			t.rewind()
			continue
		}
		t.cursor = after
	}
}

// last reports whether no list or stream begins behind c.
func (t *Track) last(c cursor) bool {
	_, _, err := c.begin()
	return err != nil
}

func initialWatch(r *Record) (bool, error) {
	if r.Op != OpWatch {
		return false, nil
	}
	b, err := unmarshal[WatchBegin](r)
	return b.Initial, err
}

// resume goes on in the stream in progress with what the watcher has perhaps not taken, and reports whether it can.
func (t *Track) resume(initial bool) bool {
	if initial || t.listing {
		t.rewind()
		return false
	}
	for _, p := range t.before {
		if p != nil {
			t.place = *p
			break
		}
	}
	t.before = [2]*place{}
	return t.attempt != 0
}

// open plays the stream up to where the server had accepted it.
func (t *Track) open(ctx context.Context, r Record, after cursor) (*Stream, error) {
	was := t.place
	t.cursor, t.attempt, t.before = after, r.Attempt, [2]*place{}
	if t.listing, _ = initialWatch(&r); t.listing {
		t.sinceList = &was
	}
	for {
		r, err := t.own()
		if ended(err) {
			t.attempt, t.listing = 0, false
			return nil, t.over(ctx)
		}
		if err == nil {
			err = t.player.wait(ctx, r.At)
		}
		if err != nil {
			t.place = was // asked again
			return nil, err
		}
		switch r.Op {
		case OpOpened:
			t.refused = nil
			return &Stream{t, ctx}, nil
		case OpProbe:
		case OpFailed:
			t.attempt, t.listing = 0, false
			return nil, t.failure(&r)
		default: // ended before it was accepted: the next one counts
			t.attempt, t.listing = 0, false
			return nil, errListedAnew
		}
	}
}

// Next waits for an event and returns it with those that have come by then. Events count even when an error comes with
// them.
func (s *Stream) Next() ([]Event, error) {
	t := s.t
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.place
	var events []Event
	for len(events) < batchMax {
		at := t.place
		e, err := s.event(len(events) == 0)
		if err != nil && len(events) > 0 { // they come first
			t.place = at
			break
		}
		if err != nil {
			if s.ctx.Err() != nil {
				t.place = at // nothing has been told of it
			}
			return nil, err
		}
		events = append(events, e)
	}
	// By the next batch but one the watcher has taken this one.
	t.before = [2]*place{t.before[1], &was}
	return events, nil
}

// errLater says that the next event has not come yet.
var errLater = errors.New("later")

// event is the next one; unless it is waited for, errLater says that it has not come.
func (s *Stream) event(wait bool) (Event, error) {
	t := s.t
	for {
		r, err := t.own()
		if ended(err) {
			if !wait {
				return Event{}, errLater
			}
			err := t.over(s.ctx)
			if s.ctx.Err() == nil {
				t.attempt, t.listing = 0, false
			}
			return Event{}, err
		}
		if err != nil {
			return Event{}, err
		}
		if err := s.until(wait, r.At); err != nil {
			return Event{}, err
		}
		switch r.Op {
		case OpAdded, OpModified, OpDeleted:
			t.told.Store(int64(r.At))
			t.rv = "" // the version is within the object
			return Event{Record: r}, nil
		case OpBookmark:
			b, err := unmarshal[Bookmark](&r)
			if err != nil {
				return Event{}, err
			}
			t.told.Store(int64(r.At))
			t.rv = b.ResourceVersion
			if b.InitialEnd {
				t.listing, t.lastList = false, t.sinceList
			}
			return Event{Bookmark: b, Mark: true}, nil
		case OpProbe:
			if b, err := unmarshal[Bookmark](&r); err == nil && b.ResourceVersion == t.rv && !t.listing {
				t.told.Store(int64(r.At))
				return confirmation(), nil
			}
		case OpFailed:
			if !wait {
				return Event{}, errLater
			}
			t.attempt, t.listing = 0, false
			return Event{}, t.failure(&r)
		case OpClosed, OpStopped:
			if !wait {
				return Event{}, errLater
			}
			if e, ok, err := s.goOn(&r); ok || err != nil {
				return e, err
			}
		}
	}
}

// until waits for a time, or says that it has not come.
func (s *Stream) until(wait bool, at time.Duration) error {
	if !wait && !s.t.player.due(at) {
		return errLater
	}
	return s.t.player.wait(s.ctx, at)
}

// confirmation is an event that says that nothing was missed up to here, and no more: its version is not known.
func confirmation() Event { return Event{Mark: true} }

// goOn follows the end of a stream: into the next one, or to the list that came after it. ok is set when there is an
// event to tell.
func (s *Stream) goOn(end *Record) (e Event, ok bool, err error) {
	t := s.t
	initial := t.listing
	r, after, err := t.begin()
	switch {
	case ended(err):
		if err = t.over(s.ctx); s.ctx.Err() == nil {
			t.attempt, t.listing = 0, false
		}
		return e, false, err
	case err != nil:
		return e, false, err
	}
	again, err := initialWatch(&r)
	if err != nil {
		return e, false, err
	}
	if r.Op == OpList || again || initial {
		if err := t.player.wait(s.ctx, r.At); err != nil {
			return e, false, err
		}
		t.attempt, t.listing = 0, false
		return e, false, errListedAnew
	}
	t.cursor, t.attempt = after, r.Attempt
	if c, err := unmarshal[Closed](end); end.Op == OpClosed && err == nil && c.Due {
		// A server that ends a stream at its time has sent all it had. A watcher that plays has not asked for that time.
		t.told.Store(int64(end.At))
		return confirmation(), true, nil
	}
	return e, false, nil
}
