package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"orka/apply/history"
)

// journal opens the history at its first use, so that exploring alone leaves no file behind, and holds it until Run ends.
type journal struct {
	// immutable
	path    string
	logger  *slog.Logger
	observe func(op string, took time.Duration)

	// guarded by mu
	mu     sync.Mutex
	store  *history.Store
	closed bool
}

// errNoHistory is what an engine answers that was given no place for its history.
var errNoHistory = errors.New("there is no place for the history of applies: set ORKA_DB_PATH")

// open returns the store. One that could not be opened is tried again at the next use: disks are made room on.
func (j *journal) open() (*history.Store, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.closed:
		return nil, errEnded
	case j.store != nil:
		return j.store, nil
	case j.path == "":
		return nil, errNoHistory
	}
	store, err := history.Open(j.path, history.Options{
		Report:  func(text string) { j.logger.Warn("history", "report", text) },
		Observe: j.observe,
	})
	if err != nil {
		return nil, err
	}
	j.store = store
	return store, nil
}

// Begin implements apply.Journal.
func (j *journal) Begin(ctx context.Context, i history.Intent) (history.ID, error) {
	s, err := j.open()
	if err != nil {
		return 0, err
	}
	return s.Begin(ctx, i)
}

// Finish implements apply.Journal.
func (j *journal) Finish(ctx context.Context, id history.ID, o history.Outcome) error {
	s, err := j.open()
	if err != nil {
		return err
	}
	return s.Finish(ctx, id, o)
}

// close ends it for good.
func (j *journal) close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
	if j.store == nil {
		return nil
	}
	s := j.store
	j.store = nil
	return s.Close()
}

// History is the record of what was applied; it ends with Run.
func (e *Engine) History() (*history.Store, error) { return e.journal.open() }
