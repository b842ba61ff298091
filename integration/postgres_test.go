//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/connectors/connectortest"
	"github.com/tidemill/tidemill/connectors/postgres"
)

// word and amount are the rows of the tests.
type word struct {
	Key   string `db:"key,key"`
	Value string `db:"value"`
}

type amount struct {
	Key string `db:"key"`
	N   int    `db:"n"`
}

const tables = `DROP TABLE IF EXISTS words, numbers, tidemill_sinks;
	CREATE TABLE words (id serial, key text PRIMARY KEY, value text NOT NULL CHECK (value <> 'bad'), at timestamptz NOT NULL DEFAULT now());
	CREATE TABLE numbers (key text NOT NULL, n int NOT NULL CHECK (n >= 0))`

func execute(t *testing.T, pool *pgxpool.Pool, statements string) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// ask reads one value.
func ask[T any](t *testing.T, pool *pgxpool.Pool, query string, args ...any) (out T) {
	t.Helper()
	if err := pool.QueryRow(t.Context(), query, args...).Scan(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// behindGate is the database behind a gate.
func behindGate(t *testing.T, dsn string) (string, *gate) {
	t.Helper()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprintf("%s:%d", config.ConnConfig.Host, config.ConnConfig.Port)
	g := newGate(t, addr)
	return strings.Replace(dsn, addr, g.addr(), 1), g
}

func openPool(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestPostgresConforms(t *testing.T) {
	dsn, pool := startPostgres(t)
	through, gate := behindGate(t, dsn)
	guarded := openPool(t, through)
	words, numbers := postgres.TableOf[word]("words"), postgres.TableOf[amount]("public.numbers")
	connectortest.Run(t, func(t *testing.T) connectortest.Subject[postgres.Op] {
		execute(t, pool, tables)
		return connectortest.Subject[postgres.Op]{
			Target: postgres.NewTarget(guarded, words, numbers),
			Put:    func(key, value string) postgres.Op { return words.Put(word{key, value}) },
			Delete: func(key string) postgres.Op { return words.Delete(word{Key: key}) },
			Add:    func(key string, n int) postgres.Op { return numbers.Put(amount{key, n}) },
			Poison: func() postgres.Op { return words.Put(word{"poison", "bad"}) },
			Get: func(key string) (value string, ok bool) {
				err := pool.QueryRow(t.Context(), "SELECT value FROM words WHERE key = $1", key).Scan(&value)
				return value, err == nil
			},
			Sum: func(key string) int { return ask[int](t, pool, "SELECT coalesce(sum(n), 0) FROM numbers WHERE key = $1", key) },
			Interrupt: func() func() {
				gate.close()
				return gate.open
			},
		}
	})
}
