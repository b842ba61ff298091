package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/internal/pglock"
)

// target is a database that sinks write to.
type target struct {
	pool   *pgxpool.Pool
	tables []*table
}

// NewTarget is the target that the sinks here write to, for the conformance kit and for
// sinks made with connectors.To.
func NewTarget(pool *pgxpool.Pool, tables ...AnyTable) connectors.Target[Op] {
	t := &target{pool: pool}
	for _, one := range tables {
		t.tables = append(t.tables, one.description())
	}
	return t
}

// The positions of all sinks. token names the last batch that was written, refused are
// the records of it, and of those before, that were refused since the last commit.
const schema = `CREATE TABLE IF NOT EXISTS tidemill_sinks (
	application text NOT NULL, sink text NOT NULL, part int NOT NULL,
	token text NOT NULL, positions jsonb NOT NULL, refused jsonb NOT NULL,
	PRIMARY KEY (application, sink, part))`

// Open implements connectors.Target. It holds the tables against the rows.
func (t *target) Open(ctx context.Context, of connectors.Task) (connectors.Session[Op], error) {
	if err := t.faults(); err != nil {
		return nil, err
	}
	s := &session{pool: t.pool, task: of, id: rand.Text()}
	err := t.pool.AcquireFunc(ctx, func(conn *pgxpool.Conn) (err error) {
		s.layouts, err = check(ctx, conn.Conn(), t.tables)
		return err
	})
	if err == nil {
		err = t.prepare(ctx)
	}
	if err != nil {
		return nil, classify(err)
	}
	return s, nil
}

func (t *target) faults() error {
	var faults []error
	if t.pool == nil {
		faults = append(faults, errors.New("postgres: there is no pool: make one with pgxpool.New"))
	}
	if len(t.tables) == 0 {
		faults = append(faults, errors.New("postgres: there is no table to write to"))
	}
	for _, table := range t.tables {
		faults = append(faults, table.err)
	}
	return errors.Join(faults...)
}

// prepare makes the table of positions. A role that may not is fine if it is there.
func (t *target) prepare(ctx context.Context) error {
	var there bool
	if err := t.pool.QueryRow(ctx, `SELECT to_regclass('tidemill_sinks') IS NOT NULL`).Scan(&there); err != nil || there {
		return err
	}
	err := pglock.With(ctx, t.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, schema)
		return err
	})
	if err != nil {
		return fmt.Errorf("make the table of positions, tidemill_sinks: %w", err)
	}
	return nil
}
