package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// session is one open stream. It is owned by follow.
type session struct {
	w       *Watcher
	initial bool // the initial events have not ended
	started time.Time
	timeout time.Duration // after which the server was asked to end the stream
	opened  time.Time     // zero until the server has accepted
	frame   time.Time     // of the last frame
	pause   time.Duration // before that
	added   time.Time     // of the last initial event
	flushed time.Time     // of the last page given to the sink
	page    []Delta       // of the streamed list, not yet given to the sink
	heard   bool          // any event at all
	follows bool          // on one that ended in form, at its deadline
	doubted bool          // Unconfirmed has been published
	relist  Reason        // of the relist that waits for a slot
	granted <-chan struct{}
	probe   *probe
	askedAt string    // the checkpoint of the last probe
	behind  *backlog  // what comes may be old; nil when it comes as it happens
	doubt   time.Time // since when it may be
	old     bool      // events came meanwhile
	owed    time.Time // see stands
	ahead   bool      // readEnd has been
}

// deadline is when expire has something to do unless a batch comes first.
func (s *session) deadline() time.Time {
	if s.opened.IsZero() {
		at := s.started.Add(openWithin)
		if s.w.now.Phase == Live {
			at = earlier(at, s.w.confirmed.Add(ConfirmWithin))
		}
		return at
	}
	if s.initial {
		at := earlier(s.added.Add(initialSilence), s.opened.Add(listWithin))
		if len(s.page) > 0 {
			at = earlier(at, s.flushed.Add(flushEvery))
		}
		return at
	}
	at := s.frame.Add(silentAfter)
	if !s.doubted {
		at = earlier(at, s.w.confirmed.Add(ConfirmWithin))
	}
	if due, ok := s.probeDue(); ok {
		at = earlier(at, due)
	}
	if due, ok := s.checkDue(); ok {
		at = earlier(at, due)
	}
	if due, ok := s.readDue(); ok {
		at = earlier(at, due)
	}
	if due, ok := s.unmarkedAt(); ok {
		at = earlier(at, due)
	}
	if s.granted == nil {
		at = earlier(at, s.w.relistAt)
	}
	return at
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// expire does what deadline announced.
func (s *session) expire(ctx context.Context) (end, bool) {
	now := time.Now()
	due := func(t time.Time, d time.Duration) bool { return !now.Before(t.Add(d)) }
	switch {
	case s.opened.IsZero():
		if due(s.started, openWithin) {
			return failed(errSilent), true
		}
		if s.w.now.Phase == Live { // not a failure's
			s.doubtSilence(now, errorText(errSilent))
		}
	case s.initial:
		if len(s.page) > 0 && due(s.flushed, flushEvery) {
			if err := s.flush(ctx); err != nil {
				return failed(err), true
			}
		}
		if due(s.added, initialSilence) || due(s.opened, listWithin) {
			return failed(errNoEnd), true
		}
	default:
		if due(s.frame, silentAfter) {
			s.w.unmarked = true // the end of a short one will confirm
			return failed(errSilent), true
		}
		if at, ok := s.unmarkedAt(); ok && due(at, 0) {
			s.w.unmarked = true
			return end{reason: ReasonClosed, streamed: true}, true
		}
		s.doubtSilence(now, s.w.now.Err)
		if at, ok := s.probeDue(); ok && due(at, 0) {
			s.ask(ctx)
		}
		if at, ok := s.checkDue(); ok && due(at, 0) {
			s.check(ctx)
		}
		if at, ok := s.readDue(); ok && due(at, 0) {
			s.readEnd(ctx)
		}
		if s.granted == nil && due(s.w.relistAt, 0) {
			s.wantRelist(ReasonPeriodic)
		}
	}
	return end{}, false
}

// doubtSilence publishes that what was confirmed last is too long ago, and why.
func (s *session) doubtSilence(now time.Time, why string) {
	if s.doubted || now.Before(s.w.confirmed.Add(ConfirmWithin)) {
		return
	}
	s.doubted = true
	s.w.update(func(st *Status) { st.Phase, st.Err = Unconfirmed, why })
}

// wantRelist queues for a list slot; the stream goes on until there is one.
func (s *session) wantRelist(why Reason) {
	if s.granted == nil {
		s.relist = why
		s.granted = s.w.queue().granted
	}
}

// take applies a batch.
func (s *session) take(ctx context.Context, b batch) (end, bool) {
	if b.opened {
		s.w.watched = true
		if s.w.unmarked && !s.initial {
			s.w.vain++
		}
		s.opened, s.frame, s.added, s.flushed = b.at, b.at, b.at, b.at
		if !s.initial {
			s.doubtOld(b.at)
			s.w.update(func(st *Status) {
				st.Phase = livePhase(b.at, s.w.confirmed, st.Suspended)
				st.Err = ""
			})
		}
		return end{}, false
	}
	if len(b.events) > 0 {
		if s.pause = b.at.Sub(s.frame); s.pause > longSilence {
			s.fallBehind(b.at)
		}
		s.frame, s.heard = b.at, true
		if out, done := s.apply(ctx, b); done {
			return out, true
		}
	}
	switch {
	case b.err == nil:
		return end{}, false
	case s.initial && b.err == io.EOF: //nolint:errorlint // see Classify
		return failed(errNoEnd), true
	default:
		lived := b.at.Sub(s.opened)
		s.w.cuts.ended(b.err, lived < s.timeout-deadlineSlack, b.at.Sub(s.frame), b.at)
		if errors.Is(b.err, io.EOF) && s.endProves() && s.w.reads(b.at) && (lived-s.timeout).Abs() <= deadlineSlack {
			// A dead connection does not end in time and in form. The news of an end that comes late may be of an earlier one, as of a
			// server that shut down.
			s.w.kept = true
			at := earlier(b.at, s.started.Add(s.timeout))
			if s.w.lag.target == "" && (!s.heard || b.at.Sub(s.frame) > promptWithin) { // else there may have been more to say
				s.w.lag.proven = at
			}
			s.confirm(at, func(*Status) {})
		}
		brief := lived < briefStream && !s.initial
		out := streamEnd(b.err, brief && (s.w.brief || !s.heard), lived)
		s.w.brief = brief
		return out, true
	}
}

// apply hands events to the sink in their order. The checkpoint follows only what it has accepted.
func (s *session) apply(ctx context.Context, b batch) (end, bool) {
	events := b.events
	for s.initial && len(events) > 0 {
		e := events[0]
		events = events[1:]
		if e.Type != EventBookmark {
			s.page = append(s.page, e.Delta)
			if e.Type == EventAdded {
				s.added = b.at
			}
			continue
		}
		if !e.InitialEnd {
			continue
		}
		if err := s.flush(ctx); err != nil {
			return failed(err), true
		}
		if err := s.w.complete(ctx, e.ResourceVersion); err != nil {
			return failed(err), true
		}
		s.initial = false
		s.w.leaveSlot()
		s.w.cfg.Slots.watchListWorked(s.w.scope.Kind.Group)
		if s.w.cuts.known(b.at) { // a list takes its time, but this stream would be cut
			return end{reason: ReasonClosed, streamed: true}, true
		}
		s.doubtOld(b.at)
		s.w.update(func(st *Status) { st.Phase, st.Err = livePhase(b.at, s.w.confirmed, false), "" })
	}
	if s.initial {
		if len(s.page) >= flushAt || (len(s.page) > 0 && b.at.Sub(s.flushed) >= flushEvery) {
			if err := s.flush(ctx); err != nil {
				return failed(err), true
			}
		}
		return end{}, false
	}
	return s.offer(ctx, events, b.at)
}

// flush puts the gathered objects of a streamed list into the sink.
func (s *session) flush(ctx context.Context) error {
	page := s.page
	s.page = nil
	err := s.w.put(ctx, page)
	s.flushed = time.Now()
	return err
}

// offer hands live events to the sink.
func (s *session) offer(ctx context.Context, events []Event, at time.Time) (end, bool) {
	if len(events) == 0 {
		return end{}, false
	}
	w := s.w
	deltas := make([]Delta, 0, len(events))
	checkpoint := w.now.Checkpoint
	for _, e := range events {
		if e.Type == EventBookmark {
			if order, err := resourceversion.CompareResourceVersion(e.ResourceVersion, checkpoint); err == nil && order < 0 {
				return rewound(checkpoint, e.ResourceVersion), true
			}
		} else {
			deltas = append(deltas, e.Delta)
		}
		checkpoint = advance(checkpoint, e.ResourceVersion)
	}
	var undecodable uint64
	if len(deltas) > 0 {
		undecodable = w.stamp(deltas)
		dropped, err := w.sink.Offer(ctx, w.scope.Kind, deltas)
		if err != nil {
			return failed(w.refused(ctx, err)), true
		}
		if dropped > 0 {
			return failed(fmt.Errorf("%w (%d lost)", errOverflow, dropped)), true
		}
	}
	moved := checkpoint != w.now.Checkpoint
	s.notice(events, checkpoint, at)
	s.old = s.old || s.behind != nil && len(deltas) > 0
	change := func(st *Status) {
		st.Checkpoint = checkpoint
		st.Undecodable += undecodable
	}
	switch as, ok := s.proof(at, checkpoint, events[len(events)-1].Type == EventBookmark); {
	case !ok:
		w.heard(at, change)
	case moved:
		s.confirm(as, change)
	default:
		s.stands(ctx, as, change)
	}
	return end{}, false
}

// advance is the checkpoint after an event. Where versions can't be compared, the order of the stream
// counts; where they can, an event out of order never takes the checkpoint back.
func advance(checkpoint, rv string) string {
	if rv == "" {
		return checkpoint
	}
	if order, err := resourceversion.CompareResourceVersion(rv, checkpoint); err == nil && order < 0 {
		return checkpoint
	}
	return rv
}

func rewound(from, to string) end {
	return end{reason: ReasonRewound, err: fmt.Errorf(
		"the server's resourceVersion went back from %s to %s, as after a restore from a backup", from, to)}
}
