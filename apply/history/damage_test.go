//go:build unix

package history

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var damageSeed = flag.Uint64("damage.seed", 0, "run TestRandomDamage with this seed alone")

var damageSeeds = flag.Int("damage.seeds", 30, "how many seeds TestRandomDamage tries")

// TestRandomDamage overwrites random bytes of the files, or cuts them short. Whatever was hit, Open and the rest answer:
// with entries as they were written, or with an error, or from a new history beside what was set aside.
func TestRandomDamage(t *testing.T) {
	seeds := []uint64{*damageSeed}
	if *damageSeed == 0 {
		seeds = nil
		for i := range uint64(*damageSeeds) {
			seeds = append(seeds, i+1)
		}
		seeds = append(seeds, 181) // a header of a format that SQLite doesn't know
	}
	tally := make(map[string]int)
	for _, seed := range seeds {
		tally[damageOnce(t, seed)]++
	}
	t.Log(tally)
	if *damageSeed == 0 && (tally["set aside"] == 0 || tally["answered"] == 0) {
		t.Errorf("the damage is not varied enough to mean something: %v", tally)
	}
}

func damageOnce(t *testing.T, seed uint64) string {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("seed %d (replay with -damage.seed=%d): %s", seed, seed, fmt.Sprintf(format, args...))
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	written := make(map[ID]Intent)
	for i := range 12 {
		in := deployment(fmt.Sprint(i))
		in.At, in.Body = at.Add(time.Duration(i)*time.Second), make([]byte, rnd.IntN(6000))
		for j := range in.Body {
			in.Body[j] = byte(rnd.Uint32())
		}
		id := mustBegin(t, s, in)
		written[id] = in
		if i%3 != 0 {
			mustFinish(t, s, id, Outcome{State: Applied, Object: object(i)})
		}
	}
	open := rnd.IntN(2) == 0 // damage found later, or at open
	if !open {
		s.Close()
	}
	damage(t, rnd, path)
	outcome := "answered"
	if !open {
		var err error
		if s, err = Open(path, Options{}); err != nil {
			if !errors.Is(err, ErrNewer) {
				fail("Open: %v", err)
			}
			return "newer"
		}
		t.Cleanup(func() { s.Close() })
	}
	entries := mustFind(t, s, Query{Body: true})
	if len(entries) != len(written) && len(asides(t, path)) == 0 {
		fail("%d of %d entries are left, and nothing says so", len(entries), len(written))
	}
	for _, e := range entries {
		want, ok := written[e.ID]
		if !ok {
			fail("an entry %d that nobody wrote", e.ID)
			continue
		}
		if diff := cmp.Diff(want, e.Intent); diff != "" {
			fail("an intent changed (-want +got):\n%s", diff)
		}
	}
	id, err := s.Begin(context.Background(), deployment("after"))
	if err == nil {
		err = s.Finish(context.Background(), id, Outcome{State: Applied, Object: object(1)})
	}
	if err != nil {
		fail("writing after the damage: %v", err)
	} else if vs, err := s.Versions(context.Background(), "uid-after"); err != nil || len(vs) != 1 {
		fail("what was written after the damage reads as %v, %v", vs, err)
	}
	if len(asides(t, path)) > 0 {
		outcome = "set aside"
	}
	return outcome
}

