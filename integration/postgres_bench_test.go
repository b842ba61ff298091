//go:build integration

package integration

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/postgres"
)

// BenchmarkPostgres compares batches of 1000 rows as the sink writes them with the same
// rows as statements sent at once.
func BenchmarkPostgres(b *testing.B) {
	const rows = 1000
	_, pool := startPostgres(b)
	if _, err := pool.Exec(b.Context(), tables); err != nil {
		b.Fatal(err)
	}
	words, numbers := postgres.TableOf[word]("words"), postgres.TableOf[amount]("numbers")
	sink := func(name string, op func(n int) postgres.Op) {
		b.Run(name, func(b *testing.B) {
			s, err := postgres.NewTarget(pool, words, numbers).Open(b.Context(), connectors.Task{Application: "bench", Sink: name})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Load(b.Context()); err != nil {
				b.Fatal(err)
			}
			number, n := int64(0), 0
			for b.Loop() {
				number++
				batch := &connectors.Batch[postgres.Op]{Number: number, Positions: []connectors.Position{{Topic: "t", Next: number}}}
				for range rows {
					n++
					batch.Items, batch.Origins = append(batch.Items, op(n)), append(batch.Origins, connectors.Origin{Topic: "t"})
				}
				if _, err := s.Write(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	statements := func(name, statement string, args func(n int) []any) {
		b.Run(name, func(b *testing.B) {
			n := 0
			for b.Loop() {
				batch := &pgx.Batch{}
				for range rows {
					n++
					batch.Queue(statement, args(n)...)
				}
				err := pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error { return tx.SendBatch(b.Context(), batch).Close() })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	key := func(n int) string { return fmt.Sprint("key ", n*7919%20_000) }
	sink("upsert", func(n int) postgres.Op { return words.Put(word{key(n), "value"}) })
	statements("upsert by statements", "INSERT INTO words (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		func(n int) []any { return []any{key(n), "value"} })
	sink("append", func(n int) postgres.Op { return numbers.Put(amount{key(n), n}) })
	statements("append by statements", "INSERT INTO numbers (key, n) VALUES ($1, $2)", func(n int) []any { return []any{key(n), n} })
	poisoned := func(n int) postgres.Op {
		if n%1000 == 500 {
			return words.Put(word{key(n), "bad"})
		}
		return words.Put(word{key(n), "value"})
	}
	sink("upsert with one refused in a batch", poisoned)
	sink("upsert of which all are refused", func(n int) postgres.Op { return words.Put(word{key(n), "bad"}) })
}
