package engine

import (
	"context"
	"fmt"
	"time"

	"orka/watch"
	"orka/watch/kube"
	"orka/watch/recording"
)

const (
	// replayRelist is the period of relists of a recording, which has those that were recorded.
	replayRelist = 10 * 365 * 24 * time.Hour
	// replayBackoff is the longest pause after a recorded failure, where a recording is played without pauses.
	replayBackoff = 20 * time.Millisecond
	// replayQueue is how many deltas a shard's queue holds: a recording that is played without pauses comes faster than
	// any cluster, and what finds no room would have to be played again.
	replayQueue = 1 << 20
)

// errNoServer refuses what changes a cluster, or asks it how it would.
var errNoServer = fmt.Errorf("nothing can be applied: %w", kube.ErrRecording)

// replaying is the configuration of an engine that plays a recording: nothing is written, whatever the caller says.
func replaying(cfg Config, p *recording.Player) Config {
	cfg.ReadOnly = true
	cfg.RelistEvery = replayRelist
	cfg.QueueCap = max(cfg.QueueCap, replayQueue)
	if p.Fast() {
		cfg.BackoffMax = replayBackoff
	}
	if ns := p.File().Header.Namespace; ns != "" {
		cfg.Namespace = ns
	}
	return cfg
}

// asPlayed is a status as the screens may show it: what is over, or in an outage that was recorded, is as of the last
// confirmation in the recording, not of when that was played.
func (e *Engine) asPlayed(s *watch.Status) *watch.Status {
	p := e.client.Player()
	if p == nil {
		return s
	}
	out := *s
	switch {
	case s.Reason == watch.ReasonEnded:
		out.ConfirmedAt, out.RetryAt, out.Attempt = p.Confirmed(s.Scope), time.Time{}, 0
	case s.Phase == watch.Backoff || s.Phase == watch.Unavailable || s.Phase == watch.Unconfirmed || s.Phase == watch.Diverged:
		if s.ConfirmedAt.IsZero() {
			return s // never, whatever was told since
		}
		out.ConfirmedAt = p.Confirmed(s.Scope)
	default:
		return s
	}
	return &out
}

// Ended reports whether all that is watched is a recording, and over.
func (h *Health) Ended() bool {
	for _, s := range h.Watchers {
		polled := s.Phase == watch.Polling && s.Complete
		if s.Reason != watch.ReasonEnded && s.Phase != watch.Forbidden && !polled {
			return false
		}
	}
	return len(h.Watchers) > 0 && !h.Reviewing
}

// Played waits until a recording has been played to its end, and returns the View that has all of it.
func (e *Engine) Played(ctx context.Context) (*View, error) {
	if v, err := e.Await(ctx, func(v *View) bool { return v.Health.Ended() }); err != nil {
		return v, err
	}
	if err := e.store.Sync(ctx); err != nil {
		return e.View(), err
	}
	last := e.store.World()
	return e.Await(ctx, func(v *View) bool { return v.World.Epoch >= last.Epoch && v.Health.Ended() })
}

// recordedScopes follows kinds that could not be listed in all namespaces in those in which they were recorded.
func (e *Engine) recordedScopes(f *recording.File, forbidden []*watch.Kind) {
	permitted := map[watch.Scope]bool{}
	for _, k := range forbidden {
		for _, ns := range f.Namespaces(k) {
			permitted[watch.Scope{Kind: k, Namespace: ns}] = true
		}
	}
	e.startPermitted(permitted, forbidden, nil)
}
