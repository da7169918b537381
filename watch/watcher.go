package watch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// errSuspended is the cause with which Suspend ends an attempt.
var errSuspended = errors.New("the machine slept")

// Watcher keeps a Sink in step with one scope of an API server. Its states are the Phases; the decisions
// are in classify.go and plan.go, the requests in list.go and follow.go.
//
// Run owns everything but what is said to be otherwise.
type Watcher struct {
	// Immutable.
	cfg   Config
	scope Scope
	src   Source
	sink  Sink
	log   *slog.Logger

	// Owned by Run.
	now          Status    // what is published next
	notified     time.Time // of the last OnStatus
	needList     bool
	attempts     int       // failures in a row
	failure      Reason    // of the last of them
	revoked      int       // times in a row that a watch was accepted and then refused
	revokedAt    time.Time // the last of them
	denials      int       // 403s in a row since the scope was last allowed
	healthySince time.Time // zero after a failure
	listBegan    time.Time // the first request of the last list: what it holds is as of then
	listedAt     time.Time // end of the last complete list
	relistAt     time.Time
	pollUntil    time.Time // RBAC lets us list but not watch; asked again then, or at a Retry
	watched      bool      // a watch has been open since the last denial
	why          Reason    // of the next list
	retried      bool      // a person has asked for a relist, and none is complete since
	slot         *ticket   // held, queued for, or nil
	confirmed    time.Time // as Status.ConfirmedAt, with the monotonic clock
	cuts         idleCuts
	lag          lag
	brokenLists  int       // streamed lists in a row that broke off
	heldUntil    time.Time // the server wants no request of this watcher before
	unmarked     bool      // no bookmark came when one was due since the last list: streams are kept short, and their ends confirm
	vain         int       // short streams in a row that confirmed nothing
	again        askedAgain
	kept         bool // the last stream ended in form, at its deadline
	unreadable   bool // the kind may not be listed, so that the server can't be asked whether it reads
	brief        bool // the last stream lived for less than briefStream

	// Atomic.
	status   atomic.Pointer[Status]
	priority atomic.Int64
	anew     atomic.Bool // Relist

	// Guarded by mu.
	mu      sync.Mutex
	suspend context.CancelCauseFunc // of the attempt or pause in progress; nil between them
	slept   bool                    // Suspend came between them

	kick chan struct{} // Retry; the latest is enough
}

// New makes a watcher; Run starts it. Zero values in cfg are replaced by those of DefaultConfig.
func New(cfg Config, scope Scope, src Source, sink Sink) *Watcher {
	cfg = cfg.withDefaults()
	w := &Watcher{
		cfg: cfg, scope: scope, src: src, sink: sink,
		log:      cfg.Logger.With("scope", scope.String()),
		needList: true,
		why:      ReasonFirst,
		kick:     make(chan struct{}, 1),
	}
	w.now = Status{Scope: scope, Phase: Queued, Since: time.Now(), Remaining: -1, Reason: ReasonFirst}
	first := w.now
	w.status.Store(&first)
	return w
}

// Status is the present state; never nil, from any goroutine.
func (w *Watcher) Status() *Status { return w.status.Load() }

// SetPriority sets the place in the queue for list slots: the lower, the sooner. From any goroutine.
func (w *Watcher) SetPriority(p int) { w.priority.Store(int64(p)) }

// Retry ends a wait at once, or relists when the watcher is doing well. A time that the server has asked
// to wait for is kept all the same. From any goroutine.
func (w *Watcher) Retry() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// Relist is Retry, and asks for a list anew even where the watcher is not doing well now. From any goroutine.
func (w *Watcher) Relist() {
	w.anew.Store(true)
	w.Retry()
}

// Suspend tells the watcher that the machine slept: nothing seen so far may be called fresh, and the
// connection is not to be trusted. It resumes at the checkpoint over a new request. From any goroutine.
func (w *Watcher) Suspend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.suspend == nil {
		w.slept = true
		return
	}
	w.suspend(errSuspended)
}

// arm makes a context that Suspend ends; disarm must be called.
func (w *Watcher) arm(parent context.Context) (ctx context.Context, disarm func()) {
	ctx, cancel := context.WithCancelCause(parent)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.suspend = cancel
	if w.slept {
		w.slept = false
		cancel(errSuspended)
	}
	return ctx, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.suspend = nil
		cancel(nil)
	}
}

