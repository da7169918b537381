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
	// longSilence is a silence after which what comes may have been on its way all along. Bookmarks come each minute. As a stream is
	// given up after as long (silentAfter), it is met by a watcher that was itself stopped.
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
	ask   time.Time // when the next probe is due
	// target is the server's resourceVersion at a time: a stream that has come to it holds nothing older. "" until a probe has told.
	target   string
	targetAt time.Time
	// lone is set when the stream came to the last target with a single event after a pause.
	lone bool
	// blind is set when the server has answered that it can't tell, or in no order that we know, which is unordered.
	blind, unordered bool
}

// askAgain is when to ask a server that has not told where it stands.
type askedAgain struct {
	at    time.Time
	pause time.Duration // 0 when the last probe told
}

// failed books that a probe told nothing.
func (a *askedAgain) failed(now time.Time) {
	a.pause = min(max(askAgain, 2*a.pause), askAgainMost)
	a.at = now.Add(a.pause)
}

// doubtOld looks, when events begin to come, at how old they may be. Where streams are too short for bookmarks, nothing tells of a
// server that was rewound, so that they are one chain of which no end was out of form.
func (s *session) doubtOld(now time.Time) {
	broken := s.timeout < silentAfter && !s.follows
	if broken || s.w.now.Suspended || now.Round(0).Sub(s.w.confirmed.Round(0)) > promptWithin {
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
	ask := now.Add(time.Duration(s.w.cfg.Rand() * float64(askSpread)))
	if again := s.w.again.at; again.After(ask) {
		ask = again
	}
	s.behind = &backlog{since: now, ask: ask}
}

// probeDue is when to ask the server where it stands, if ever.
func (s *session) probeDue() (time.Time, bool) {
	if b := s.behind; b != nil && b.target == "" && s.probe == nil {
		return b.ask, true
	}
	return time.Time{}, false
}

func (s *session) ask(ctx context.Context) {
	s.askedAt = s.w.now.Checkpoint
	s.probe = startProbe(ctx, s.w, forTarget)
}

// leaveProbe ends the probe in progress with the stream. One that has been without an answer for long counts as failed.
func (s *session) leaveProbe() {
	s.probe.stop()
	if p := s.probe; p != nil && !p.check() && !p.began.IsZero() && time.Since(p.began) > promptWithin {
		s.w.again.failed(time.Now())
	}
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
		} else if late > promptWithin && !bookmark { // it may be the line after all
			s.behind, s.w.lag.next = nil, at
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

// endProves reports whether the end of the stream, in form and in time, says that nothing is missing. Of a server that was rewound it
// does not, nor of one that had more to say than the line took until then.
func (s *session) endProves() bool {
	b := s.behind
	return b == nil || b.unordered || (b.target != "" && !s.old)
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

// judge reads the answer to a probe.
func (s *session) judge(now time.Time) (end, bool) {
	p := s.probe
	s.probe = nil
	switch p.purpose {
	case forTarget:
		if out, done := s.found(p, now); done {
			return out, true
		}
	case forLateness:
		s.checked(p, now)
	case forReading:
		s.w.hold(p.err, now)
	}
	s.redeem(p)
	return end{}, false
}

// found reads where the server is. A server whose version is below what our checkpoint was when it was asked has been rewound, and
// filters all it sends until it has caught up. One whose version is not above our checkpoint has nothing that we have missed. Any
// other proves nothing before the stream has come to it.
func (s *session) found(p *probe, now time.Time) (end, bool) {
	order, err := resourceversion.CompareResourceVersion(p.rv, s.askedAt)
	if p.err != nil {
		s.w.hold(p.err, now)
		err = p.err
	}
	switch {
	case err != nil && s.behind != nil:
		s.behind.blind = s.behind.blind || p.err == nil || cantTell(p.err)
		s.behind.unordered = s.behind.unordered || p.err == nil
		s.w.again.failed(now)
		s.behind.ask = s.w.again.at
		return end{}, false
	case err != nil:
		return end{}, false
	}
	s.w.again = askedAgain{}
	switch {
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
