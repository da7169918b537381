package watch

import (
	"context"
	"errors"
	"io"
	"time"
)

const (
	// listStall is how long a LIST may take to deliver a chunk of objects. It bounds a request whatever
	// the size of the list, and a server cuts its own LISTs at 60 s.
	listStall = 60 * time.Second
	// pollEvery is the period at which kinds without a watch are listed.
	pollEvery = time.Minute
)

// errNoEnd says that the initial events of a WatchList stopped before their end bookmark.
var errNoEnd = errors.New("the streamed list never ended")

// errInconsistent says that pages of one list were of different resourceVersions.
var errInconsistent = errors.New("the pages of the list are not of one resourceVersion")

// list brings the sink to one complete list: Queued, Listing, then streamed or by pages. A streamed one
// stays and follows its stream.
func (w *Watcher) list(ctx context.Context) end {
	w.drainKick()
	t := w.queue()
	select {
	case <-t.granted:
	default:
		w.update(func(s *Status) { s.Phase = Queued })
		select {
		case <-t.granted:
		case <-ctx.Done():
			return end{reason: ReasonNone, err: ctx.Err(), listing: true}
		}
	}
	if w.now.Complete {
		w.update(func(s *Status) { s.Relists++; s.Reason = w.why })
	}

	group := w.scope.Kind.Group
	suspect := false
	if w.streams() {
		out := w.follow(ctx, WatchQuery{Initial: true})
		w.brokenLists++
		switch {
		case ctx.Err() != nil, !w.needList:
			w.brokenLists = 0
			return out
		case rejectsWatchList(out.err):
			w.cfg.Slots.watchListFailed(group, false)
		case errors.Is(out.err, errNoEnd):
			suspect = true // unless the network is to blame, which the paged list will tell
		case out.reason == ReasonForbidden, tooLarge(out.err):
			// Listing may be allowed, or served by a replica that has caught up.
		default:
			return out
		}
		w.log.Debug("streamed list failed; listing by pages", "err", out.err)
		w.hold(out.err, time.Now())
	}
	out := w.listPages(ctx)
	if !w.needList {
		w.brokenLists = 0
		if suspect {
			w.cfg.Slots.watchListFailed(group, true)
		}
	}
	return out
}

// streams reports whether the next list is to be a streamed one. One that broke off twice in a row may be
// too long for a proxy on the way; pages come through.
func (w *Watcher) streams() bool {
	return w.scope.Kind.Watchable() && time.Now().After(w.pollUntil) && w.brokenLists < 2 &&
		w.cfg.Slots.offersWatchList(w.scope.Kind.Group)
}

// listPages lists by pages. When a continue token expires it starts again, once by pages and then in one
// answer; each start is a new generation, since what an abandoned list saw may be gone by now.
func (w *Watcher) listPages(ctx context.Context) end {
	var err error
	for _, limit := range []int{w.cfg.PageLimit, w.cfg.PageLimit, 0} {
		var rv string
		var continued bool
		rv, continued, err = w.pages(ctx, limit)
		if err == nil {
			err = w.complete(ctx, rv)
		}
		if err == nil {
			return end{reason: ReasonNone}
		}
		if !errors.Is(err, errInconsistent) && (!continued || Classify(err) != ReasonExpired) {
			break
		}
		w.log.Debug("list interrupted; starting again", "err", err)
		w.hold(err, time.Now())
	}
	out := failed(err)
	out.listing = true
	return out
}

// pages requests page after page and puts them into the sink. continued is set when the failing request
// was not the first.
func (w *Watcher) pages(ctx context.Context, limit int) (rv string, continued bool, err error) {
	w.beginGeneration()
	q := ListQuery{Limit: limit}
	for {
		if err := w.pass(ctx); err != nil {
			return "", continued, err
		}
		if !continued {
			w.listBegan = time.Now()
		}
		e, err := w.page(ctx, q)
		if err != nil {
			return "", continued, err
		}
		w.update(func(s *Status) {
			s.Remaining = e.Remaining
			s.Undecodable += uint64(e.Skipped) //nolint:gosec // a count
		})
		if continued && e.ResourceVersion != rv {
			return "", continued, errInconsistent
		}
		rv = e.ResourceVersion
		if e.Continue == "" {
			return rv, continued, nil
		}
		q.Continue, continued = e.Continue, true
	}
}

