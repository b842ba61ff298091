package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/connectors"
)

// session writes for one task.
type session struct {
	pool    *pgxpool.Pool
	task    connectors.Task
	layouts []*layout
	// id is that of this session alone. A token is an id and the number of a batch, and
	// token is the one of the last batch that was written.
	id, token string
}

// note is a record that was refused.
type note struct {
	Token  string
	Item   int
	Topic  string
	Offset int64
	Reason string
}

// Load implements connectors.Session.
func (s *session) Load(ctx context.Context) (out connectors.Stored, err error) {
	positions := map[string]int64{}
	var notes []note
	err = s.pool.QueryRow(ctx, `SELECT token, positions, refused FROM tidemill_sinks WHERE application = $1 AND sink = $2 AND part = $3`,
		s.task.Application, s.task.Sink, s.task.Partition).Scan(&s.token, &positions, &notes)
	if errors.Is(err, pgx.ErrNoRows) {
		return out, nil
	}
	if err != nil {
		return out, classify(err)
	}
	for _, topic := range slices.Sorted(maps.Keys(positions)) {
		out.Positions = append(out.Positions, connectors.Position{Topic: topic, Next: positions[topic]})
	}
	for _, n := range notes {
		if n.Topic != "" {
			out.Refused = append(out.Refused, connectors.Origin{Topic: n.Topic, Offset: n.Offset})
		}
	}
	return out, nil
}

// Write implements connectors.Session.
func (s *session) Write(ctx context.Context, b *connectors.Batch[Op]) (refused []connectors.Refused, err error) {
	token := s.id + ":" + strconv.FormatInt(b.Number, 10)
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		notes, done, err := s.claim(ctx, tx, token)
		if err != nil {
			return err
		}
		if done {
			refused = of(notes, token)
			return nil
		}
		if refused, err = s.apply(ctx, tx.Conn(), b.Items); err != nil {
			return err
		}
		if b.Settled {
			notes = nil
		}
		return s.advance(ctx, tx, token, b.Positions, noted(notes, token, b.Origins, refused))
	})
	if err != nil {
		return nil, classify(err)
	}
	s.token = token
	return refused, nil
}

// claim locks the position to the end of the transaction and compares the token. done
// says that the batch was written before.
func (s *session) claim(ctx context.Context, tx pgx.Tx, token string) (notes []note, done bool, err error) {
	var have string
	err = tx.QueryRow(ctx, `SELECT token, refused FROM tidemill_sinks WHERE application = $1 AND sink = $2 AND part = $3 FOR UPDATE`,
		s.task.Application, s.task.Sink, s.task.Partition).Scan(&have, &notes)
	switch {
	case err == nil && have == token:
		return notes, true, nil
	case err == nil && have == s.token && have != "":
		return notes, false, nil
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return nil, false, err
	case err == nil || s.token != "":
		return nil, false, s.moved()
	}
	made, err := tx.Exec(ctx, `INSERT INTO tidemill_sinks (application, sink, part, token, positions, refused)
		VALUES ($1, $2, $3, '', '{}', '[]') ON CONFLICT DO NOTHING`, s.task.Application, s.task.Sink, s.task.Partition)
	if err == nil && made.RowsAffected() == 0 {
		err = s.moved()
	}
	return nil, false, err
}

func (s *session) moved() error {
	return fmt.Errorf("postgres: sink %q, partition %d: %w", s.task.Sink, s.task.Partition, connectors.ErrMoved)
}

// advance stores the positions and what was refused.
func (s *session) advance(ctx context.Context, tx pgx.Tx, token string, at []connectors.Position, notes []note) error {
	positions := map[string]int64{}
	for _, p := range at {
		positions[p.Topic] = p.Next
	}
	_, err := tx.Exec(ctx, `UPDATE tidemill_sinks SET token = $4, positions = positions || $5, refused = $6
		WHERE application = $1 AND sink = $2 AND part = $3`, s.task.Application, s.task.Sink, s.task.Partition, token, positions, notes)
	return err
}

// noted appends what was refused to the notes.
func noted(notes []note, token string, origins []connectors.Origin, refused []connectors.Refused) []note {
	if notes == nil {
		notes = []note{}
	}
	for _, r := range refused {
		o := origins[r.Item]
		notes = append(notes, note{Token: token, Item: r.Item, Topic: o.Topic, Offset: o.Offset, Reason: r.Err.Error()})
	}
	return notes
}

// of are the notes of one batch, as it was told of them first.
func of(notes []note, token string) (refused []connectors.Refused) {
	for _, n := range notes {
		if n.Token == token {
			refused = append(refused, connectors.Refused{Item: n.Item, Err: errors.New(n.Reason)})
		}
	}
	return refused
}

// Close implements connectors.Session. The pool is the user's.
func (s *session) Close() error { return nil }
