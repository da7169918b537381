//go:build unix

package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestModes(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	if _, err := os.Stat(filepath.Dir(path)); err == nil {
		t.Error("Open made a folder before there was anything to keep")
	}
	in := deployment("web")
	in.Secret = true
	mustFinish(t, s, mustBegin(t, s, in), Outcome{State: Applied, Object: object(1)})
	if mode := modeOf(t, filepath.Dir(path)); mode != 0o700 {
		t.Errorf("the folder has mode %#o", mode)
	}
	var names []string
	files, _ := filepath.Glob(path + "*")
	for _, f := range files {
		names = append(names, filepath.Base(f))
		if mode := modeOf(t, f); mode != 0o600 {
			t.Errorf("%s has mode %#o", f, mode)
		}
	}
	if got, want := strings.Join(names, " "), "history.db history.db-journal history.db.key history.db.lock"; got != want {
		t.Errorf("files: %s, want %s", got, want)
	}
	s.Close()
	for _, f := range files {
		os.Chmod(f, 0o644)
	}
	mustFind(t, mustOpen(t, path, Options{}), Query{})
	for _, f := range files {
		if mode := modeOf(t, f); mode != 0o600 {
			t.Errorf("%s stays at mode %#o", f, mode)
		}
	}
}

func TestPaths(t *testing.T) {
	for _, tt := range []struct {
		name string
		path func(t *testing.T, dir string) string
		want string // in the error; "" for none
	}{
		{"a folder", func(t *testing.T, dir string) string { return dir }, "is a folder"},
		{"a named pipe", func(t *testing.T, dir string) string {
			p := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(p, 0o600); err != nil {
				t.Skip(err)
			}
			return p
		}, "not a regular file"},
		{"a symbolic link to nothing", func(t *testing.T, dir string) string {
			p := filepath.Join(dir, "link")
			os.Symlink(filepath.Join(dir, "gone"), p)
			return p
		}, "leads nowhere"},
		{"a symbolic link", func(t *testing.T, dir string) string {
			p := filepath.Join(dir, "link")
			os.Mkdir(filepath.Join(dir, "real"), 0o700)
			write(t, filepath.Join(dir, "real", "db"), nil)
			os.Symlink(filepath.Join(dir, "real", "db"), p)
			return p
		}, ""},
		{"folders that don't exist", func(t *testing.T, dir string) string { return filepath.Join(dir, "a", "b", "db") }, ""},
		{"characters that mean something in a URI", func(t *testing.T, dir string) string { return filepath.Join(dir, "a?b#c%41 d", "d&b.db") }, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := tt.path(t, t.TempDir())
			s, err := Open(path, Options{})
			if tt.want != "" {
				if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "ORKA_DB_PATH") {
					t.Errorf("Open: %v, want %q", err, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			mustBegin(t, s, deployment("web"))
			if info, err := os.Stat(path); err != nil || info.Size() == 0 {
				t.Errorf("the database is not at %s: %v", path, err)
			}
		})
	}
}

func TestSymbolicLinkSurvivesSettingAside(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real.db"), filepath.Join(dir, "link.db")
	write(t, target, []byte(strings.Repeat("damage", 2000)))
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, link, Options{})
	mustBegin(t, s, deployment("web"))
	if to, err := os.Readlink(link); err != nil || to != target {
		t.Errorf("the link leads to %q: %v", to, err)
	}
	if len(asides(t, target)) != 1 {
		t.Errorf("set aside: %v", asides(t, target))
	}
}

func TestSharedFolderIsReported(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o770); err != nil {
		t.Fatal(err)
	}
	var reports []string
	s := mustOpen(t, filepath.Join(dir, "db"), Options{Report: func(r string) { reports = append(reports, r) }})
	mustBegin(t, s, deployment("web"))
	mustBegin(t, s, deployment("web"))
	if len(reports) != 1 || !strings.Contains(reports[0], dir) {
		t.Errorf("reported %q", reports)
	}
}

