package history

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrUnwritable is wrapped by every error that means: nothing can be recorded, so nothing may be written.
	ErrUnwritable = errors.New("the history can't be written")
	// ErrNewer is wrapped when the database was made by a newer orka. It is left as it is.
	ErrNewer = errors.New("the history was made by a newer orka")
	// ErrForeign is wrapped when the file is a database of another program. It is left as it is.
	ErrForeign = errors.New("the file is not a history of orka")
	// ErrNotFound is wrapped when no intent has the ID.
	ErrNotFound = errors.New("no such intent in the history")
	// ErrSettled is wrapped when an intent already has a final outcome, and it is another one.
	ErrSettled = errors.New("the intent has another outcome already")
	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("the history is closed")
)

// wayOut ends every error that another place for the file would settle.
const wayOut = "set ORKA_DB_PATH to a file in a folder of yours"

// CorruptError means that the history is damaged and could not be replaced by a new one.
type CorruptError struct {
	Path  string // of the database
	Aside string // where the damaged one is now; empty when it could not be moved
	Err   error  // what stood in the way
}

// Error implements error.
func (e *CorruptError) Error() string {
	if e.Aside == "" {
		return fmt.Sprintf("the history %s is damaged and can't be set aside: %v; move it away, or %s", e.Path, e.Err, wayOut)
	}
	return fmt.Sprintf("the history %s was damaged and is set aside as %s, but a new one can't be made: %v; %s", e.Path, e.Aside, e.Err, wayOut)
}

// Unwrap returns what stood in the way.
func (e *CorruptError) Unwrap() error { return e.Err }

// Is makes a CorruptError match ErrUnwritable: nothing can be recorded.
func (e *CorruptError) Is(target error) bool { return target == ErrUnwritable }

// errDamaged marks a record that reads but can't be true: its checksum or its form is wrong.
var errDamaged = errors.New("a record of the history is damaged")

// code is SQLite's extended result code of err, or 0.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// primary is the primary result code within an extended one (https://www.sqlite.org/rescode.html).
func primary(code int) int { return code & 0xff }

// damaged reports whether err means that the content of the database is wrong, as opposed to its surroundings.
func damaged(err error) bool {
	if errors.Is(err, errDamaged) {
		return true
	}
	switch c := code(err); {
	case primary(c) == sqlite3.SQLITE_CORRUPT, primary(c) == sqlite3.SQLITE_NOTADB:
		return true
	case c == sqlite3.SQLITE_IOERR_SHORT_READ:
		return true
	}
	return false
}

// moved reports whether err means that the file is not the one that was opened: renamed, removed, or emptied, which
// shows as a statement that doesn't fit the tables (SQLITE_ERROR), although they were checked when it was opened.
func moved(err error) bool {
	c := code(err)
	return errors.Is(err, errExchanged) || c == sqlite3.SQLITE_READONLY_DBMOVED || c == sqlite3.SQLITE_ERROR
}

// errExchanged means that the path leads to another file than the one that is open.
var errExchanged = errors.New("the file was exchanged for another one")

// why puts the cause of err into words. It never quotes SQL or values.
func why(err error) string {
	switch c := code(err); {
	case c == 0:
	case primary(c) == sqlite3.SQLITE_FULL:
		return "the disk is full"
	case c == sqlite3.SQLITE_READONLY_ROLLBACK:
		return "an interrupted write must be rolled back first, and the file is read-only"
	case primary(c) == sqlite3.SQLITE_READONLY, primary(c) == sqlite3.SQLITE_PERM:
		return "the file or its folder is read-only"
	case primary(c) == sqlite3.SQLITE_CANTOPEN:
		return "a file can't be opened in its folder"
	case c == sqlite3.SQLITE_IOERR_LOCK, c == sqlite3.SQLITE_IOERR_UNLOCK, c == sqlite3.SQLITE_IOERR_RDLOCK,
		c == sqlite3.SQLITE_IOERR_CHECKRESERVEDLOCK, primary(c) == sqlite3.SQLITE_PROTOCOL, primary(c) == sqlite3.SQLITE_NOLFS:
		return "its folder doesn't support file locks, as some network folders don't"
	case primary(c) == sqlite3.SQLITE_BUSY, primary(c) == sqlite3.SQLITE_LOCKED:
		return "another process has it locked"
	case primary(c) == sqlite3.SQLITE_IOERR:
		return fmt.Sprintf("reading or writing the file failed (SQLite code %d)", c)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long; another process may have it locked"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return "the disk is full"
	case errors.Is(err, syscall.EROFS):
		return "the file system is read-only"
	case errors.Is(err, fs.ErrPermission):
		return "the file or its folder is read-only"
	case errors.Is(err, errNoLocks):
		return "its folder doesn't support file locks, as some network folders don't"
	}
	return err.Error()
}

// explained says of err, which came up while the history at path was read or written, what to do about it. Errors
// that already say so, and the caller's own cancellation, pass unchanged.
func explained(path string, write bool, err error) error {
	var corrupt *CorruptError
	switch {
	case err == nil, errors.As(err, &corrupt), errors.Is(err, context.Canceled),
		errors.Is(err, ErrNewer), errors.Is(err, ErrForeign), errors.Is(err, ErrNotFound), errors.Is(err, ErrSettled),
		errors.Is(err, ErrClosed), errors.Is(err, errRefused), errors.Is(err, ErrUnwritable):
		return err
	case write:
		return fmt.Errorf("%w: %s: %s; make room or access for it, or %s: %w", ErrUnwritable, path, why(err), wayOut, err)
	}
	return fmt.Errorf("the history %s can't be read: %s: %w", path, why(err), err)
}

// errRefused marks what is refused because of what was asked, not because of the file.
var errRefused = errors.New("history")
