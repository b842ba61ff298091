//go:build integration

package integration

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/cqrs"
	"github.com/tidemill/tidemill/cqrs/postgres"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/topology"
)

// The command, event and state of the tests of event sourcing: findings of an
// investigation are counted.
type (
	finding       struct{ Count int }
	investigation struct{ Found int }
)

// snapshotEvery is how often the tests' aggregates are saved.
const snapshotEvery = 10

// investigationsTopology decides on commands: each finds a number of things, and
// negative numbers are rejected.
func investigationsTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	cqrs.NewAggregate[investigation]("investigation").
		Decide("find", func(_ investigation, c cqrs.Received[finding]) ([]events.Event, error) {
			if c.Payload.Count < 0 {
				return nil, cqrs.Reject("Count", "it is negative")
			}
			return []events.Event{events.New("found", c.Payload), events.New("counted", finding{1})}, nil
		}).
		Evolve("found", func(s investigation, e events.Received[finding]) investigation {
			return investigation{s.Found + e.Payload.Count}
		}).
		Evolve("counted", func(s investigation, _ events.Received[finding]) investigation { return s }).
		Snapshots(snapshotEvery, 1).
		Serve(b, cqrs.Topics{Commands: j.Topics["commands"], Events: j.Topics["events"], Replies: j.Topics["replies"]})
	return b
}

// boardTopology sums findings in a store.
func boardTopology(j job) *topology.Builder {
	return cqrs.NewProjection[int](j.Topics["projection"], 1).
		On("found", func(m *cqrs.Model[int], e cqrs.Projected[finding]) error {
			return m.Update(e.AggregateID, func(n int) int { return n + e.Payload.Count })
		}).
		Topology(j.Topics["events"])
}

// tableTopology sums findings in PostgreSQL, for the version in the job.
func tableTopology(j job) *topology.Builder {
	pool, err := pgxpool.New(context.Background(), j.Topics["postgres"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	version, err := strconv.Atoi(j.Topics["version"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	p := postgres.New(pool, j.Topics["projection"]+"_sql", version)
	board := p.Table("board")
	return p.Create(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE TABLE "+board+" (id text PRIMARY KEY, found bigint NOT NULL, replayed bigint NOT NULL)")
		return err
	}).OnSwitch(func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "CREATE OR REPLACE VIEW board AS SELECT * FROM "+board)
		return err
	}).On("found", func(ctx context.Context, tx pgx.Tx, e postgres.Event[finding]) error {
		replayed := 0
		if e.Replaying {
			replayed = 1
		}
		_, err := tx.Exec(ctx, "INSERT INTO "+board+" AS b VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET found = b.found + $2, replayed = b.replayed + $3",
			e.AggregateID, e.Payload.Count, replayed)
		return err
	}).Topology(j.Topics["events"])
}

// lookupsTopology answers requests: with the text in upper case, or with an error.
func lookupsTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	events.Handle(b, j.Topics["lookups"], func(_ context.Context, q events.Request[string]) (string, error) {
		if strings.HasPrefix(q.Payload, "bad") {
			return "", fmt.Errorf("nothing is known of %s", q.Payload)
		}
		return strings.ToUpper(q.Payload), nil
	}, events.ReplyTopic(j.Topics["replies"]))
	return b
}
