package watch

import (
	"context"
	"sync"
	"time"
)

// MaxLists is how many LISTs may be in flight per API server: enough to keep two cores decoding, few
// enough to stay polite (a large LIST costs a server seconds and hundreds of megabytes).
const MaxLists = 4

// maxProbes is how many probes of streams that may be behind may be in flight per API server, and maxChecks how many of streams
// that are believed, which are not to keep the former waiting. Each asks for one object.
const (
	maxProbes = 8
	maxChecks = 2
)

// Slots is what the watchers of one API server share: its list slots, the time before which it wants no
// request, and where it was found not to stream lists. All methods may be called from any goroutine.
type Slots struct {
	mu      sync.Mutex
	free    int
	waiting []*ticket
	held    map[string]time.Time // by group; "" is the whole server
	streams map[string]bool      // groups whose WatchList is known to work (true) or not (false)
	probes  lane
	checks  lane
	swallow bool // something between us and the server swallows end bookmarks
	reading reading
	// unanswered is when a check last found that the server answers nothing.
	unanswered time.Time
}

// NewSlots makes n list slots; n below 1 is [MaxLists].
func NewSlots(n int) *Slots {
	if n < 1 {
		n = MaxLists
	}
	return &Slots{free: n, held: make(map[string]time.Time), streams: make(map[string]bool), reading: reading{answered: make(map[string]time.Time)}, probes: make(lane, maxProbes), checks: make(lane, maxChecks)}
}

// lane holds one token for each request that is in flight.
type lane chan struct{}

// ticket is a place in the queue for a list slot.
type ticket struct {
	slots    *Slots
	priority func() int
	granted  chan struct{} // closed when the slot is held
	has      bool          // guarded by slots.mu
	left     bool          // guarded by slots.mu
}

// join queues for a slot. The lowest priority at the time a slot comes free gets it, among equals the
// one that waits longest. The ticket must be left.
func (s *Slots) join(priority func() int) *ticket {
	t := &ticket{slots: s, priority: priority, granted: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, t)
	s.grant()
	return t
}

// held reports whether the slot is held; a nil ticket is none.
func (t *ticket) held() bool {
	if t == nil {
		return false
	}
	select {
	case <-t.granted:
		return true
	default:
		return false
	}
}

// grant hands free slots out; s.mu is held.
func (s *Slots) grant() {
	for s.free > 0 && len(s.waiting) > 0 {
		best := 0
		for i, t := range s.waiting {
			if t.priority() < s.waiting[best].priority() {
				best = i
			}
		}
		t := s.waiting[best]
		s.waiting = append(s.waiting[:best], s.waiting[best+1:]...)
		s.free--
		t.has = true
		close(t.granted)
	}
}

// leave gives the slot back or the place in the queue up. Further calls do nothing.
func (t *ticket) leave() {
	s := t.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.left {
		return
	}
	t.left = true
	if t.has {
		s.free++
		s.grant()
		return
	}
	for i, w := range s.waiting {
		if w == t {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			return
		}
	}
}

// hold forbids requests for a group, or for the whole server with "", until a time.
func (s *Slots) hold(group string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if until.After(s.held[group]) {
		s.held[group] = until
	}
}

// heldUntil is when the next request for a group may go out; the zero time or a past one means now.
func (s *Slots) heldUntil(group string) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.held[group]; t.After(s.held[""]) {
		return t
	}
	return s.held[""]
}

// pass waits until a request for a group may go out.
func (s *Slots) pass(ctx context.Context, group string, rnd func() float64) error {
	for {
		until := s.heldUntil(group)
		wait := time.Until(until)
		if wait <= 0 {
			return ctx.Err()
		}
		if err := sleep(ctx, wait+time.Duration(rnd()*float64(holdSpread))); err != nil {
			return err
		}
	}
}

// enter waits until a probe may go out to a group, and is in its lane until leave is called. It has no list slot: lists take long,
// and a probe that hangs must not keep them waiting.
func (s *Slots) enter(ctx context.Context, l lane, group string, rnd func() float64) (leave func(), err error) {
	leave = func() { <-l }
	for {
		if err := s.pass(ctx, group, rnd); err != nil {
			return nil, err
		}
		select {
		case l <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !time.Now().Before(s.heldUntil(group)) {
			return leave, nil
		}
		leave()
	}
}

// foundUnanswered notes that a check found, at a time, that the server answers nothing. It is one line under all kinds: those whose
// checks wait for their turn meanwhile need not find out one after the other.
func (s *Slots) foundUnanswered(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unanswered = at
}

// unansweredSince reports whether that was found after a time.
func (s *Slots) unansweredSince(t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unanswered.After(t)
}

// offersWatchList reports whether WatchList is worth a try for a group.
func (s *Slots) offersWatchList(group string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	works, known := s.streams[group]
	if known {
		return works
	}
	return !s.swallow
}

// watchListWorked remembers a complete WatchList.
func (s *Slots) watchListWorked(group string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[group] = true
}

// watchListFailed remembers that a group's WatchList was refused or, with swallowed, never ended. When
// none ever ended, it is the way to the server that swallows the bookmarks, and no group need find out
// again by waiting.
func (s *Slots) watchListFailed(group string, swallowed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams[group] = false
	if !swallowed {
		return
	}
	for _, works := range s.streams {
		if works {
			return
		}
	}
	s.swallow = true
}

// sleep waits for d or for the end of ctx, whose error it then returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
