package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxLimit is how many entries Find returns at most, whatever the query says: as many as are kept by default.
const maxLimit = 10_000

// Versions returns the last applied versions of an object, newest first, at most Retention.PerUID (3). None is no error.
func (s *Store) Versions(ctx context.Context, uid string) ([]Version, error) {
	defer s.observe("get", time.Now())
	var out []Version
	err := s.use(ctx, false, func(ctx context.Context, db *sql.DB) error {
		out = nil
		return each(ctx, db, `SELECT `+versionColumns+` FROM versions v WHERE v.uid = ? ORDER BY v.id DESC LIMIT ?`, []any{uid, s.opts.Retention.PerUID}, func(r scanner) error {
			var row versionRow
			if err := scan(r, row.dest()...); err != nil {
				return err
			}
			v, err := row.version()
			out = append(out, v)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// Find returns the entries that match q, newest first. None is no error.
func (s *Store) Find(ctx context.Context, q Query) ([]Entry, error) {
	defer s.observe("get", time.Now())
	text, args := q.sql()
	var out []Entry
	err := s.use(ctx, false, func(ctx context.Context, db *sql.DB) error {
		out = nil
		return each(ctx, db, text, args, func(r scanner) error {
			var e Entry
			var in intentRow
			var o outcomeRow
			dest := append(in.dest(&e.ID), o.dest()...)
			if err := scan(r, append(dest, &in.body)...); err != nil {
				return err
			}
			var err error
			if e.Intent, err = in.intent(); err != nil {
				return err
			}
			e.Outcome, e.Done, err = o.outcome(e.ID)
			out = append(out, e)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// sql puts the query into SQL. Only constants of this file become text; what was asked for becomes arguments.
func (q Query) sql() (text string, args []any) {
	var b strings.Builder
	b.WriteString(`SELECT ` + intentColumns + `, ` + outcomeColumns)
	if q.Body {
		b.WriteString(`, i.body`)
	} else {
		b.WriteString(`, NULL`)
	}
	b.WriteString(` FROM intents i LEFT JOIN outcomes o ON o.id = i.id WHERE TRUE`)
	for _, c := range []struct{ condition, value string }{
		{` AND i.cluster = ?`, q.Cluster},
		{` AND i.resource = ?`, q.Resource},
		{` AND i.namespace = ?`, q.Namespace},
		{` AND i.name = ?`, q.Name},
		{` AND i.uid = ?`, q.UID},
	} {
		if c.value != "" {
			b.WriteString(c.condition)
			args = append(args, c.value)
		}
	}
	limit := q.Limit
	if limit <= 0 {
		limit = DefaultLimit
	}
	b.WriteString(` ORDER BY i.id DESC LIMIT ?`)
	return b.String(), append(args, min(limit, maxLimit))
}

// each calls fn for every row of a query.
func each(ctx context.Context, db *sql.DB, text string, args []any, fn func(scanner) error) error {
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// scan is r.Scan. A column of another type than was written is damage.
func scan(r scanner, dest ...any) error {
	err := r.Scan(dest...)
	if err == nil || code(err) != 0 || errors.Is(err, sql.ErrNoRows) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}
