package cli

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// How often one thing is logged: what is the same by message, scope and reason. A server that is away for a night must
// not fill a disk.
const (
	logBurst = 20               // at once
	logEvery = 10 * time.Second // and then one in that time
	logKeys  = 4096             // how many things are told apart; beyond it they share one allowance
)

// logLimit is a handler that leaves out what repeats itself, and says how much it left out.
type logLimit struct {
	slog.Handler
	scope string
	seen  *logSeen
}

func newLogLimit(h slog.Handler) *logLimit {
	return &logLimit{Handler: h, seen: &logSeen{of: map[logKey]*logAllowance{}}}
}

// WithAttrs notes the scope.
func (h *logLimit) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := &logLimit{h.Handler.WithAttrs(attrs), h.scope, h.seen}
	for _, a := range attrs {
		if a.Key == "scope" {
			next.scope = a.Value.String()
		}
	}
	return next
}

// WithGroup is slog's.
func (h *logLimit) WithGroup(name string) slog.Handler {
	return &logLimit{h.Handler.WithGroup(name), h.scope, h.seen}
}

// Handle passes a record on, or counts it.
func (h *logLimit) Handle(ctx context.Context, r slog.Record) error {
	key := logKey{message: r.Message, scope: h.scope}
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "reason":
			key.reason = a.Value.String()
		case "scope":
			key.scope = a.Value.String()
		}
		return true
	})
	ok, left := h.seen.take(key, r.Time)
	if !ok {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("leftOut", left))
	}
	return h.Handler.Handle(ctx, r)
}

type logKey struct{ message, scope, reason string }

// logAllowance is a bucket of logBurst that fills by one in logEvery.
type logAllowance struct {
	tokens  float64
	at      time.Time
	leftOut int
}

// logSeen has the allowance of each thing that was logged. Safe for use by several goroutines.
type logSeen struct {
	mu sync.Mutex
	of map[logKey]*logAllowance
}

// take reports whether one more may be logged, and how many were not since the last that was.
func (s *logSeen) take(key logKey, now time.Time) (ok bool, leftOut int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.of[key]
	if b == nil {
		if len(s.of) >= logKeys {
			s.forget(now)
		}
		if len(s.of) >= logKeys {
			key = logKey{}
			b = s.of[key]
		}
		if b == nil {
			b = &logAllowance{tokens: logBurst, at: now}
			s.of[key] = b
		}
	}
	b.fill(now)
	if b.tokens < 1 {
		b.leftOut++
		return false, 0
	}
	b.tokens--
	leftOut, b.leftOut = b.leftOut, 0
	return true, leftOut
}

func (b *logAllowance) fill(now time.Time) {
	b.tokens = min(logBurst, b.tokens+max(0, now.Sub(b.at).Seconds()/logEvery.Seconds()))
	b.at = now
}

// forget drops what has its whole allowance back.
func (s *logSeen) forget(now time.Time) {
	for k, b := range s.of {
		if b.fill(now); b.tokens >= logBurst && b.leftOut == 0 {
			delete(s.of, k)
		}
	}
}
