// Postgres keeps threats in two tables of a PostgreSQL: one row for each threat, and a
// history of all that was said. What a table does not take goes to a dead-letter topic,
// and the others are written, each once.
//
//	POSTGRES_URL=postgres://postgres:secret@localhost:5432/postgres go run ./examples/32-postgres
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors/postgres"
	"github.com/tidemill/tidemill/examples/stage"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// tables are the user's own.
const tables = `DROP TABLE IF EXISTS threats, history, tidemill_sinks;
	CREATE TABLE threats (id text PRIMARY KEY, target text NOT NULL, severity int NOT NULL CHECK (severity BETWEEN 0 AND 10));
	CREATE TABLE history (id text NOT NULL, severity int NOT NULL)`

// Threat is a threat as it comes in.
type Threat struct {
	Target   string `json:"target"`
	Severity int    `json:"severity"`
}

// Row is a row of threats, and Line one of history.
type (
	Row struct {
		ID       string `db:"id,key"`
		Target   string `db:"target"`
		Severity int    `db:"severity"`
	}
	Line struct {
		ID       string `db:"id"`
		Severity int    `db:"severity"`
	}
)

func build(pool *pgxpool.Pool) *topology.Builder {
	b := topology.New("postgres")
	threats := b.Stream[string, Threat]("threats")
	threats.Sink(postgres.Upsert(pool, "threats", "threats", func(id string, t Threat) Row {
		return Row{id, t.Target, t.Severity}
	}), topology.Named("newest"))
	threats.Sink(postgres.Append(pool, "history", "history", func(r record.Record[string, Threat]) Line {
		return Line{r.Key, r.Value.Severity}
	}), topology.Named("all"))
	return b
}

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv("POSTGRES_URL")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, url string) (err error) {
	if url == "" {
		return errors.New("say where PostgreSQL is: POSTGRES_URL=postgres://user:password@host:5432/database")
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, tables); err != nil {
		return err
	}
	s, err := stage.Open("threats", "threats-dead")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	gone := stage.Event(4, "t-2", Threat{})
	gone.Tombstone = true
	if err := s.Write(ctx, "threats",
		stage.Event(0, "t-1", Threat{"db1", 3}),
		stage.Event(1, "t-2", Threat{"web", 5}),
		stage.Event(2, "t-1", Threat{"db1", 9}),
		stage.Event(3, "t-3", Threat{"dns", 99}), // refused by the table's constraint
		gone,
		stage.Event(5, "t-4", Threat{"vpn", 7}),
	); err != nil {
		return err
	}
	err = s.Run(ctx, build(pool), func(ctx context.Context) error {
		letters, err := s.Read[string, Threat](ctx, "threats-dead", 1)
		for _, r := range letters {
			fmt.Fprintf(out, "dead letter: %s on %s\n", r.Key, r.Value.Target)
		}
		return err
	}, tidemill.OnError(tidemill.DeadLetter("threats-dead")))
	if err != nil {
		return err
	}
	for _, query := range []string{
		`SELECT id || ' on ' || target || ' has severity ' || severity FROM threats ORDER BY id`,
		`SELECT id || ' was said ' || count(*) || ' times' FROM history GROUP BY id ORDER BY id`,
	} {
		rows, err := pool.Query(ctx, query)
		if err != nil {
			return err
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, line := range lines {
			fmt.Fprintln(out, line)
		}
	}
	return nil
}
