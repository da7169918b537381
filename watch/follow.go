package watch

import (
	"context"
	"time"
)

const (
	// openWithin is how long a server may take to accept a watch.
	openWithin = 30 * time.Second
	// initialSilence is how long a streamed list may pause, and listWithin how long it may take in all:
	// past that its end bookmark is not coming.
	initialSilence = 30 * time.Second
	listWithin     = 3 * time.Minute
	// silentAfter ends a stream that has said nothing. Bookmarks come each minute, so that the connection may be dead without our
	// knowing; and what follows has the time to confirm before ConfirmWithin.
	silentAfter = 65 * time.Second
	// flushEvery and flushAt bound how long, and in what number, objects of a streamed list are gathered.
	flushEvery = 50 * time.Millisecond
	flushAt    = 256
	// watchTimeout is the least time after which a server is asked to close a watch; up to twice that.
	watchTimeout = 5 * time.Minute
	// unmarkedTimeout is the same for a kind without bookmarks: a stream that the server ends at its deadline is then what
	// confirms, so that it and its spread must be below silentAfter, and below ConfirmWithin by unmarkedMargin, which is for the
	// news of it. Those of which the last confirmation is older are shorter still, so as to confirm in time, but have
	// unmarkedLeast, and twice that after each in a row that has confirmed nothing.
	unmarkedTimeout = 50 * time.Second
	unmarkedSpread  = 10 * time.Second
	unmarkedLeast   = 5 * time.Second
	unmarkedMargin  = 4 * time.Second
	// briefStream is how long a stream lives that the server ends at once: before an event, or the second in a row.
	briefStream = time.Second
	// deadlineSlack is how much earlier or later than asked a stream may end of which the server kept the deadline.
	deadlineSlack = 2 * time.Second
)

// follow opens a stream and stays with it until it ends or a relist is due.
func (w *Watcher) follow(ctx context.Context, q WatchQuery) (out end) {
	if err := w.pass(ctx); err != nil {
		return end{reason: ReasonNetwork, err: err, listing: q.Initial}
	}
	q.Timeout = watchTimeout + time.Duration(w.cfg.Rand()*float64(watchTimeout))
	if w.unmarked && !q.Initial {
		left := time.Until(w.confirmed.Add(ConfirmWithin - unmarkedMargin))
		q.Timeout = min(unmarkedTimeout+time.Duration(w.cfg.Rand()*float64(unmarkedSpread)), max(left, unmarkedLeast<<min(w.vain, 4)))
	}
	if q.Initial {
		w.beginGeneration()
	} else {
		q.Timeout = w.cuts.timeout(q.Timeout, time.Now())
	}
	q.Timeout = q.Timeout.Truncate(time.Second)
	s := &session{w: w, initial: q.Initial, started: time.Now(), timeout: q.Timeout, follows: w.kept}
	w.kept = false
	p := startPump(ctx, w.src, w.scope, q)
	defer func() {
		p.stop()
		s.leaveProbe()
		out.listing = s.initial
		out.streamed = out.streamed || !s.opened.IsZero()
	}()

	if !q.Initial && w.anew.Swap(false) {
		w.retried = true
	}
	if w.retried && !q.Initial { // the stream in which that was asked ended before there was a slot
		s.wantRelist(ReasonUser)
	}
	timer := time.NewTimer(openWithin)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(s.deadline()))
		var done bool
		select {
		case b := <-p.batches:
			out, done = s.take(ctx, b)
		case <-timer.C:
			select {
			case b := <-p.batches: // what has been read counts before silence does
				out, done = s.take(ctx, b)
			default:
				out, done = s.expire(ctx)
			}
		case <-s.granted:
			return end{reason: s.relist}
		case <-w.kick:
			if !s.initial {
				w.retried = true
				w.anew.Store(false)
				s.wantRelist(ReasonUser)
			}
		case <-s.probe.answered():
			out, done = s.judge(time.Now())
		case <-ctx.Done():
			return end{reason: ReasonNetwork, err: ctx.Err()}
		}
		if done {
			return out
		}
	}
}
