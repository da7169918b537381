package recording

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"orka/watch"
)

// Track plays one scope to one watcher: it answers each question with the next attempt of the recording. The watcher
// that plays need not ask what the recorded one asked, since back-off and periodic relists are drawn anew. So:
//
//   - a stream that ended in form goes on in the next one;
//   - where the recording lists anew, a stream ends as expired, which makes any watcher list;
//   - a streamed list answers a list by pages;
//   - a list that the recording does not have at that place, because the watcher asks for one of its own accord, is
//     answered by the last one before it, and all that followed is played again, at once as far as it has been played.
//     What the watcher ends with is the same.
//
// One watcher uses it, one question at a time; a stream must have ended before the next question.
type Track struct {
	player *Player

	// told is the time of the last event, bookmark or complete list, in nanoseconds.
	told atomic.Int64

	// guarded by mu
	mu sync.Mutex
	place
	lastList  *place    // before the begin of the last complete list
	sinceList *place    // before the begin of the list in progress
	refused   error     // the last answer, when it was that this is not allowed
	before    [2]*place // before the last two batches of the stream, the older first: perhaps not taken
}

// place is how far a track has been played.
type place struct {
	cursor
	attempt uint64 // in progress; 0 is none
	listing bool   // a list or the initial events of a stream have begun and neither ended nor failed
	rv      string // the newest; "" when it is not known
}

// expired makes a watcher begin anew.
func expired(verb, why string) error {
	return &watch.APIError{Verb: verb, Resource: "recording", Code: http.StatusGone, Reason: "Expired", Message: why}
}

var (
	errListedAnew = expired("watch", "the objects were listed anew here")
	errFirstPage  = expired("list", "the pages were listed anew here")
	// errNoStreamedList has a watcher list by pages.
	errNoStreamedList = &watch.APIError{Verb: "watch", Resource: "recording", Code: http.StatusBadRequest, Message: "listed by pages here"}
	errProbe          = errors.New("a recording can't be probed")
)

