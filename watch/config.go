package watch

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Config is what all watchers of one server have in common.
type Config struct {
	// RelistEvery is the period of relists, ±10%: what repairs an event that the server itself lost.
	RelistEvery time.Duration
	// BackoffMax bounds the wait between attempts. A Retry-After of the server may be longer.
	BackoffMax time.Duration
	// PageLimit is how many objects a page of a LIST may hold.
	PageLimit int
	// Slots is shared by all watchers of one API server; nil makes a set of one's own.
	Slots *Slots
	// Logger may be nil.
	Logger *slog.Logger
	// OnStatus is called by the watcher's goroutine with each new status, at most once a second when
	// nothing but the confirmation has moved. It must not block.
	OnStatus func(*Status)
	// Rand draws from [0,1) for jitter; nil is math/rand/v2. It may be called by several watchers at once.
	Rand func() float64
}

// DefaultConfig is a relist every five minutes, a back-off of at most 30 s, pages of 500 objects.
func DefaultConfig() Config {
	return Config{RelistEvery: 5 * time.Minute, BackoffMax: defaultBackoffMax, PageLimit: 500}
}

// Validate reports values that can't be meant.
func (c Config) Validate() error {
	var errs []error
	if c.RelistEvery < 10*time.Second {
		errs = append(errs, fmt.Errorf("relist period %s is too short: at least 10s", c.RelistEvery))
	}
	if c.BackoffMax < backoffFirst {
		errs = append(errs, fmt.Errorf("back-off limit %s is too short: at least %s", c.BackoffMax, backoffFirst))
	}
	if c.PageLimit < 1 || c.PageLimit > 100_000 {
		errs = append(errs, fmt.Errorf("page limit %d is out of range: 1 to 100000", c.PageLimit))
	}
	return errors.Join(errs...)
}

// withDefaults fills what may be left out.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	if c.RelistEvery <= 0 {
		c.RelistEvery = d.RelistEvery
	}
	if c.BackoffMax <= 0 {
		c.BackoffMax = d.BackoffMax
	}
	if c.PageLimit <= 0 {
		c.PageLimit = d.PageLimit
	}
	if c.Slots == nil {
		c.Slots = NewSlots(MaxLists)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Rand == nil {
		c.Rand = rand.Float64
	}
	return c
}
