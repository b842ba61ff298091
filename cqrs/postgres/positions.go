package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/internal/pglock"
	"github.com/tidemill/tidemill/record"
)

// The tables of all projections: how far each version is in each partition, and which
// version of each projection is the active one.
const schema = `
CREATE TABLE IF NOT EXISTS tidemill_positions (
	projection text NOT NULL, version int NOT NULL, topic text NOT NULL, part int NOT NULL, at bigint NOT NULL,
	PRIMARY KEY (projection, version, topic, part));
CREATE TABLE IF NOT EXISTS tidemill_projections (
	projection text NOT NULL, version int NOT NULL, active bool NOT NULL DEFAULT false,
	PRIMARY KEY (projection, version))`

// prepare makes the tables, once for each version, however many workers start.
func (p *Projection) prepare(ctx context.Context) error {
	err := pglock.With(ctx, p.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, schema); err != nil {
			return err
		}
		made, err := tx.Exec(ctx, `INSERT INTO tidemill_projections (projection, version) VALUES ($1, $2) ON CONFLICT DO NOTHING`, p.name, p.version)
		if err != nil || made.RowsAffected() == 0 {
			return err
		}
		return p.create(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("postgres: prepare projection %q, version %d: %w", p.name, p.version, err)
	}
	return nil
}

// advance moves the position of the version to an event, and says whether the active
// version has had it. An event at or before the position gives errApplied. The row stays
// locked to the end of the transaction, so that a worker that has lost its partition and
// does not know it yet applies nothing twice.
func (p *Projection) advance(ctx context.Context, tx pgx.Tx, at record.Metadata, active bool) (replaying bool, err error) {
	moved, err := tx.Exec(ctx, `INSERT INTO tidemill_positions AS p (projection, version, topic, part, at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (projection, version, topic, part) DO UPDATE SET at = excluded.at WHERE p.at < excluded.at`,
		p.name, p.version, at.Topic, at.Partition, at.Offset)
	if err != nil {
		return false, fmt.Errorf("postgres: position of projection %q: %w", p.name, err)
	}
	if moved.RowsAffected() == 0 {
		return false, errApplied
	}
	if active {
		return false, nil
	}
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM tidemill_positions o JOIN tidemill_projections a USING (projection, version)
		WHERE a.active AND projection = $1 AND version <> $2 AND topic = $3 AND part = $4 AND at >= $5)`,
		p.name, p.version, at.Topic, at.Partition, at.Offset).Scan(&replaying)
	return replaying, err
}

// trySwitch makes the version the active one if it is nowhere behind the one that is,
// and reports whether it has been active at any time, this one included.
func (p *Projection) trySwitch(ctx context.Context) (active bool, err error) {
	err = pglock.With(ctx, p.pool, func(tx pgx.Tx) error {
		var current int
		err := tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM tidemill_projections WHERE projection = $1 AND active`, p.name).Scan(&current)
		if err != nil || current >= p.version {
			active = err == nil
			return err
		}
		var behind int64
		if err := tx.QueryRow(ctx, behindQuery, p.name, p.version, current).Scan(&behind); err != nil || behind > 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE tidemill_projections SET active = version = $2 WHERE projection = $1`, p.name, p.version); err != nil {
			return err
		}
		active = true
		return p.onSwitch(ctx, tx)
	})
	if err != nil {
		return false, fmt.Errorf("postgres: switch projection %q to version %d: %w", p.name, p.version, err)
	}
	return active, nil
}

// behindQuery is how many events version $2 has to read to be where version $3 is.
const behindQuery = `SELECT coalesce(sum(greatest(old.at - coalesce(new.at, -1), 0)), 0)::bigint FROM tidemill_positions old
	LEFT JOIN tidemill_positions new ON new.projection = old.projection AND new.version = $2 AND new.topic = old.topic AND new.part = old.part
	WHERE old.projection = $1 AND old.version = $3`

// Version is how far a version of a projection is.
type Version struct {
	Version int
	// Active says that it is the one to read from.
	Active bool
	// Behind is how many events it has to read to be where the active version is. How far
	// that one is behind its topic is the lag of its consumer group, name-v<version>.
	Behind int64
}

// Versions are the versions of a projection that were ever started, from the first.
func Versions(ctx context.Context, pool *pgxpool.Pool, projection string) ([]Version, error) {
	rows, err := pool.Query(ctx, `SELECT version, active, 0::bigint FROM tidemill_projections WHERE projection = $1 ORDER BY version`, projection)
	if err != nil {
		return nil, fmt.Errorf("postgres: versions of %q: %w", projection, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Version])
	current := 0
	for _, v := range all {
		if v.Active {
			current = v.Version
		}
	}
	for i := range all {
		err = errors.Join(err, pool.QueryRow(ctx, behindQuery, projection, all[i].Version, current).Scan(&all[i].Behind))
	}
	return all, err
}
