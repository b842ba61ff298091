package postgres_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/connectors/postgres"
	"github.com/tidemill/tidemill/topology"
)

func ExampleUpsert() {
	type threat struct{ Target, Severity string }
	type row struct {
		ID       string `db:"id,key"`
		Target   string `db:"target"`
		Severity string `db:"severity"`
	}
	pool, err := pgxpool.New(context.Background(), "postgres://localhost/threats")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	b := topology.New("board")
	b.Stream[string, threat]("threats").Sink(postgres.Upsert(pool, "threats", "public.threats", func(id string, t threat) row {
		return row{id, t.Target, t.Severity}
	}))
	_, err = b.Build()
	fmt.Println(err)
	// Output: <nil>
}
