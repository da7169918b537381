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
	// askSpread is over how long the probes of streams that resume in one instant are spread; askAgain is the pause after one
	// that failed.
	askSpread = 2 * time.Second
	askAgain  = 15 * time.Second
)

// backlog is what may lie between the server and us after an outage or a silence: events as old as that. Until it is known to
// be behind us, nothing that arrives confirms.
type backlog struct {
	since time.Time
	ask   time.Time // when the next probe is due
	// target is the server's resourceVersion at a time: a stream that has come to it holds nothing older. "" until a probe has told.
	target   string
	targetAt time.Time
	// blind is set when the server can't tell, or in no order that we know.
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
		s.behind = s.w.backlog(now)
	}
}

func (w *Watcher) backlog(now time.Time) *backlog {
	return &backlog{since: now, ask: now.Add(time.Duration(w.cfg.Rand() * float64(askSpread)))}
}

// probeDue is when to ask the server where it stands, if ever.
func (s *session) probeDue() (time.Time, bool) {
	b := s.behind
	switch {
	case s.probe != nil:
		return time.Time{}, false
	case b == nil:
		return s.frame.Add(ConfirmWithin), s.asked.Before(s.frame)
	default:
		return b.ask, b.target == ""
	}
}

func (s *session) ask(ctx context.Context) {
	s.asked, s.askedAt = time.Now(), s.w.now.Checkpoint
	if s.behind != nil {
		s.behind.ask = s.asked.Add(askAgain)
	}
	s.probe = startProbe(ctx, s.w)
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
	case at.Sub(b.targetAt) > promptWithin && (!bookmark || s.pause <= promptWithin || at.Sub(b.targetAt) > ConfirmWithin):
		// So slow a line holds more of the same. A bookmark that comes alone is of a quiet kind, and needs no hurry.
		s.behind = s.w.backlog(at)
		return b.targetAt, true
	}
	s.behind = nil
	return at, true
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
	if p.err != nil {
		s.w.hold(p.err, now)
		if s.behind != nil {
			s.behind.blind = true
		}
		return end{}, false
	}
	_, err := resourceversion.CompareResourceVersion(p.rv, s.w.now.Checkpoint)
	switch {
	case err != nil:
		if s.behind != nil {
			s.behind.blind = true
		}
	case older(p.rv, s.askedAt):
		return s.rewound(p.rv), true
	case !older(s.w.now.Checkpoint, p.rv):
		s.behind = nil
		s.confirm(p.began, func(*Status) {})
	case s.behind != nil:
		s.behind.target, s.behind.targetAt = p.rv, p.began
	}
	return end{}, false
}

// older reports whether a resourceVersion is below another. The two are of one server, which has an order.
func older(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err == nil && order < 0
}