// damage overwrites or truncates one of the files.
func damage(t *testing.T, rnd *rand.Rand, path string) {
	t.Helper()
	file := []string{path, path, path, path, path + "-journal", path + ".lock"}[rnd.IntN(6)]
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if rnd.IntN(4) == 0 {
		if err := os.Truncate(file, rnd.Int64N(info.Size()+1)); err != nil {
			t.Fatal(err)
		}
		return
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 1 + rnd.IntN(20) {
		at := rnd.Int64N(info.Size() + 1)
		if rnd.IntN(3) == 0 {
			at = rnd.Int64N(100) // the header
		}
		if _, err := f.WriteAt([]byte{byte(rnd.Uint32())}, at); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSetAside(t *testing.T) {
	garbage := []byte(strings.Repeat("not a database ", 1000))
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, s *Store, path string)
	}{
		{"garbage at open", func(t *testing.T, s *Store, path string) { s.Close(); write(t, path, garbage) }},
		{"garbage while open", func(t *testing.T, s *Store, path string) { write(t, path, garbage) }},
		{"emptied at open", func(t *testing.T, s *Store, path string) { s.Close(); write(t, path, nil) }},
		{"emptied while open", func(t *testing.T, s *Store, path string) { write(t, path, nil) }},
		{"a name changed behind the checksum", func(t *testing.T, s *Store, path string) {
			mustExec(t, s.handle.db, `UPDATE intents SET name = 'other'`)
		}},
		{"a body changed", func(t *testing.T, s *Store, path string) {
			mustExec(t, s.handle.db, `UPDATE intents SET body = x'00'`)
		}},
		{"an outcome changed", func(t *testing.T, s *Store, path string) {
			mustExec(t, s.handle.db, `UPDATE outcomes SET state = 'refused'`)
		}},
		{"a table gone, found at open", func(t *testing.T, s *Store, path string) {
			mustExec(t, s.handle.db, `DROP TABLE versions`)
			s.Close()
		}},
		{"the mark gone, found at open", func(t *testing.T, s *Store, path string) {
			mustExec(t, s.handle.db, `PRAGMA application_id = 7`)
			s.Close()
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := dbPath(t)
			s := mustOpen(t, path, Options{})
			mustFinish(t, s, mustBegin(t, s, deployment("web")), Outcome{State: Applied, Object: object(1)})
			var reports []string
			opts := Options{Now: func() time.Time { return at }, Report: func(r string) { reports = append(reports, r) }}
			s.opts = opts
			s.opts.Retention = Retention{}.withDefaults()
			tt.spoil(t, s, path)
			if s.closed {
				s = mustOpen(t, path, opts)
			}
			if got := mustFind(t, s, Query{Body: true}); len(got) != 0 {
				t.Errorf("the new history has %+v", got)
			}
			aside := path + ".corrupt-20260304T050607Z"
			if len(reports) != 1 || !strings.Contains(reports[0], aside) {
				t.Errorf("reported %q", reports)
			}
			if mode := modeOf(t, aside); mode != 0o600 {
				t.Errorf("the mode of what was set aside is %#o", mode)
			}
			mustBegin(t, s, deployment("next"))
			integrity(t, s)
		})
	}
}

// TestSetAsideOnce: who met the damage, but comes second to deal with it, must not set aside the new history.
func TestSetAsideOnce(t *testing.T) {
	path := dbPath(t)
	first, second := mustOpen(t, path, Options{}), mustOpen(t, path, Options{})
	mustBegin(t, first, deployment("web"))
	mustBegin(t, second, deployment("web"))
	write(t, path, []byte(strings.Repeat("damage", 2000)))
	mustBegin(t, first, deployment("kept"))
	if err := second.replace(context.Background(), second.handle, true); err != nil {
		t.Fatal(err)
	}
	if got := mustFind(t, second, Query{}); len(got) != 1 || got[0].Intent.Name != "kept" {
		t.Errorf("the new history has %+v; set aside: %v", got, asides(t, path))
	}
}

func TestNotSetAside(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil string // SQL on a history; on an empty database if it begins with CREATE
		want  error
	}{
		{"newer", fmt.Sprintf(`PRAGMA user_version = %d`, len(migrations)+1), ErrNewer},
		{"another program's", `CREATE TABLE bookmarks (url TEXT)`, ErrForeign},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "some.db")
			if strings.HasPrefix(tt.spoil, "CREATE") {
				write(t, path, nil)
				raw(t, path, tt.spoil)
			} else {
				s := mustOpen(t, path, Options{})
				mustBegin(t, s, deployment("web"))
				s.Close()
				raw(t, path, tt.spoil)
			}
			before, _ := os.ReadFile(path)
			for range 2 { // the first refusal must not make the second one think that it is ours
				if _, err := Open(path, Options{}); !errors.Is(err, tt.want) || !strings.Contains(err.Error(), "ORKA_DB_PATH") {
					t.Errorf("Open: %v, want %v", err, tt.want)
				}
			}
			after, _ := os.ReadFile(path)
			if string(before) != string(after) || len(asides(t, path)) != 0 {
				t.Error("the file was touched")
			}
		})
	}
}

func TestCorruptError(t *testing.T) {
	path := dbPath(t)
	s := mustOpen(t, path, Options{})
	mustBegin(t, s, deployment("web"))
	s.opts.Now = func() time.Time { return at }
	write(t, path, []byte(strings.Repeat("damage", 2000)))
	for i := range maxAsides { // no name is left
		name := path + ".corrupt-20260304T050607Z"
		if i > 0 {
			name = fmt.Sprintf("%s-%03d", name, i)
		}
		write(t, name, nil)
	}
	_, err := s.Begin(context.Background(), deployment("web"))
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) || !errors.Is(err, ErrUnwritable) || corrupt.Path != path || corrupt.Aside != "" {
		t.Errorf("Begin: %v", err)
	}
}

func TestMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "some.db")
	write(t, path, nil)
	db, err := openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	steps := append(migrations[:len(migrations):len(migrations)], []string{`CREATE TABLE later (id INTEGER)`})
	if err := migrate(context.Background(), db, 0, migrations, at); err != nil {
		t.Fatal(err)
	}
	if err := migrate(context.Background(), db, len(migrations), append(steps, []string{`CREATE TABLE broken (`}), at); err == nil {
		t.Error("a broken migration succeeded")
	}
	if err := migrate(context.Background(), db, len(migrations), steps, at); err != nil {
		t.Fatal(err)
	}
	if _, err := inspect(context.Background(), db, true); !errors.Is(err, ErrNewer) {
		t.Errorf("after a migration that this program doesn't know: %v", err)
	}
	mustExec(t, db, `SELECT id FROM later`)
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mustExec(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	if _, err := db.Exec(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// raw runs SQL on the file at path.
func raw(t testing.TB, path, text string) {
	t.Helper()
	db, err := openDB(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	mustExec(t, db, text)
}

func modeOf(t testing.TB, path string) os.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}
