package history

import (
	"context"
	"database/sql"
)

// pruneStep is how many rows one write removes at most. It is more than the one row that a write adds, so that the
// history shrinks to its bounds, and few enough to go unnoticed.
const pruneStep = 32

// prune removes intents that are too old or too many, with their outcomes, as a part of the write that tx is. IDs are
// given without gaps, so that the number of intents follows from the newest ID.
func (s *Store) prune(ctx context.Context, tx *sql.Tx) error {
	r := s.opts.Retention
	for _, q := range []struct {
		text string
		arg  int64
	}{
		{`SELECT id FROM intents WHERE recorded < ? ORDER BY recorded LIMIT ?`, s.opts.Now().Add(-r.Age).UnixNano()},
		{`SELECT id FROM intents WHERE id <= (SELECT max(id) FROM intents) - ? ORDER BY id LIMIT ?`, int64(r.Entries)},
	} {
		ids, err := collect(ctx, tx, q.text, q.arg, pruneStep)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM intents WHERE id = ?`, id); err != nil {
				return err
			}
			s.fault("mid-prune")
			if _, err := tx.ExecContext(ctx, `DELETE FROM outcomes WHERE id = ?`, id); err != nil {
				return err
			}
		}
	}
	return nil
}

// pruneVersions removes versions of uid beyond the newest few, and the oldest of all objects beyond their bound.
func (s *Store) pruneVersions(ctx context.Context, tx *sql.Tx, uid string) error {
	r := s.opts.Retention
	if _, err := tx.ExecContext(ctx, `DELETE FROM versions WHERE uid = ?1 AND id NOT IN (SELECT id FROM versions WHERE uid = ?1 ORDER BY id DESC LIMIT ?2)`, uid, r.PerUID); err != nil {
		return err
	}
	var n int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM versions`).Scan(&n); err != nil {
		return err
	}
	if n <= r.Versions {
		return nil
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM versions WHERE id IN (SELECT id FROM versions ORDER BY id LIMIT ?)`, min(n-r.Versions, pruneStep))
	return err
}

func collect(ctx context.Context, tx *sql.Tx, text string, args ...any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var ids []int64
	for rows.Next() {
		var id int64
		if err := scan(rows, &id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
