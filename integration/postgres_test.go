//go:build integration

package integration

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/connectortest"
	"github.com/tidemill/tidemill/connectors/postgres"
	"github.com/tidemill/tidemill/topology"
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
	open := func(t *testing.T) connectortest.Subject[postgres.Op] {
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
			Sum: func(key string) int {
				return ask[int](t, pool, "SELECT coalesce(sum(n), 0) FROM numbers WHERE key = $1", key)
			},
			Interrupt: func() func() {
				gate.close()
				return gate.open
			},
		}
	}
	connectortest.Run(t, open)
	connectortest.RunWorker(t, open)
}

// What does not fit is said before the first record.
func TestPostgresTablesAreCheckedBeforeTheFirstRecord(t *testing.T) {
	_, pool := startPostgres(t)
	execute(t, pool, tables+`; CREATE TYPE level AS ENUM ('low', 'high');
		CREATE DOMAIN short AS text CHECK (length(value) < 5);
		CREATE TABLE loose (key text, value int, PRIMARY KEY (key, value));
		CREATE TABLE fine (key short PRIMARY KEY, value level, at timestamptz, tags text[], score numeric, data jsonb, raw bytea);
		CREATE TABLE generated (key text PRIMARY KEY, twice text NOT NULL GENERATED ALWAYS AS (key || key) STORED)`)
	type wrong struct {
		Key   string `db:"key,key"`
		Value []int  `db:"value"`
		More  int    `db:"more"`
	}
	type fine struct {
		Key   string         `db:"key,key"`
		Value *string        `db:"value"`
		At    time.Time      `db:"at"`
		Tags  []string       `db:"tags"`
		Score float64        `db:"score"`
		Data  map[string]any `db:"data"`
		Raw   []byte         `db:"raw"`
		Local int            `db:"-"`
	}
	type twice struct {
		Key   string `db:"key,key"`
		Twice string `db:"twice"`
	}
	type numeral struct {
		Key string `db:"key,key"`
		N   string `db:"n"`
	}
	for _, test := range []struct {
		name  string
		table postgres.AnyTable
		want  []string
	}{
		{"a table that fits", postgres.TableOf[fine]("fine"), nil},
		{"no such table", postgres.TableOf[word]("missing"), []string{`table "missing" is not there`}},
		{"no such schema", postgres.TableOf[word]("elsewhere.words"), []string{`table "elsewhere.words" is not there`}},
		{"columns that are not there or of another type", postgres.TableOf[wrong]("words"), []string{
			`column "value" is text, which a field of type []int cannot be written to`, `there is no column "more"`,
		}},
		{"a string for a number, and a key that is none", postgres.TableOf[numeral]("numbers"), []string{`column "n" is integer, which a field of type string`}},
		{"a key without an index", postgres.TableOf[struct {
			Key   string `db:"key,key"`
			Value int    `db:"value"`
		}]("loose"), []string{`no unique index on just its key ("key")`}},
		{"a column that has to be written", postgres.TableOf[struct {
			Key string `db:"key,key"`
		}]("words"), []string{`column "value" is NOT NULL, has no default, and no field is written to it`}},
		{"a generated column", postgres.TableOf[twice]("generated"), []string{`column "twice" is generated`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := postgres.NewTarget(pool, test.table).Open(t.Context(), connectors.Task{Application: "a", Sink: "s"})
			if test.want == nil && err != nil {
				t.Error(err)
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
	f := newFixture(t)
	b := topology.New(f.app)
	b.Stream[string, string](f.topic("in", 1)).Sink(postgres.Upsert(pool, "words", "missing", func(k, v string) word { return word{k, v} }))
	w := f.work(b)
	await(t, "the worker ends", func() bool { return ended(w.ended) })
	if w.err == nil || !strings.Contains(w.err.Error(), `table "missing" is not there`) {
		t.Errorf("the worker ended with %v", w.err)
	}
}

// TestPostgresRefusesExactlyTheOffendingRecords has many sorts of records that a table does
// not take among others that it does.
func TestPostgresRefusesExactlyTheOffendingRecords(t *testing.T) {
	_, pool := startPostgres(t)
	execute(t, pool, tables+`; INSERT INTO words (key, value) VALUES ('taken', 'unique');
		CREATE UNIQUE INDEX ON words (value) WHERE value = 'unique';
		CREATE TABLE owners (name text PRIMARY KEY); INSERT INTO owners VALUES ('ada');
		ALTER TABLE words ADD owner text REFERENCES owners DEFERRABLE INITIALLY DEFERRED;
		CREATE FUNCTION raise() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not on my watch'; END $$;
		CREATE TRIGGER watch BEFORE INSERT ON words FOR EACH ROW WHEN (NEW.value = 'watched') EXECUTE FUNCTION raise();`)
	type owned struct {
		Key   string  `db:"key,key"`
		Value *string `db:"value"`
		Owner *string `db:"owner"`
	}
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			execute(t, pool, "DELETE FROM words WHERE key <> 'taken'; DROP TABLE IF EXISTS tidemill_sinks")
			f := newFixture(t)
			in, dead := f.topic("in", 1), f.topic("dead", 1)
			wrong := map[string]string{
				"bad": "violates check constraint", "unique": "duplicate key value", "watched": "not on my watch",
				"nul\x00": "invalid byte sequence", "nobody's": "violates foreign key constraint", "null": "violates not-null constraint",
			}
			var records []*kgo.Record
			for i := range 300 {
				records = append(records, &kgo.Record{Topic: in, Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Appendf(nil, "tab\t line\n \\N %d", i)})
			}
			for value := range wrong {
				records = append(records, &kgo.Record{Topic: in, Key: []byte("of " + value), Value: []byte(value)})
			}
			rand.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			f.produce(records...)
			b := topology.New(f.app)
			b.Stream[string, string](in).Sink(postgres.Upsert(pool, "words", "words", func(k, v string) owned {
				row := owned{Key: k, Value: &v}
				switch v {
				case "nobody's":
					row.Owner = &k
				case "null":
					row.Value = nil
				}
				return row
			}))
			w := f.work(b, append(g.options, tidemill.OnError(tidemill.DeadLetter(dead)))...)
			await(t, "all are there", func() bool {
				w.alive()
				return ask[int](t, pool, "SELECT count(*) FROM words WHERE key LIKE 'k%'") == 300 && len(f.read(dead)) >= len(wrong)
			})
			w.stop()
			letters := f.read(dead)
			for _, letter := range letters {
				text := fmt.Sprintf("%q %s", letter.Value, letter.Headers)
				if want := wrong[string(letter.Value)]; want == "" || !strings.Contains(text, want) {
					t.Errorf("a letter says %s, want %q in it", text, want)
				}
				delete(wrong, string(letter.Value))
			}
			if len(wrong) > 0 || len(letters) != 6 {
				t.Errorf("%d letters, none for %v", len(letters), wrong)
			}
			if n := ask[int](t, pool, `SELECT count(*) FROM words WHERE value = E'tab\t line\n \\N ' || substr(key, 2)`); n != 300 {
				t.Errorf("%d rows are as they were written, want 300", n)
			}
		})
	}
}
