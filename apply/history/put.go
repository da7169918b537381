package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Begin records an intent. When it returns without an error, the intent is on the disk and the write may be sent.
// Otherwise nothing may be sent: the error wraps ErrUnwritable, or is ctx's. Damage found on the way is dealt with, and
// the intent goes to the new history.
func (s *Store) Begin(ctx context.Context, in Intent) (ID, error) {
	defer s.observe("put", time.Now())
	s.fault("before-begin")
	row, err := s.intentRow(ctx, in)
	if err != nil {
		return 0, err
	}
	var id ID
	err = s.use(ctx, true, func(ctx context.Context, db *sql.DB) error {
		return s.write(ctx, db, "mid-begin", func(tx *sql.Tx) error {
			if id, err = s.insertIntent(ctx, tx, row); err != nil {
				return err
			}
			return s.prune(ctx, tx)
		})
	})
	if err != nil {
		return 0, err
	}
	s.pending.add(id, row)
	s.fault("after-begin")
	return id, nil
}

// Finish records what became of the intent that Begin, or an earlier process, recorded. The cancellation of ctx does
// not stop it: what has happened is recorded even while a person leaves. It may be called again: Unknown gives way to
// any other state, and never replaces one; a final state that differs from the recorded one is ErrSettled, the same
// one is no error. ErrNotFound means that the intent is gone: too old, or in a history that was set aside.
func (s *Store) Finish(ctx context.Context, id ID, out Outcome) error {
	defer s.observe("put", time.Now())
	s.fault("before-finish")
	switch out.State {
	case Applied, Refused, Failed, Unknown:
	default:
		return fmt.Errorf("%w: %q is no state of an outcome", errRefused, out.State)
	}
	ctx = context.WithoutCancel(ctx)
	at := id
	finish := func(ctx context.Context, db *sql.DB) error {
		return s.write(ctx, db, "mid-finish", func(tx *sql.Tx) (err error) {
			at, err = s.finish(ctx, tx, id, out)
			return err
		})
	}
	err := s.use(ctx, true, finish)
	if errors.Is(err, errNoKey) {
		if _, err = s.makeKey(ctx); err == nil {
			err = s.use(ctx, true, finish)
		}
	}
	if err != nil {
		return err
	}
	s.pending.settle(id, at, out.State != Unknown)
	s.fault("after-finish")
	return nil
}

// write runs op in a transaction that holds the write lock from the start, and commits it.
func (s *Store) write(ctx context.Context, db *sql.DB, point string, op func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer rollback(tx)
	if err := op(tx); err != nil {
		return err
	}
	s.fault(point)
	return tx.Commit()
}

// rollback ends a transaction that was not committed. Its error adds nothing: what isn't committed is gone anyway.
func rollback(tx *sql.Tx) { _ = tx.Rollback() }

// intentRow is in as it is stored. No value of a Secret is in it.
func (s *Store) intentRow(ctx context.Context, in Intent) (*intentRow, error) {
	if in.At.IsZero() {
		in.At = s.opts.Now()
	}
	in.Secret = in.Secret || in.Resource == "secrets" || in.Kind == "v1/Secret"
	in.Digest = ""
	row := &intentRow{at: in.At.UnixNano()}
	if in.Secret {
		key, err := s.makeKey(ctx)
		if err != nil {
			return nil, explained(s.files.db, true, err)
		}
		in.Digest = key.digest("patch", in.UID, in.Body)
	} else {
		body, err := pack(in.Body)
		if err != nil {
			return nil, err
		}
		row.body = body
	}
	in.Body = nil
	if in.Fields == nil {
		in.Fields = []string{}
	}
	fields, err := json.Marshal(in.Fields)
	if err != nil {
		return nil, err
	}
	row.Intent, row.fields = in, string(fields)
	row.sum = row.checksum()
	return row, nil
}

