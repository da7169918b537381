package watch

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// checkEvery is about how often the stream of a kind that has events is checked for being late. With the time for an answer it is
// ConfirmWithin at most, so that what was confirmed too early is taken back before it matters.
const checkEvery = 50 * time.Second

// checkAtMost is how long the pause after a check that failed may grow: a server in trouble can do without them, and asks all
// requests to wait that it concerns.
const checkAtMost = 10 * time.Minute

// lag is what a watcher knows of how late its streams are. A line that carries less than is sent delivers all the time, and is
// ever later, without a silence that would tell. Now and then the server is asked where it stands; an event from before that
// which arrives long after the answer is late, beyond doubt. Until then the stream is believed.
type lag struct {
	proven time.Time     // as of when nothing was missing, by a list or by a probe
	next   time.Time     // check, once there are events
	pause  time.Duration // after a check that failed; 0 when the last one was answered
	events bool          // since the last check
	// target is the resourceVersion that the stream has yet to come to, "" when there is none: the server had told of it at told,
	// in answer to what was asked at began.
	target      string
	told, began time.Time
}

// checkDue is when to look whether the stream is late, if ever.
func (s *session) checkDue() (time.Time, bool) {
	l := &s.w.lag
	return l.next, s.probe == nil && s.behind == nil && l.events && l.target == ""
}

func (s *session) check(ctx context.Context) {
	l := &s.w.lag
	l.events, l.next = false, time.Now().Add(jitter(checkEvery, s.w.cfg.Rand()))
	s.probe = startProbe(ctx, s.w, forLateness)
}

// checked reads the answer to check. It tells nothing of rewinds: a replica's list may lag behind the watch.
func (s *session) checked(p *probe, now time.Time) {
	l := &s.w.lag
	if p.err != nil {
		s.w.hold(p.err, now)
		l.events = true // still to be looked at
		l.pause = min(max(2*l.pause, checkEvery), checkAtMost)
		l.next = now.Add(jitter(l.pause, s.w.cfg.Rand()))
		if errors.Is(p.err, errUnanswered) && now.Sub(s.frame) <= promptWithin { // else the silence will tell
			s.takeBack(now)
		}
		return
	}
	l.pause = 0
	order, err := resourceversion.CompareResourceVersion(s.w.now.Checkpoint, p.rv)
	switch {
	case err != nil:
	case order < 0:
		l.target, l.told, l.began = p.rv, now, p.began
	default:
		l.proven = p.began
	}
}

// notice looks at events that have taken the checkpoint to where it is. Those that come late take back what was confirmed since
// the stream was last known to be in time.
func (s *session) notice(events []Event, checkpoint string, at time.Time) {
	l := &s.w.lag
	late := false
	for _, e := range events {
		if e.Type != EventBookmark {
			l.events = true
			late = late || l.target != "" && at.Sub(l.told) > promptWithin && older(e.ResourceVersion, l.target)
		}
	}
	if l.target != "" && !older(checkpoint, l.target) {
		l.proven, l.target = l.began, ""
	}
	if late && s.behind == nil {
		s.takeBack(at)
	}
}

// takeBack has a stream that is late catch up, and takes back what it has confirmed since it was last known to be in time.
func (s *session) takeBack(at time.Time) {
	l := &s.w.lag
	l.target = ""
	s.fallBehind(at)
	if !l.proven.Before(s.w.confirmed) {
		return
	}
	s.w.confirmed = l.proven
	s.w.update(func(st *Status) {
		st.ConfirmedAt = l.proven.Round(0)
		st.Phase = livePhase(time.Now(), l.proven, st.Suspended)
	})
}