// page requests one page. The time in which the sink makes us wait does not count against the server.
func (w *Watcher) page(ctx context.Context, q ListQuery) (ListEnd, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(listStall, func() { cancel(errSilent) })
	defer stall.Stop()
	e, err := w.src.List(ctx, w.scope, q, func(chunk []Delta) error {
		stall.Stop()
		defer stall.Reset(listStall)
		return w.put(ctx, chunk)
	})
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errSilent) {
		return e, cause
	}
	return e, err
}

// beginGeneration starts a list: nothing of an earlier one that failed counts.
func (w *Watcher) beginGeneration() {
	w.listBegan = time.Now()
	w.update(func(s *Status) {
		s.Phase = Listing
		s.Generation = NextGeneration()
		s.Listed, s.Remaining, s.Undecodable = 0, -1, 0
		s.RetryAt = time.Time{}
	})
}

// put hands objects of a list to the sink.
func (w *Watcher) put(ctx context.Context, chunk []Delta) error {
	if len(chunk) == 0 {
		return nil
	}
	bad := w.stamp(chunk)
	if err := w.sink.Put(ctx, w.scope.Kind, chunk); err != nil {
		return w.refused(ctx, err)
	}
	w.update(func(s *Status) {
		s.Listed += int64(len(chunk))
		s.Undecodable += bad
	})
	return nil
}

// stamp writes the generation into deltas and counts placeholders among them.
func (w *Watcher) stamp(deltas []Delta) (undecodable uint64) {
	for i := range deltas {
		deltas[i].Generation = w.now.Generation
		if deltas[i].Object.Undecodable {
			undecodable++
		}
	}
	return undecodable
}

// refused is the error for what a sink refused: our own end, or a reason to relist.
func (w *Watcher) refused(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errOverflow, err)
}

// complete ends a list at a resourceVersion: what the list did not hold is swept.
func (w *Watcher) complete(ctx context.Context, rv string) error {
	now := time.Now()
	if err := w.sink.Sweep(ctx, w.scope, w.now.Generation); err != nil {
		return w.refused(ctx, err)
	}
	w.needList, w.retried = false, false
	w.brokenLists = 0
	w.unmarked, w.unreadable, w.again = false, false, askedAgain{}
	w.listedAt = now
	w.cfg.Slots.readEnded(w.scope.Kind.Group, w.listBegan, nil)
	w.relistAt = now.Add(jitter(w.cfg.RelistEvery, w.cfg.Rand()))
	w.lag = lag{proven: w.listBegan, next: now.Add(jitter(checkEvery, w.cfg.Rand()))}
	w.drainKick()
	w.confirm(w.listBegan, func(s *Status) {
		s.Complete = true
		s.Checkpoint = rv
		s.Remaining = 0
	})
	return nil
}

// heard books that the server delivers, at a time, and what else changes with that.
func (w *Watcher) heard(at time.Time, change func(*Status)) {
	if w.healthySince.IsZero() {
		w.healthySince = at
	}
	w.denials = 0
	w.update(func(s *Status) {
		s.Attempt = 0
		if time.Now().After(w.pollUntil) {
			s.Err = ""
		}
		change(s)
	})
}

// confirm books that nothing is missing of what the server had at a time, and what else changes with that.
func (w *Watcher) confirm(at time.Time, change func(*Status)) {
	w.confirmed, w.vain = at, 0
	w.heard(at, func(s *Status) {
		s.ConfirmedAt = at.Round(0)
		s.Suspended = false
		change(s)
	})
}

// drainKick forgets a Retry that the list in hand answers.
func (w *Watcher) drainKick() {
	select {
	case <-w.kick:
	default:
	}
}

// streamEnd names how a stream ended. One that the server ends at once is of no use; the next would be no longer.
func streamEnd(err error, atOnce bool, lived time.Duration) end {
	if err == io.EOF && atOnce { //nolint:errorlint // see Classify
		return end{reason: ReasonShortWatch, err: errors.New("the server closed the watch at once"), streamed: true}
	}
	out := failed(err)
	out.streamed, out.lived = true, lived
	return out
}
