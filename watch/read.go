package watch

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// A server that is cut off from its store goes on with what it has: its streams end in form, and its bookmarks repeat what they
// said. Once a read has failed, of whatever kind, that it says nothing new counts only while it can read.

const (
	// readWithin is how long the answer to a read speaks for a server.
	readWithin = promptWithin
	// readAhead is how long before the deadline of a stream, whose end will be looked at, the server is asked to read.
	readAhead = 5 * time.Second
	// readFailed is for how long a failed read has the ends of streams be looked at so: a kind that can't be read is asked for about
	// as often.
	readFailed = 2 * time.Minute
)

// reading is what is known of a server's way to its store, by when reads were asked for that have ended.
type reading struct {
	failed   time.Time
	answered map[string]time.Time // by group
}

// readEnded notes how a read of a group ended that was asked for at a time.
func (s *Slots) readEnded(group string, began time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := &s.reading
	switch {
	case err == nil && began.After(r.answered[group]):
		r.answered[group] = began
	case failsToRead(err, group) && began.After(r.failed):
		r.failed = began
	}
}

// readSince reports whether a read of a group that was answered was asked for after a time.
func (s *Slots) readSince(group string, t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reading.answered[group].After(t)
}

// failing reports whether a read has failed and none that was asked for later has been answered, of those that tell of the server
// and not of one group.
func (s *Slots) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading.failed.IsZero() {
		return false
	}
	for group, at := range s.reading.answered {
		if servedHere(group) && at.After(s.reading.failed) {
			return false
		}
	}
	return true
}

// failedSince reports whether a read that failed was asked for after a time.
func (s *Slots) failedSince(t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reading.failed.After(t)
}

// failsToRead reports whether the server itself has said that it could not read.
func failsToRead(err error, group string) bool {
	var e *APIError
	return errors.As(err, &e) && e.Code >= http.StatusInternalServerError && !tooLarge(err) && !overloaded(err) && servedHere(group)
}

// refuses reports whether an answer says that a kind is not to be read, whatever the state of the server.
func refuses(err error) bool {
	var e *APIError
	return errors.As(err, &e) && (e.Code == http.StatusForbidden || e.Code == http.StatusNotFound || e.Code == http.StatusMethodNotAllowed)
}

// reads reports whether the server was able to read about a time, as far as is known.
func (w *Watcher) reads(at time.Time) bool {
	return w.unreadable || !w.cfg.Slots.failing() || w.cfg.Slots.readSince(w.scope.Kind.Group, at.Add(-readWithin))
}

// stands takes a bookmark that says nothing new: it confirms as of a time if the server is able to read.
func (s *session) stands(ctx context.Context, at time.Time, change func(*Status)) {
	if s.w.reads(at) {
		s.confirm(at, change)
		return
	}
	s.w.heard(at, change)
	s.owed = at
	if s.probe == nil {
		s.probe = startProbe(ctx, s.w, forReading)
	}
}

// redeem confirms what stands had to leave open, once a probe has ended: with its answer, or with that to another kind's.
func (s *session) redeem(p *probe) {
	s.w.unreadable = refuses(p.err)
	at := s.owed
	s.owed = time.Time{}
	if !at.IsZero() && s.behind == nil && s.w.reads(at) {
		s.confirm(at, func(*Status) {})
	}
}

// readDue is when to see whether the server is able to read, so that the end of the stream confirms.
func (s *session) readDue() (time.Time, bool) {
	return s.started.Add(s.timeout - readAhead), s.timeout < silentAfter && !s.ahead && s.probe == nil
}

// readEnd does so if a read has failed of late: one that fails just before the end is not to leave it without proof.
func (s *session) readEnd(ctx context.Context) {
	s.ahead = true
	if s.w.cfg.Slots.failedSince(time.Now().Add(-readFailed)) && !s.w.unreadable {
		s.probe = startProbe(ctx, s.w, forReading)
	}
}