// List answers the question for a page; emit is given its objects in the order and at the pace they came.
func (t *Track) List(ctx context.Context, q watch.ListQuery, emit func(Record) error) (watch.ListEnd, error) {
	none := watch.ListEnd{Remaining: -1}
	if q.Limit == 1 && q.Continue == "" { // of a silent stream, which is open
		return none, errProbe
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.stillRefused(); err != nil {
		return none, err
	}
	if err := t.seek(q.Continue != ""); err != nil {
		if ended(err) {
			err = t.over(ctx)
		}
		return none, err
	}
	r, after, err := t.begin()
	if err != nil {
		return none, err
	}
	if q.Continue == "" {
		was := t.place
		t.sinceList = &was
	}
	t.cursor, t.attempt, t.listing = after, r.Attempt, true
	t.before = [2]*place{}
	return t.page(ctx, emit)
}

// stillRefused is the refusal that a watcher meets who asks sooner than the recorded one did: rights stay as they are until
// the recording says otherwise. A server that does not answer may come back, so that its failures are waited out.
func (t *Track) stillRefused() error {
	if t.refused == nil {
		return nil
	}
	if r, _, err := t.begin(); err == nil && r.At <= t.player.Now()+askedAhead {
		return nil
	}
	return t.refused
}

// seek moves to the list that answers: io.EOF where there is none.
func (t *Track) seek(continued bool) error {
	rewound := continued
	if !continued && t.attempt != 0 {
		rewound = true
		t.rewind()
	}
	for {
		r, after, err := t.begin()
		if err != nil {
			return err
		}
		first, resumed := false, false
		if r.Op == OpList {
			b, err := unmarshal[ListBegin](&r)
			if err != nil {
				return err
			}
			first, resumed = !b.Continued, b.Continued && t.listing
		} else {
			initial, err := initialWatch(&r)
			if err != nil {
				return err
			}
			first, resumed = initial && t.opens(after, r.Attempt), !initial
		}
		switch {
		case first && continued:
			return errFirstPage
		case first && r.Op == OpList && t.player.speed == 0 && t.skip(after), first, continued && r.Op == OpList:
			return nil
		case resumed && !rewound: // what was recorded goes on, and the watcher asks for a list
			rewound = true
			t.rewind()
		default:
			t.cursor = after
		}
	}
}

// skip moves to the last of several lists with no stream between them, as where a kind is polled or lists failed: played
// without pauses, only the last one counts. after is behind the begin of the first of them.
func (t *Track) skip(after cursor) bool {
	for c := after; ; {
		at := c
		r, next, err := c.begin()
		switch {
		case err != nil, r.Op == OpWatch && t.opens(next, r.Attempt):
			return true
		case r.Op == OpList && BeginsList(&r) && next.completes():
			t.cursor = at
		}
		c = next
	}
}

// completes reports whether the list whose begin is behind the cursor becomes complete.
func (c cursor) completes() bool {
	for {
		r, err := c.next()
		switch {
		case err != nil, BeginsList(&r):
			return false
		case EndsList(&r):
			return true
		}
	}
}

// opens reports whether a stream was accepted: one that was not, as where streamed lists are not served, is no list.
func (t *Track) opens(c cursor, attempt uint64) bool {
	for {
		r, err := c.next()
		switch {
		case err != nil:
			return false
		case r.Attempt == attempt:
			return r.Op == OpOpened
		}
	}
}

// rewind goes back to where a list can be played from.
func (t *Track) rewind() {
	switch {
	case t.listing && t.sinceList != nil:
		t.place = *t.sinceList
	case t.lastList != nil:
		t.place = *t.lastList
	}
	t.attempt, t.listing, t.before = 0, false, [2]*place{}
}

// page plays the attempt in progress up to the end of its list.
func (t *Track) page(ctx context.Context, emit func(Record) error) (watch.ListEnd, error) {
	end := watch.ListEnd{Remaining: -1}
	for {
		r, err := t.own()
		if ended(err) {
			t.attempt, t.listing = 0, false
			return end, t.over(ctx)
		}
		if err == nil {
			err = t.player.wait(ctx, r.At)
		}
		if err != nil {
			return end, err
		}
		switch r.Op {
		case OpObject, OpAdded, OpModified, OpDeleted:
			if err := emit(r); err != nil {
				return end, err
			}
		case OpListEnd:
			e, err := unmarshal[ListEnd](&r)
			if err != nil {
				return end, err
			}
			t.attempt, t.rv = 0, e.ResourceVersion
			t.refused = nil
			t.told.Store(int64(r.At))
			if e.Continue == "" {
				t.listing, t.lastList = false, t.sinceList
			}
			return watch.ListEnd{ResourceVersion: e.ResourceVersion, Continue: e.Continue, Remaining: e.Remaining}, nil
		case OpBookmark:
			b, err := unmarshal[Bookmark](&r)
			if err != nil {
				return end, err
			}
			if b.InitialEnd {
				t.listing, t.rv, t.lastList = false, b.ResourceVersion, t.sinceList
				t.refused = nil
				t.told.Store(int64(r.At))
				return watch.ListEnd{ResourceVersion: b.ResourceVersion}, nil
			}
		case OpClosed, OpStopped, OpFailed:
			t.attempt, t.listing = 0, false
			if r.Op == OpFailed {
				return end, t.failure(&r)
			}
			return end, fmt.Errorf("the list was broken off here: %w", errFirstPage)
		}
	}
}

// failure is a recorded error, which is kept if it is a refusal.
func (t *Track) failure(r *Record) error {
	err := t.player.failure(r)
	t.refused = nil
	if watch.Classify(err) == watch.ReasonForbidden {
		t.refused = err
	}
	return err
}

// failure is a recorded error. Played without pauses, a server asks for none.
func (p *Player) failure(r *Record) error {
	f, err := unmarshal[Failure](r)
	if err != nil {
		return err
	}
	f.RetryAfter = min(max(f.RetryAfter, 0), maxPause)
	if p.speed == 0 {
		f.RetryAfter = 0
	} else {
		f.RetryAfter = time.Duration(float64(f.RetryAfter) / p.speed)
	}
	return f.errorOf()
}

// maxPause bounds the pause that a recorded server asks for.
const maxPause = time.Hour

// own is the next record of the attempt in progress, or a probe of its scope.
func (t *Track) own() (Record, error) {
	for {
		r, err := t.next()
		if err != nil || r.Attempt == t.attempt || r.Op == OpProbe {
			return r, err
		}
	}
}

// over waits for the end of the recording.
func (t *Track) over(ctx context.Context) error {
	if err := t.player.wait(ctx, t.player.file.Length); err != nil {
		return err
	}
	return t.player.ended()
}
