package watch

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

const (
	// promptWithin is how long after the last confirmation a stream may begin, or its list may take, so that what comes
	// counts as coming when it happens.
	promptWithin = 10 * time.Second
	// longSilence is a silence after which what comes may have been on its way all along. Bookmarks come each minute.
	longSilence = 65 * time.Second
	// askSpread is over how long the probes of streams that resume in one instant are spread.
	askSpread = 2 * time.Second
	// askAgain is the pause after a probe that failed; it doubles to askAgainMost.
	askAgain     = 15 * time.Second
	askAgainMost = time.Minute
)

// backlog is what may lie between the server and us after an outage or a silence: events as old as that. Until it is known to
// be behind us, nothing that arrives confirms.
type backlog struct {
	since time.Time
	ask   time.Time     // when the next probe is due
	pause time.Duration // after the one before it
	// target is the server's resourceVersion at a time: a stream that has come to it holds nothing older. "" until a probe has told.
	target   string
	targetAt time.Time
	// lone is set when the stream came to the last target with a single event after a pause.
	lone bool
	// blind is set when the server has answered that it can't tell, or in no order that we know.
	blind bool
}

// doubtOld looks, when events begin to come, at how old they may be.
func (s *session) doubtOld(now time.Time) {
	if s.w.now.Suspended || now.Round(0).Sub(s.w.confirmed.Round(0)) > promptWithin {
		s.fallBehind(now)
	}
}

func (s *session) fallBehind(now time.Time) {
	if s.behind == nil {
		s.proveAnew(now)
		return
	}
	s.behind.since = now
}

// proveAnew begins a backlog of which no target is known.
func (s *session) proveAnew(now time.Time) {
	if s.behind == nil {
		s.doubt = now
	}
	s.behind = &backlog{since: now, ask: now.Add(time.Duration(s.w.cfg.Rand() * float64(askSpread)))}
}

// probeDue is when to ask the server where it stands, if ever.
func (s *session) probeDue() (time.Time, bool) {
	b := s.behind
	switch {
	case s.probe != nil && !s.probe.check:
		return time.Time{}, false
	case b == nil:
		return s.frame.Add(ConfirmWithin), s.asked.Before(s.frame)
	default:
		return b.ask, b.target == ""
	}
}

func (s *session) ask(ctx context.Context) {
	s.probe.stop() // a check can wait
	s.asked, s.askedAt = time.Now(), s.w.now.Checkpoint
	s.probe = startProbe(ctx, s.w, false)
}

// failed books that a probe told nothing.
func (b *backlog) failed(now time.Time) {
	b.pause = min(max(askAgain, 2*b.pause), askAgainMost)
	b.ask = now.Add(b.pause)
}

// proof is the time as of which nothing is missing once a frame has come that took the checkpoint to where it is; false while
// what may be older is still to come.
func (s *session) proof(at time.Time, checkpoint string, bookmark bool) (time.Time, bool) {
	b := s.behind
	switch {
	case b == nil:
		return at, true
	case b.target == "":
		// Without a server that can tell, what has been flowing for a while is taken to have caught up.
		if !b.blind || at.Sub(b.since) < promptWithin {
			return at, false
		}
	case older(checkpoint, b.target):
		return at, false
	default:
		s.w.lag.proven = b.targetAt
		if late := at.Sub(b.targetAt); late > promptWithin && !s.quiet(at, bookmark) {
			s.lags(at, late)
			return b.targetAt, true
		}
	}
	s.behind = nil
	return at, true
}

// lags has a stream that came to its target so late prove itself anew. The next probe can wait as long as its answer, as late,
// will still be in time to confirm; and there is progress, so that it is not for want of a bookmark.
func (s *session) lags(at time.Time, late time.Duration) {
	lone := s.pause > promptWithin
	s.proveAnew(at)
	s.behind.lone = lone
	if 2*late <= ConfirmWithin && !lone {
		s.doubt = at
		s.behind.ask = s.behind.ask.Add(max(0, ConfirmWithin-promptWithin-2*late))
	}
}

// quiet reports whether a frame that came to the target late did so for want of anything to say. So slow a line holds more of the
// same; but a bookmark that comes alone is of a quiet kind, and so is, twice in a row, an event.
func (s *session) quiet(at time.Time, bookmark bool) bool {
	b := s.behind
	return s.pause > promptWithin && s.pause <= longSilence && at.Sub(b.targetAt) <= ConfirmWithin && (bookmark || b.lone)
}

// unmarkedAt is when a stream that is behind has had time enough for a bookmark that tells where the server is, and none came;
// false where that says nothing. A kind may have none, or those of a server whose bookmarks stand still where nothing happens.
func (s *session) unmarkedAt() (time.Time, bool) {
	return s.doubt.Add(silentAfter), s.behind != nil && !s.w.unmarked
}

// confirm books that nothing is missing of what the server had at a time, and what else changes with that.
func (s *session) confirm(at time.Time, change func(*Status)) {
	if at.Before(s.w.confirmed) {
		at = s.w.confirmed
	}
	s.doubted = false
	now := time.Now()
	s.w.confirm(at, func(st *Status) {
		st.Phase = livePhase(now, at, false)
		change(st)
	})
}

// judge reads what a probe found. A server whose version is below what our checkpoint was when it was asked has been rewound, and
// filters all it sends until it has caught up. One whose version is not above our checkpoint has nothing that we have missed. Any
// other proves nothing before the stream has come to it.
func (s *session) judge(now time.Time) (end, bool) {
	p := s.probe
	s.probe = nil
	if p.check {
		s.checked(p, now)
		return end{}, false
	}
	order, err := resourceversion.CompareResourceVersion(p.rv, s.askedAt)
	if p.err != nil {
		s.w.hold(p.err, now)
		err = p.err
	}
	switch {
	case err != nil && s.behind != nil:
		s.behind.blind = s.behind.blind || p.err == nil || cantTell(p.err)
		s.behind.failed(now)
	case err != nil:
	case order < 0:
		return rewound(s.askedAt, p.rv), true
	case older(s.w.now.Checkpoint, p.rv):
		if s.behind != nil {
			s.behind.target, s.behind.targetAt = p.rv, p.began
		}
	default:
		if order > 0 && now.Sub(p.began) > promptWithin { // as in proof
			s.proveAnew(now)
		} else {
			s.behind = nil
		}
		s.w.lag.proven = p.began
		s.confirm(p.began, func(*Status) {})
	}
	return end{}, false
}

// older reports whether a resourceVersion is below another. The two are of one server, which has an order.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
