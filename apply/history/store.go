package history

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Options are what a Store is given. All may be left out.
type Options struct {
	// Now tells the time; nil means time.Now.
	Now func() time.Time
	// Report takes a sentence for the person: the history was damaged and set aside, or its folder is open to others.
	// It must not block and must not call the Store.
	Report func(string)
	// Observe takes how long an operation took, waiting included: op is "put" (Begin, Finish) or "get" (Versions, Find).
	Observe func(op string, took time.Duration)
	// FaultPoint is called at places where a test ends the process or makes something go wrong. Tests only. The names:
	// before-begin, mid-begin, after-begin, before-finish, mid-finish, after-finish (mid is before the commit),
	// mid-prune, mid-create (there is an empty file), mid-set-aside (the database is renamed, the journal is not),
	// after-set-aside (there is no database), mid-key (a key is written under another name).
	FaultPoint func(name string)
	// Retention says how much is kept.
	Retention Retention
}

// Store is a history. Its zero value is not usable; see Open.
type Store struct {
	// immutable
	files paths
	opts  Options

	mu     sync.RWMutex // held shared during operations, exclusively while handle changes
	handle *handle      // nil: not open, because there is no database yet, or it was set aside
	closed bool

	pending pending // intents begun by this Store
	warned  sync.Map
}

// handle is an open database. It stands for one file, whatever the path leads to later.
type handle struct {
	db   *sql.DB
	info fs.FileInfo
}

// close gives up the file. An error would say nothing about what was written: that was committed, or it wasn't.
func (h *handle) close() {
	if h != nil {
		_ = h.db.Close()
	}
}

// opTimeout bounds every operation, waiting for locks included. It is longer than busyMillis, so that SQLite has the
// first word.
const opTimeout = 15 * time.Second

// Open opens the history at path, which may be a symbolic link. A history that exists is looked at, so that damage is
// found, set aside and reported now; one that doesn't is made by the first Begin, with its folder. A history that can
// be read but not written opens without an error. Errors: ErrNewer and ErrForeign (the file is left alone),
// *CorruptError, a path that is no file, and a file that can't be read.
func Open(path string, opts Options) (*Store, error) {
	files, err := pathsOf(path)
	if err != nil {
		return nil, err
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	opts.Retention = opts.Retention.withDefaults()
	s := &Store{files: files, opts: opts}
	if err := s.use(context.Background(), false, func(context.Context, *sql.DB) error { return nil }); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close waits for running operations and closes the database. A second Close does nothing.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.handle
	s.handle, s.closed = nil, true
	if h == nil {
		return nil
	}
	return h.db.Close()
}

// Ready reports whether an intent could be recorded now, by making the database if there is none, and by taking and
// giving back the write lock. The error is what Begin would return.
func (s *Store) Ready(ctx context.Context) error {
	return s.use(ctx, true, func(ctx context.Context, db *sql.DB) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		return tx.Rollback()
	})
}

// maxAttempts is how often an operation is tried when the file was exchanged or damaged: as it was, in a new history,
// and once more for another process that does the same at the same time.
const maxAttempts = 3

// use runs op on the open database, under the shared lock, and deals with what may have happened to the file. When
// there is no database and write is false, op doesn't run: there is nothing to read.
func (s *Store) use(ctx context.Context, write bool, op func(context.Context, *sql.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, opTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		h, err := s.try(ctx, write, op)
		if err == nil || attempt == maxAttempts || !damaged(err) && !moved(err) {
			return explained(s.files.db, write, err)
		}
		if err := s.replace(ctx, h, damaged(err)); err != nil {
			return explained(s.files.db, write, err)
		}
	}
}

// try is one attempt of use. The handle returned is the one that op ran on.
func (s *Store) try(ctx context.Context, write bool, op func(context.Context, *sql.DB) error) (*handle, error) {
	if err := s.ensure(ctx, write); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	h := s.handle
	if h == nil {
		if write || !s.files.nothing() {
			return nil, errExchanged // by another goroutine, since ensure
		}
		return nil, nil
	}
	lock, err := lockFile(ctx, s.files.lock, false, !write)
	if err != nil {
		return h, err
	}
	defer lock.release()
	if !s.current(h) {
		return h, errExchanged
	}
	return h, op(ctx, h.db)
}

// current reports whether the path still leads to the file that h has open.
func (s *Store) current(h *handle) bool {
	if h == nil {
		return false
	}
	info, err := os.Stat(s.files.db)
	return err == nil && os.SameFile(info, h.info)
}

func (s *Store) fault(name string) {
	if s.opts.FaultPoint != nil {
		s.opts.FaultPoint(name)
	}
}

func (s *Store) report(text string) {
	if s.opts.Report != nil {
		s.opts.Report(text)
	}
}

// warn reports a text once.
func (s *Store) warn(text string) {
	if _, again := s.warned.LoadOrStore(text, true); !again {
		s.report(text)
	}
}

func (s *Store) observe(op string, since time.Time) {
	if s.opts.Observe != nil {
		s.opts.Observe(op, time.Since(since))
	}
}
