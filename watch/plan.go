package watch

import "time"

// ending is how one attempt (a list, a stream, or both in one) ended, and what went before.
type ending struct {
	reason  Reason
	listing bool // it ended before a first or renewed list was complete
	// streamed is set when a stream had been open.
	streamed bool
	after    time.Duration // what the server asked to wait for
	tooNew   bool          // 504: the server has not seen our resourceVersion yet
	attempt  int           // failures in a row before this one
	before   Reason        // of the last of them
	refused  int           // 403s in a row before this one, since it was last allowed; -1 when it never was
	healthy  time.Duration // how long the watcher had done well
	lived    time.Duration // how long the stream was open that broke off
}

// step is what a watcher does next.
type step struct {
	phase   Phase
	keep    bool // the phase stays as it is: nothing happened that a person should see
	relist  bool // the checkpoint is worthless
	gone    bool
	attempt int
	wait    time.Duration
}

// plan decides what follows an ending. rnd is in [0,1).
func plan(e ending, most time.Duration, rnd float64) step {
	n := e.attempt + 1
	if e.healthy >= healthyAfter {
		n = 1
	}
	after := e.after
	if after > 0 { // all who were given this time must not come back in one instant
		after += time.Duration(rnd * float64(holdSpread))
	}
	wait := max(after, BackoffWait(n, most, rnd))
	// Where the cause is plainly named, it is repaired at once, unless that was just tried.
	soon := after
	if n > 1 && e.before == e.reason {
		soon = wait
	}

	switch e.reason {
	case ReasonClosed:
		return step{keep: true}
	case ReasonPeriodic, ReasonUser, ReasonFirst:
		return step{keep: true, relist: true}
	case ReasonSuspend:
		return step{phase: Unconfirmed, attempt: e.attempt}
	case ReasonSilent:
		switch {
		case e.listing:
		case e.streamed: // for a minute; what follows has the time to confirm before there is a doubt
			return step{keep: true}
		default: // not accepted for 30 s
			return step{phase: Unconfirmed, attempt: e.attempt}
		}
		return step{phase: Backoff, attempt: n, wait: wait}
	case ReasonExpired:
		return step{phase: Backoff, relist: true, attempt: n, wait: soon}
	case ReasonRewound:
		return step{phase: Diverged, relist: true, attempt: n, wait: soon}
	case ReasonDecode, ReasonOverflow, ReasonPanic:
		return step{phase: Diverged, relist: true, attempt: n, wait: wait}
	case ReasonAuth:
		return step{phase: Backoff, attempt: n, wait: soon}
	case ReasonForbidden:
		return step{phase: Forbidden, attempt: n, wait: max(after, refusedWait(e.refused, rnd))}
	case ReasonEnded:
		return step{phase: Unavailable, attempt: 1, wait: endedRetry}
	case ReasonNotFound:
		return step{phase: Unavailable, gone: true}
	case ReasonServerError:
		return step{phase: Unavailable, relist: e.tooNew, attempt: n, wait: wait}
	}
	if e.reason == ReasonNetwork && e.lived > 0 {
		// A proxy that cuts every stream after a while costs a request in that while, and must not cost freshness.
		wait = max(after, min(wait, max(BackoffWait(1, most, rnd), e.lived/livedPart)))
	}
	return step{phase: Backoff, attempt: n, wait: wait} // Network, ShortWatch, Throttled
}

// livePhase is the phase of an open stream.
func livePhase(now, confirmed time.Time, suspended bool) Phase {
	if suspended || now.Round(0).Sub(confirmed.Round(0)) > ConfirmWithin {
		return Unconfirmed
	}
	return Live
}
