package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ensure opens the database if it isn't open, or if the path leads to another file by now.
func (s *Store) ensure(ctx context.Context, write bool) error {
	s.mu.RLock()
	ok, closed := s.current(s.handle), s.closed
	s.mu.RUnlock()
	if ok || closed {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.current(s.handle) {
		return nil
	}
	if !write && s.files.nothing() {
		s.handle.close()
		s.handle = nil
		return nil
	}
	return s.open(ctx, write)
}

// open opens the database, makes it or migrates it as needed, and sets it aside when it is damaged. The caller holds mu.
// Most of the time the shared lock is enough; the exclusive one is taken when files have to be made or renamed.
func (s *Store) open(ctx context.Context, write bool) error {
	s.handle.close()
	s.handle = nil
	if w := s.files.warning(); w != "" {
		s.warn(w)
	}
	if write {
		if err := s.files.makeDir(); err != nil {
			return err
		}
	}
	err := s.openLocked(ctx, false, write)
	if err == nil || !errors.Is(err, errNew) && !damaged(err) {
		return err
	}
	isDamaged := damaged(err)
	err = s.openLocked(ctx, true, write)
	var corrupt *CorruptError
	if err != nil && isDamaged && !errors.As(err, &corrupt) {
		return s.corrupt("", err)
	}
	return err
}

func (s *Store) openLocked(ctx context.Context, exclusive, write bool) error {
	lock, err := lockFile(ctx, s.files.lock, exclusive, !write && !exclusive)
	if err != nil {
		return err
	}
	defer lock.release()
	if !exclusive {
		return s.connect(ctx)
	}
	err = s.connect(ctx)
	if damaged(err) {
		return s.setAside(ctx)
	}
	if errors.Is(err, errNew) {
		return s.create(ctx)
	}
	return err
}

// connect opens the database that is there and is complete. The caller holds the lock. It returns errNew when the
// database has to be made or migrated first.
func (s *Store) connect(ctx context.Context) error {
	info, err := os.Stat(s.files.db)
	if errors.Is(err, fs.ErrNotExist) {
		return errNew
	}
	if err != nil {
		return err
	}
	db, err := openDB(s.files.db)
	if err != nil {
		return err
	}
	_, err = inspect(ctx, db, s.files.ours())
	if err == nil {
		err = durable(ctx, db)
	}
	if err != nil {
		return s.refusal(errors.Join(err, db.Close()))
	}
	if err := s.files.private(); err != nil {
		s.warn(err.Error())
	}
	s.handle = &handle{db, info}
	return nil
}

// refusal names the file and the way out in the errors of inspect that a person has to act on.
func (s *Store) refusal(err error) error {
	switch {
	case errors.Is(err, ErrNewer):
		return fmt.Errorf("%w: %s; use that one, or %s", err, s.files.db, wayOut)
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("%w: %s is a database of another program; %s", err, s.files.db, wayOut)
	}
	return err
}

// create makes the database, or completes one that was left half made or is older. The caller holds mu and the
// exclusive lock.
func (s *Store) create(ctx context.Context) error {
	if !exists(s.files.db) {
		if err := s.files.adopt(s.opts.Now()); err != nil {
			return err
		}
		if err := s.files.unclaim(); err != nil {
			return err
		}
		if err := s.files.create(); err != nil {
			return err
		}
		s.fault("mid-create")
	}
	if err := s.files.private(); err != nil {
		return err
	}
	db, err := openDB(s.files.db)
	if err != nil {
		return err
	}
	version, err := inspect(ctx, db, false)
	if errors.Is(err, errNew) {
		err = migrate(ctx, db, version, migrations, s.opts.Now())
	}
	if cerr := db.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := s.files.claim(); err != nil {
		return err
	}
	if err := syncDir(s.files.dir()); err != nil {
		return err
	}
	return s.connect(ctx)
}

// replace is called when op on h met damage, or found that the file was exchanged. Another goroutine or process may
// have dealt with it by now; then there is nothing left to do.
func (s *Store) replace(ctx context.Context, h *handle, isDamaged bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.handle != h {
		return nil
	}
	lock, err := lockFile(ctx, s.files.lock, true, false)
	if err != nil {
		return s.corrupt("", err)
	}
	defer lock.release()
	if !isDamaged || !s.current(h) {
		s.handle.close()
		s.handle = nil
		return nil
	}
	return s.setAside(ctx)
}

// setAside gives the damaged database another name and makes a new one. The caller holds mu and the exclusive lock.
func (s *Store) setAside(ctx context.Context) error {
	if !canRenameOpen {
		s.handle.close()
		s.handle = nil
	}
	aside, err := s.files.setAside(s.opts.Now(), func() { s.fault("mid-set-aside") })
	// Closed only now: SQLite might still write to a damaged database that has its name.
	s.handle.close()
	s.handle = nil
	if err != nil {
		return s.corrupt(aside, err)
	}
	s.fault("after-set-aside")
	s.report(fmt.Sprintf("the history was damaged and is set aside as %s; a new one is made, and earlier entries are only in that file", aside))
	if err := s.create(ctx); err != nil {
		return s.corrupt(aside, err)
	}
	return nil
}

func (s *Store) corrupt(aside string, err error) error {
	return &CorruptError{Path: s.files.db, Aside: aside, Err: err}
}