func (s *Store) insertIntent(ctx context.Context, tx *sql.Tx, row *intentRow) (ID, error) {
	res, err := tx.ExecContext(ctx, `INSERT INTO intents (recorded, at, cluster, context, user, kind, resource, namespace, name, uid, base_version, route, force, secret, digest, fields, sum, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, append([]any{s.opts.Now().UnixNano()}, row.values()...)...)
	if err != nil {
		return 0, err
	}
	id, err := res.LastInsertId()
	return ID(id), err
}

// finish records out for the intent id and returns where that intent is now.
func (s *Store) finish(ctx context.Context, tx *sql.Tx, id ID, out Outcome) (ID, error) {
	row, at, err := s.intentOf(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	old, done, err := outcomeOf(ctx, tx, at)
	if err != nil {
		return 0, err
	}
	if done && old.State != Unknown {
		if out.State == Unknown || out.State == old.State {
			return at, nil
		}
		return 0, fmt.Errorf("%w: intent %d was recorded as %s and can't become %s", ErrSettled, id, old.State, out.State)
	}
	if out.At.IsZero() {
		out.At = s.opts.Now()
	}
	if row.Secret {
		out.Message = ""
		if !word(out.Reason) {
			out.Reason = ""
		}
	}
	out.Message = cut(out.Message, MaxMessage)
	nanos := out.At.UnixNano()
	sum := outcomeSum(at, nanos, string(out.State), out.Version, int64(out.Code), out.Reason, out.Message)
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO outcomes (id, at, state, version, code, reason, message, sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(at), nanos, string(out.State), out.Version, out.Code, out.Reason, out.Message, sum); err != nil {
		return 0, err
	}
	if out.State == Applied && out.Object != nil && row.UID != "" {
		if err := s.keep(ctx, tx, at, row, out); err != nil {
			return 0, err
		}
	}
	return at, s.prune(ctx, tx)
}

// intentOf finds the intent that Begin called id. One that this Store began in a history that was set aside since is
// recorded again in this one, so that its outcome has a place.
func (s *Store) intentOf(ctx context.Context, tx *sql.Tx, id ID) (row *intentRow, at ID, err error) {
	known, at, settled := s.pending.get(id)
	row = new(intentRow)
	err = scan(tx.QueryRowContext(ctx, `SELECT `+intentColumns+` FROM intents i WHERE i.id = ?`, int64(at)), row.dest(&at)...)
	if err == nil {
		if row.sum != row.checksum() {
			return nil, 0, fmt.Errorf("%w: an intent", errDamaged)
		}
		if known == nil || known.sum == row.sum {
			return row, at, nil
		}
	} else if !errors.Is(err, sql.ErrNoRows) {
		return nil, 0, err
	}
	if known == nil || settled {
		return nil, 0, fmt.Errorf("%w: %d; it may be too old, or in a history that was set aside", ErrNotFound, id)
	}
	at, err = s.insertIntent(ctx, tx, known)
	return known, at, err
}

func outcomeOf(ctx context.Context, tx *sql.Tx, id ID) (Outcome, bool, error) {
	var row outcomeRow
	err := scan(tx.QueryRowContext(ctx, `SELECT `+outcomeColumns+` FROM outcomes o WHERE o.id = ?`, int64(id)), row.dest()...)
	if errors.Is(err, sql.ErrNoRows) {
		return Outcome{}, false, nil
	}
	if err != nil {
		return Outcome{}, false, err
	}
	return row.outcome(id)
}

// keep records the object as applied and drops versions of it that are too many.
func (s *Store) keep(ctx context.Context, tx *sql.Tx, id ID, in *intentRow, out Outcome) error {
	row := versionRow{
		Version: Version{ID: id, Cluster: in.Cluster, Resource: in.Resource, Namespace: in.Namespace, Name: in.Name, UID: in.UID, Version: out.Version},
		at:      out.At.UnixNano(),
	}
	var err error
	if in.Secret {
		key, kerr := s.readKey()
		if kerr != nil {
			return kerr
		}
		row.Digest = key.digest("object", in.UID, canonical(out.Object))
	} else if row.object, err = pack(out.Object); err != nil {
		return err
	}
	row.sum = row.checksum()
	if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO versions (id, at, cluster, resource, namespace, name, uid, version, digest, sum, object)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, row.values()...); err != nil {
		return err
	}
	return s.pruneVersions(ctx, tx, in.UID)
}

// word reports whether s is a word such as the API's reasons are, which no value of a Secret is quoted in.
func word(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return false
		}
	}
	return len(s) <= 64
}

// cut shortens s to at most n bytes, at the boundary of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
