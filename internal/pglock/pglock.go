// Package pglock has the changes that one worker at a time may make in a PostgreSQL, such
// as making tables, be made one behind the other.
package pglock

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// With runs do in a transaction in which nobody else is inside With, on the whole
// database.
func With(ctx context.Context, pool *pgxpool.Pool, do func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext('tidemill'))`); err != nil {
			return err
		}
		return do(tx)
	})
}