// Run lists and watches until ctx ends, and then returns nil. It returns ErrGone, wrapped, when the server
// does not serve the resource any more. It must be called once.
func (w *Watcher) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		out := w.attempt(ctx)
		if ctx.Err() != nil {
			break
		}
		next := w.conclude(out)
		if next.gone {
			return fmt.Errorf("%s: %w", w.scope, ErrGone)
		}
		w.pause(ctx, next.wait)
	}
	return nil
}

// end is how an attempt ended.
type end struct {
	reason   Reason // ReasonNone: a list is complete, go on
	err      error
	listing  bool          // no complete list came of it
	streamed bool          // a stream had been open
	lived    time.Duration // how long, when it broke off
}

// keepsPlace reports whether a place in the queue for a list slot is kept: a list comes next, or the next stream at once. The queue may
// be longer than any stream lives.
func (e end) keepsPlace() bool {
	switch e.reason {
	case ReasonPeriodic, ReasonUser:
		return true
	case ReasonClosed, ReasonSilent:
		return !e.listing && e.streamed
	}
	return false
}

func failed(err error) end { return end{reason: Classify(err), err: err} }

// attempt does one thing: a list, a poll's wait, or a stream. No panic below leaves it.
func (w *Watcher) attempt(parent context.Context) (out end) {
	ctx, disarm := w.arm(parent)
	defer func() {
		if v := recover(); v != nil {
			out = failed(&PanicError{Value: v, Stack: debug.Stack()})
		}
		if errors.Is(context.Cause(ctx), errSuspended) {
			out = end{reason: ReasonSuspend, listing: w.needList}
		}
		if !out.keepsPlace() {
			w.leaveSlot()
		}
		disarm()
	}()
	switch {
	case w.needList:
		return w.list(ctx)
	case !w.scope.Kind.Watchable() || time.Now().Before(w.pollUntil):
		return w.poll(ctx)
	case w.slot.held(): // its turn came between two streams
		return end{reason: w.dueRelist()}
	default:
		return w.follow(ctx, WatchQuery{ResourceVersion: w.now.Checkpoint})
	}
}

// conclude books an ending, publishes what it means and says what is next.
func (w *Watcher) conclude(out end) step {
	now := time.Now()
	var healthy time.Duration
	if !w.healthySince.IsZero() {
		healthy = now.Sub(w.healthySince)
	}
	next := step{keep: true}
	if out.reason != ReasonNone {
		next = plan(ending{
			reason: out.reason, listing: out.listing, after: retryAfter(out.err), tooNew: tooLarge(out.err),
			streamed: out.streamed, attempt: w.attempts, before: w.failure, healthy: healthy, refused: w.denied(), lived: out.lived,
		}, w.cfg.BackoffMax, w.cfg.Rand())
	}
	if out.reason == ReasonForbidden && !out.listing {
		// The watch is denied; whether the list is, too, decides between Polling and Forbidden.
		refused := -1
		if w.watched {
			if now.Sub(w.revokedAt) >= healthyAfter {
				w.revoked = 0
			}
			refused, w.revokedAt = w.revoked, now
			w.revoked++
		}
		w.pollUntil = now.Add(refusedWait(refused, w.cfg.Rand()))
		// A list just made is proof enough unless the watch was allowed before, and so has been revoked. A server that goes on
		// accepting a watch and refusing it afterwards has said so the first time.
		next = step{keep: true, relist: w.watched && refused == 0}
		w.watched = false
	} else if out.reason == ReasonForbidden {
		w.pollUntil = time.Time{}
		w.denials++
	}
	w.hold(out.err, now)
	if out.listing {
		w.cfg.Slots.readEnded(w.scope.Kind.Group, w.listBegan, out.err)
	}
	if next.relist || (w.now.Checkpoint == "" && out.reason != ReasonNone) {
		w.needList = true
		w.why = out.reason
	}
	if !next.keep {
		w.attempts = next.attempt
		w.failure = out.reason
		if next.attempt > 0 {
			w.healthySince = time.Time{}
		}
	}
	w.record(out, next, now)
	return next
}

// denied counts the 403s in a row, for plan; -1 when the scope has never been allowed.
func (w *Watcher) denied() int {
	if !w.now.Complete {
		return -1
	}
	return w.denials
}

