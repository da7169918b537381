package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The modes of everything that is made.
const (
	fileMode = 0o600
	dirMode  = 0o700
)

// sharedMode are the bits of a folder's mode that let others rename what is in it.
const sharedMode = 0o022

// paths are the files of one history.
type paths struct{ db, journal, lock, key string }

// pathsOf names the files of the history at path, which may be a symbolic link: renaming has to work on the file it
// leads to, and SQLite puts the journal beside that one.
func pathsOf(path string) (paths, error) {
	db, err := filepath.Abs(path)
	if err != nil {
		return paths{}, fmt.Errorf("%w: the path %q: %w", errRefused, path, err)
	}
	info, err := os.Lstat(db)
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		to, err := filepath.EvalSymlinks(db)
		if err != nil {
			return paths{}, fmt.Errorf("%w: %s is a symbolic link that leads nowhere: %w; remove it, or %s", errRefused, db, err, wayOut)
		}
		db = to
	}
	if info, err := os.Stat(db); err == nil {
		switch {
		case info.IsDir():
			return paths{}, fmt.Errorf("%w: %s is a folder; %s", errRefused, db, wayOut)
		case !info.Mode().IsRegular():
			return paths{}, fmt.Errorf("%w: %s is not a regular file; %s", errRefused, db, wayOut)
		}
	}
	return paths{db: db, journal: db + "-journal", lock: db + ".lock", key: db + ".key"}, nil
}

func (p paths) dir() string { return filepath.Dir(p.db) }

// makeDir makes the folder of the history, private to the user, when it doesn't exist.
func (p paths) makeDir() error {
	dir := p.dir()
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// warning says what is wrong with the folder, or "".
func (p paths) warning() string {
	dir := p.dir()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&sharedMode == 0 {
		return ""
	}
	return fmt.Sprintf("others may write to the folder of the history, %s (mode %#o), and so replace it: chmod go-w it, or %s", dir, info.Mode().Perm(), wayOut)
}

// private takes the rights of others off the files that exist. SQLite gives the journal the mode of the database.
func (p paths) private() error {
	for _, f := range []string{p.db, p.journal, p.lock, p.key} {
		info, err := os.Stat(f)
		if err != nil || info.Mode().Perm()&^fileMode == 0 {
			continue
		}
		if err := os.Chmod(f, fileMode); err != nil {
			return fmt.Errorf("others may read %s (mode %#o), and that can't be changed: %w", f, info.Mode().Perm(), err)
		}
	}
	return nil
}

// create makes an empty database file with its mode, before SQLite would make one with a wider mode. The caller
// holds the exclusive lock, and there is no database.
func (p paths) create() error {
	f, err := os.OpenFile(p.db, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// setAside renames the database and its journal and returns the new name of the database. The caller holds the
// exclusive lock. The database goes first: a process that ends in between leaves a journal without a database, which
// adopt finds; the other way round it would leave a damaged database that has lost its journal and might open.
func (p paths) setAside(now time.Time, between func()) (string, error) {
	aside, err := p.freeName(now)
	if err != nil {
		return "", err
	}
	if err := os.Rename(p.db, aside); err != nil {
		return "", err
	}
	between()
	if err := rename(p.journal, aside+"-journal"); err != nil {
		return aside, err
	}
	return aside, syncDir(p.dir())
}

// adopt moves away a journal without a database: SQLite would roll it back into the next database of that name. It
// belongs to the database that was set aside last, if that one has none. The caller holds the exclusive lock.
func (p paths) adopt(now time.Time) error {
	if _, err := os.Lstat(p.journal); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	beside, err := os.ReadDir(p.dir()) // sorted by name, and the names of what is set aside sort by time
	if err != nil {
		return err
	}
	var last string
	for _, e := range beside {
		if n := e.Name(); strings.HasPrefix(n, filepath.Base(p.db)+".corrupt-") && !strings.HasSuffix(n, "-journal") {
			last = filepath.Join(p.dir(), n)
		}
	}
	if last == "" || exists(last+"-journal") {
		if last, err = p.freeName(now); err != nil {
			return err
		}
	}
	return rename(p.journal, last+"-journal")
}

// maxAsides bounds the search for a free name within one second.
const maxAsides = 1000

// freeName is a name beside the database that nothing has.
func (p paths) freeName(now time.Time) (string, error) {
	stem := p.db + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	for i := range maxAsides {
		name := stem
		if i > 0 {
			name = fmt.Sprintf("%s-%03d", stem, i)
		}
		if !exists(name) && !exists(name+"-journal") {
			return name, nil
		}
	}
	return "", fmt.Errorf("there are %d files named %s… already", maxAsides, stem)
}

// nothing reports that there is no database to read: none, or one that was never filled.
func (p paths) nothing() bool {
	info, err := os.Stat(p.db)
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 && !p.ours()
}

// ours reports whether orka has used this history before. What then looks like another program's is damage.
func (p paths) ours() bool {
	info, err := os.Stat(p.lock)
	return err == nil && info.Size() > 0
}

// unclaim makes ours false until a database that is to be made is complete.
func (p paths) unclaim() error { return os.Truncate(p.lock, 0) }

// claim makes ours true from now on.
func (p paths) claim() error {
	if p.ours() {
		return nil
	}
	return os.WriteFile(p.lock, []byte("orka locks its history with this file\n"), fileMode)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// rename is os.Rename, to which a file that isn't there is no error.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
