package engine

import (
	"context"
	"time"
)

const (
	// clockEvery is how often the two clocks are compared.
	clockEvery = time.Second
	// clockJump is by how much the wall clock must leap ahead of the monotonic one, which stands still while the
	// machine sleeps; what a time server corrects step by step is far less.
	clockJump = 3 * time.Second
)

// clockLoop notices that the machine slept (or its wall clock was moved ahead): nothing seen before may then be
// called fresh, and no connection be trusted.
func (e *Engine) clockLoop(ctx context.Context) error {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	start, wallStart := time.Now(), e.wall()
	var ahead time.Duration // of the wall clock, at the last tick
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := e.wall().Sub(wallStart) - time.Since(start)
		if now-ahead > clockJump {
			e.suspended(now - ahead)
		}
		ahead = now
	}
}

// suspended has every watcher resume over a new request.
func (e *Engine) suspended(slept time.Duration) {
	e.cfg.Logger.Info("the machine slept, or its clock was moved ahead", "by", slept)
	e.client.CloseIdle()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.watchers {
		r.watcher.Suspend()
	}
	post(e.rediscover)
}