// hold keeps to the time that an answer named, if it did. Of a server that is overloaded all watchers keep away that it
// concerns; anything else is about the request alone.
func (w *Watcher) hold(err error, now time.Time) {
	after := retryAfter(err)
	if after <= 0 {
		return
	}
	if until := now.Add(after); until.After(w.heldUntil) {
		w.heldUntil = until
	}
	if !overloaded(err) {
		return
	}
	group := w.scope.Kind.Group
	if holdsServer(err, group) {
		group = ""
	}
	w.cfg.Slots.hold(group, now.Add(after))
}

// record publishes what conclude decided.
func (w *Watcher) record(out end, next step, now time.Time) {
	if out.reason == ReasonNone {
		return
	}
	var pan *PanicError
	if errors.As(out.err, &pan) {
		w.log.Error("panic in a watcher; it restarts", "panic", pan.Value, "stack", string(pan.Stack))
	} else {
		w.log.Debug("attempt ended", "reason", out.reason, "err", out.err, "wait", next.wait, "relist", next.relist)
	}
	w.update(func(s *Status) {
		s.Reason = out.reason
		if out.streamed {
			s.Restarts++
		}
		if out.reason == ReasonSuspend {
			s.Suspended = true
		}
		if next.keep && out.reason != ReasonForbidden {
			return
		}
		s.Err = errorText(out.err)
		if next.keep {
			return
		}
		s.Attempt = next.attempt
		// A failure that is repaired at once is shown by what repairs it.
		if next.wait > 0 || next.gone || next.phase == Diverged || next.phase == Unconfirmed {
			s.Phase = next.phase
		}
		s.RetryAt = time.Time{}
		if next.wait > 0 {
			s.RetryAt = now.Add(next.wait)
		}
	})
}

// pause waits between attempts; a Retry or a Suspend ends it.
func (w *Watcher) pause(parent context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	ctx, disarm := w.arm(parent)
	defer disarm()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-w.kick:
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errSuspended) {
			w.update(func(s *Status) { s.Suspended = true })
		}
	}
	w.update(func(s *Status) { s.RetryAt = time.Time{} })
}

// poll waits for the next list of a scope that can't be watched.
func (w *Watcher) poll(ctx context.Context) end {
	w.update(func(s *Status) { s.Phase = Polling })
	wait := time.Until(w.listedAt.Add(jitter(min(pollEvery, w.cfg.RelistEvery), w.cfg.Rand())))
	why := ReasonPeriodic
	if again := time.Until(w.pollUntil); w.scope.Kind.Watchable() && again < wait {
		wait, why = again, ReasonNone // the watch is asked for again, without a list
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return end{reason: why}
	case <-w.kick:
		w.pollUntil = time.Time{} // who asks may just have been given the right
		return end{reason: ReasonUser}
	case <-ctx.Done():
		return failed(ctx.Err())
	}
}

// queue joins the queue for a list slot unless the watcher is in it or has one.
func (w *Watcher) queue() *ticket {
	if w.slot == nil {
		w.slot = w.cfg.Slots.join(func() int { return int(w.priority.Load()) })
	}
	return w.slot
}

// dueRelist is why a relist is due that waits for its slot.
func (w *Watcher) dueRelist() Reason {
	if w.retried {
		return ReasonUser
	}
	return ReasonPeriodic
}

func (w *Watcher) leaveSlot() {
	if w.slot != nil {
		w.slot.leave()
		w.slot = nil
	}
}

// update changes the status and publishes it.
func (w *Watcher) update(change func(*Status)) {
	was := w.now
	change(&w.now)
	now := time.Now()
	if w.now.Phase != was.Phase {
		w.now.Since = now
	}
	next := w.now
	w.status.Store(&next)
	w.logChange(&was, &next)
	was.ConfirmedAt, was.Checkpoint = next.ConfirmedAt, next.Checkpoint
	if w.cfg.OnStatus == nil || (was == next && now.Sub(w.notified) < time.Second) {
		return
	}
	w.notified = now
	defer func() {
		if v := recover(); v != nil {
			w.log.Error("panic in OnStatus", "panic", v, "stack", string(debug.Stack()))
		}
	}()
	w.cfg.OnStatus(&next)
}

// errorLimit bounds the error text in a status, in bytes: a proxy's whole HTML page helps nobody.
const errorLimit = 512

func errorText(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	if len(s) > errorLimit {
		s = s[:errorLimit] + "…"
	}
	return Sanitize(s)
}
