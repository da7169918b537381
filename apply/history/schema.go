package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID marks the database as orka's ("orka" in ASCII; https://www.sqlite.org/pragma.html#pragma_application_id).
const applicationID = 0x6f726b61

// maxVersion is the highest schema version that is believed; a higher one is damage, not a newer orka.
const maxVersion = 1000

// migrations make the schema: the n-th takes a database of version n to n+1 (PRAGMA user_version). A released one is
// never changed; a change of the schema is a new one at the end.
//
// Each row carries a checksum (row.go), as SQLite has none: a flipped bit in a name would read as another name.
// Large columns come last, so that reading the others doesn't walk through them.
var migrations = [][]string{{
	`CREATE TABLE intents (
		id INTEGER PRIMARY KEY AUTOINCREMENT,
		recorded INTEGER NOT NULL, -- ns since 1970, when the row was made: what its age is counted from
		at INTEGER NOT NULL,       -- ns since 1970, as the caller said
		cluster TEXT NOT NULL, context TEXT NOT NULL, user TEXT NOT NULL,
		kind TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL,
		base_version TEXT NOT NULL, route TEXT NOT NULL, force INTEGER NOT NULL, secret INTEGER NOT NULL,
		digest TEXT NOT NULL, -- of a Secret's body
		sum INTEGER NOT NULL,
		fields TEXT NOT NULL, -- JSON
		body BLOB             -- zstd; NULL for Secrets
	) STRICT`,
	`CREATE INDEX intents_recorded ON intents (recorded)`,
	`CREATE INDEX intents_uid ON intents (uid)`,
	`CREATE INDEX intents_name ON intents (name, namespace, resource)`,
	`CREATE TABLE outcomes (
		id INTEGER PRIMARY KEY, -- of the intent
		at INTEGER NOT NULL, state TEXT NOT NULL, version TEXT NOT NULL,
		code INTEGER NOT NULL, reason TEXT NOT NULL, sum INTEGER NOT NULL, message TEXT NOT NULL
	) STRICT`,
	`CREATE TABLE versions (
		id INTEGER PRIMARY KEY, -- of the intent, which may be gone
		at INTEGER NOT NULL, cluster TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
		uid TEXT NOT NULL, version TEXT NOT NULL,
		digest TEXT NOT NULL, -- of a Secret's object
		sum INTEGER NOT NULL,
		object BLOB           -- zstd; NULL for Secrets
	) STRICT`,
	`CREATE INDEX versions_uid ON versions (uid, id)`,
}}

// busyMillis is how long SQLite waits for a lock that another process holds, in ms: ten times what a slow disk needs
// for a commit.
const busyMillis = 5000

// dsn is how the driver opens the database at path. The driver runs the pragmas on every connection of the pool,
// busy_timeout first, then by name; mode=rw keeps it from making a file.
func dsn(path string) string {
	q := url.Values{
		"mode":       {"rw"},
		"_txlock":    {"immediate"}, // a transaction that began by reading could not wait for the write lock
		"_error_rc":  {"1"},
		"_defensive": {"1"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busyMillis),
			"journal_mode(truncate)",
			"synchronous(extra)",
			"fullfsync(1)",       // macOS: fsync alone leaves it in the drive's cache
			"temp_store(memory)", // nothing of it in /tmp
			"cell_size_check(1)",
			"trusted_schema(0)",
		},
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/… on Windows
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}).String()
}

// maxConns is how many connections one Store has: one that writes and one that reads meanwhile.
const maxConns = 2

// openDB returns a pool for the database at path, which exists.
func openDB(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	return db, nil
}

// errNew means that the database is empty or older, and needs migrations.
var errNew = errors.New("the schema is not complete")

// inspect reads the version of the schema. It returns errNew with the version when migrations are due, ErrNewer,
// ErrForeign, or errDamaged. ours says that orka has used this path before, so that what looks foreign is damage.
func inspect(ctx context.Context, db *sql.DB, ours bool) (version int, err error) {
	var app, tables int
	row := db.QueryRowContext(ctx, `SELECT (SELECT user_version FROM pragma_user_version), (SELECT application_id FROM pragma_application_id), (SELECT count(*) FROM sqlite_master)`)
	if err := row.Scan(&version, &app, &tables); err != nil {
		if code(err) == sqlite3.SQLITE_ERROR && ours { // "unsupported file format"
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
		return 0, err
	}
	if version == 0 && app == 0 && tables == 0 {
		if ours {
			return 0, errDamaged // it has lost its first page, or all of them
		}
		return 0, errNew
	}
	switch {
	case app != applicationID && ours, app == applicationID && (version < 1 || version > maxVersion):
		return 0, errDamaged
	case app != applicationID:
		return 0, ErrForeign
	case version > len(migrations):
		return version, ErrNewer
	case version < len(migrations):
		return version, errNew
	}
	for _, q := range []string{`SELECT ` + intentColumns + `, i.body FROM intents i LIMIT 0`, `SELECT ` + outcomeColumns + ` FROM outcomes o LIMIT 0`,
		`SELECT ` + versionColumns + ` FROM versions v LIMIT 0`} {
		rows, err := db.QueryContext(ctx, q)
		if err == nil {
			err = errors.Join(rows.Err(), rows.Close())
		}
		if code(err) == sqlite3.SQLITE_ERROR { // a table or column is gone
			return 0, fmt.Errorf("%w: %w", errDamaged, err)
		}
		if err != nil {
			return 0, err
		}
	}
	return version, nil
}

// idBits is how many IDs a new history leaves between its seconds: its first ID is the time it was made in seconds,
// shifted by this, so that an ID of one history is not met again in the next.
const idBits = 20

// migrate takes the database from version to the newest one, in one transaction.
func migrate(ctx context.Context, db *sql.DB, version int, steps [][]string, now time.Time) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer rollback(tx)
	var there int // another process may have been faster
	if err := tx.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&there); err != nil {
		return err
	}
	if there != version {
		return nil
	}
	for _, step := range steps[version:] {
		for _, s := range step {
			if _, err := tx.ExecContext(ctx, s); err != nil {
				return err
			}
		}
	}
	if version == 0 {
		first := max(now.Unix(), 0) << idBits
		if _, err := tx.ExecContext(ctx, `INSERT INTO sqlite_sequence (name, seq) VALUES ('intents', ?)`, first); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}

// durable checks that the pragmas that Begin's promise rests on are in force.
func durable(ctx context.Context, db *sql.DB) error {
	var mode string
	var sync int
	if err := db.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&sync); err != nil {
		return err
	}
	if mode != "truncate" || sync != 3 {
		return fmt.Errorf("it can't be made durable: SQLite reports journal_mode=%s, synchronous=%d", mode, sync)
	}
	return nil
}