func TestDurable(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	mustBegin(t, s, deployment("web"))
	if err := durable(context.Background(), s.handle.db); err != nil {
		t.Error(err)
	}
	conns := make([]*sql.Conn, maxConns) // all at once, so that each is another one
	for i := range conns {
		c, err := s.handle.db.Conn(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		conns[i] = c
	}
	for _, c := range conns {
		var sync, busy int
		c.QueryRowContext(context.Background(), `PRAGMA synchronous`).Scan(&sync)
		c.QueryRowContext(context.Background(), `PRAGMA busy_timeout`).Scan(&busy)
		if sync != 3 || busy != busyMillis {
			t.Errorf("a connection of the pool has synchronous=%d, busy_timeout=%d", sync, busy)
		}
	}
}

// unwritableButReadable checks what every history that can't be written must do.
func unwritableButReadable(s *Store, want string) error {
	_, err := s.Begin(context.Background(), deployment("refused"))
	switch {
	case !errors.Is(err, ErrUnwritable):
		return fmt.Errorf("Begin: %w", err)
	case !strings.Contains(err.Error(), s.files.db), !strings.Contains(err.Error(), "ORKA_DB_PATH"), !strings.Contains(err.Error(), want):
		return fmt.Errorf("the error does not name %q, the file and the way out: %w", want, err)
	}
	entries, err := s.Find(context.Background(), Query{Body: true})
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	if len(entries) == 0 || entries[len(entries)-1].Intent.Name != "first" {
		return fmt.Errorf("reading: %d entries", len(entries))
	}
	for _, e := range entries {
		if e.Intent.Name == "refused" {
			return errors.New("the refused intent is there")
		}
	}
	return nil
}

// noise is an intent that doesn't compress.
func noise(rnd *rand.Rand, size int) Intent {
	in := deployment("noise")
	in.Body = make([]byte, size)
	for i := range in.Body {
		in.Body[i] = byte(rnd.Uint32())
	}
	return in
}

func TestFullDatabase(t *testing.T) {
	s := mustOpen(t, dbPath(t), Options{})
	mustBegin(t, s, deployment("first"))
	s.handle.db.SetMaxOpenConns(1)
	mustExec(t, s.handle.db, `PRAGMA max_page_count = 1`) // which means: as large as it is
	if _, err := s.Begin(context.Background(), noise(rand.New(rand.NewPCG(1, 1)), 1<<16)); !errors.Is(err, ErrUnwritable) || !strings.Contains(err.Error(), "full") {
		t.Errorf("Begin: %v", err)
	}
	if got := mustFind(t, s, Query{}); len(got) != 1 {
		t.Errorf("%d entries", len(got))
	}
	mustExec(t, s.handle.db, `PRAGMA max_page_count = 100000`)
	mustBegin(t, s, noise(rand.New(rand.NewPCG(1, 1)), 1<<16))
	integrity(t, s)
}

// TestFileLimit fills files up to RLIMIT_FSIZE, where writes fail with EFBIG.
func TestFileLimit(t *testing.T) { startChild(t, "filelimit", dbPath(t)).end(t) }

func childFileLimit(path string, _ []string) error {
	signal.Ignore(syscall.SIGXFSZ)
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Begin(context.Background(), deployment("first")); err != nil {
		return err
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1 << 17, Max: unix.RLIM_INFINITY}); err != nil {
		return err
	}
	return fillAndCheck(s, "reading or writing the file failed")
}

// fillAndCheck writes until the disk is full, and checks that nothing is lost by it.
func fillAndCheck(s *Store, want string) error {
	rnd := rand.New(rand.NewPCG(1, 1))
	var err error
	begun := 0
	for ; err == nil && begun < 10_000; begun++ {
		_, err = s.Begin(context.Background(), noise(rnd, 20_000))
	}
	if !errors.Is(err, ErrUnwritable) || !strings.Contains(err.Error(), want) {
		return fmt.Errorf("after %d intents: %w", begun, err)
	}
	entries, err := s.Find(context.Background(), Query{Limit: maxLimit, Body: true})
	if err != nil {
		return fmt.Errorf("reading: %w", err)
	}
	if len(entries) != begun { // the first one, and all but the last of this loop
		return fmt.Errorf("%d entries, want %d", len(entries), begun)
	}
	return nil
}

func childFill(path string, _ []string) error {
	s, err := Open(path, Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	if _, err := s.Begin(context.Background(), deployment("first")); err != nil {
		return err
	}
	return fillAndCheck(s, "the disk is full")
}

func TestReadOnly(t *testing.T) {
	for _, tt := range []struct {
		name               string
		file, lock, folder os.FileMode
	}{
		{"the folder", 0o644, 0o644, 0o555},
		{"the folder, without a lock", 0o644, 0, 0o555},
		{"the file", 0o444, 0o666, 0o777},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := dbPath(t)
			s := mustOpen(t, path, Options{})
			mustBegin(t, s, deployment("first"))
			s.Close()
			os.Remove(path + "-journal")
			os.Chmod(path, tt.file)
			if tt.lock == 0 {
				os.Remove(path + ".lock")
			} else {
				os.Chmod(path+".lock", tt.lock)
			}
			os.Chmod(filepath.Dir(path), tt.folder)
			defer os.Chmod(filepath.Dir(path), 0o700)
			for d := filepath.Dir(filepath.Dir(path)); d != filepath.Clean(os.TempDir()) && d != "/"; d = filepath.Dir(d) {
				os.Chmod(d, 0o755)
			}
			startChild(t, "readonly", path).end(t)
		})
	}
}

// childReadOnly gives up the rights of root, for whom nothing is read-only.
func childReadOnly(path string, _ []string) error {
	if os.Getuid() == 0 {
		if err := syscall.Setgid(65534); err != nil {
			return err
		}
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	s, err := Open(path, Options{})
	if err != nil {
		return fmt.Errorf("Open: %w", err)
	}
	defer s.Close()
	return unwritableButReadable(s, "read-only")
}

// TestLocked: a process that holds the lock makes others wait, but not for ever.
func TestLocked(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustBegin(t, s, deployment("web"))
	lock, err := lockFile(context.Background(), path+".lock", true, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := s.Begin(ctx, deployment("web")); !errors.Is(err, ErrUnwritable) || !strings.Contains(err.Error(), "another process") {
		t.Errorf("Begin while locked: %v", err)
	}
	lock.release()
	mustBegin(t, s, deployment("web"))
}

// TestRemoved: a history that somebody deletes underneath a running program is made anew, and what it began is kept.
func TestRemoved(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	id := mustBegin(t, s, deployment("web"))
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if got := mustFind(t, s, Query{}); len(got) != 0 {
		t.Errorf("what was deleted reads as %v", got)
	}
	mustFinish(t, s, id, Outcome{State: Refused})
	if got := mustFind(t, s, Query{}); len(got) != 1 || got[0].Outcome.State != Refused || got[0].Intent.Name != "web" {
		t.Errorf("the outcome: %+v", got)
	}
}
