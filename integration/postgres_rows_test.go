//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/postgres"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// rowsTopology keeps the last value of each key and appends every record. Tombstones
// delete, and what is no number is refused.
func rowsTopology(j job) *topology.Builder {
	pool, err := pgxpool.New(context.Background(), j.Topics["postgres"])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return rows(j.Application, j.Topics["in"], pool)
}

func rows(application, in string, pool *pgxpool.Pool) *topology.Builder {
	b := topology.New(application)
	words, numbers := postgres.TableOf[word]("words"), postgres.TableOf[amount]("numbers")
	b.Stream[string, string](in).Sink(postgres.Sink(pool, "rows", []postgres.AnyTable{words, numbers},
		func(r record.Record[string, string]) (postgres.Op, error) {
			if r.Tombstone {
				return words.Delete(word{Key: r.Key}), nil
			}
			n, err := strconv.Atoi(r.Value)
			if err != nil {
				n = -1
			}
			return words.Put(word{r.Key, r.Value}).And(numbers.Put(amount{r.Key, n})), nil
		}, connectors.BatchItems(200)))
	return b
}

// model is what the tables have to hold.
type model struct {
	words    map[string]string
	counts   map[string]int
	sum, bad int
}

// expect enters records n to n+many-1, and returns them.
func (m *model) expect(topic string, from, many int) (out []*kgo.Record) {
	for i := from; i < from+many; i++ {
		r := &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", i%70)}
		key := string(r.Key)
		switch {
		case i%41 == 40:
			delete(m.words, key)
		case i%97 == 96:
			r.Value = []byte("bad")
			m.bad++
		default:
			r.Value = fmt.Append(nil, i)
			m.words[key] = string(r.Value)
			m.counts[key]++
			m.sum += i
		}
		out = append(out, r)
	}
	return out
}

func newModel() *model { return &model{words: map[string]string{}, counts: map[string]int{}} }

// check waits for the tables to hold what the model does, and letters for what is refused.
func (m *model) check(f *fixture, pool *pgxpool.Pool, dead string) {
	f.t.Helper()
	records := 0
	for _, n := range m.counts {
		records += n
	}
	await(f.t, "all records are in the table", func() bool {
		return ask[int](f.t, pool, "SELECT count(*) FROM numbers") >= records && len(f.read(dead)) >= m.bad
	})
	if n, sum := ask[int](f.t, pool, "SELECT count(*) FROM numbers"), ask[int](f.t, pool, "SELECT sum(n) FROM numbers"); n != records || sum != m.sum {
		f.t.Errorf("%d rows sum up to %d, want %d and %d", n, sum, records, m.sum)
	}
	words := ask[map[string]string](f.t, pool, "SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM words")
	if !maps.Equal(words, m.words) {
		f.t.Errorf("the last values are %v, want %v", words, m.words)
	}
	for _, letter := range f.read(dead) {
		if string(letter.Value) != "bad" {
			f.t.Errorf("a letter for %q", letter.Value)
		}
	}
}

func TestAPostgresThatIsOutOfReachLosesNothingAndRepeatsNothing(t *testing.T) {
	dsn, pool := startPostgres(t)
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			execute(t, pool, tables)
			through, gate := behindGate(t, dsn)
			f, m := newFixture(t), newModel()
			in, dead := f.topic("in", 2), f.topic("dead", 1)
			w := f.work(rows(f.app, in, openPool(t, through)), append(g.options, tidemill.OnError(tidemill.DeadLetter(dead)))...)
			f.produce(m.expect(in, 0, 2000)...)
			m.check(f, pool, dead)
			gate.close()
			f.produce(m.expect(in, 2000, 3000)...)
			<-time.After(4 * time.Second)
			w.alive()
			gate.open()
			m.check(f, pool, dead)
			w.stop()
			if n := len(f.read(dead)); n != m.bad {
				t.Errorf("%d letters, want %d", n, m.bad)
			}
		})
	}
}

// TestRowsAreExactWhenWorkersAndConnectionsAreKilled kills workers twenty times, and
// PostgreSQL's processes as often, in the middle of their work.
func TestRowsAreExactWhenWorkersAndConnectionsAreKilled(t *testing.T) {
	dsn, pool := startPostgres(t)
	execute(t, pool, tables)
	f, m := newFixture(t), newModel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	j := job{
		Application: f.app, Topology: "rows", Brokers: f.brokers, ExactlyOnce: true, DeadLetters: f.topic("dead", 1),
		Topics:         map[string]string{"in": f.topic("in", 4), "postgres": dsn},
		SessionTimeout: 3 * time.Second, TransactionTimeout: 3 * time.Second,
	}
	var workers [2]*process
	begin := func(i int) {
		j.StateDir = filepath.Join(t.TempDir(), strconv.Itoa(i))
		workers[i] = startWorker(t, fmt.Sprint("worker-", i), j)
	}
	begin(0)
	begin(1)
	n, broken := 0, 0
	for range 20 {
		f.produce(m.expect(j.Topics["in"], n, 1500)...)
		n += 1500
		<-time.After(time.Duration(random.IntN(1200)) * time.Millisecond)
		broken += ask[int](t, pool, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
		<-time.After(time.Duration(random.IntN(600)) * time.Millisecond)
		i := random.IntN(2)
		workers[i].kill()
		begin(i)
	}
	m.check(f, pool, j.DeadLetters)
	for _, w := range workers {
		w.stop(t)
	}
	if letters := len(f.read(j.DeadLetters)); letters != m.bad || broken == 0 {
		t.Errorf("%d letters, want %d; %d connections were broken", letters, m.bad, broken)
	}
	t.Logf("%d records, %d refused, %d connections broken", n, m.bad, broken)
}

func TestATruncatedPostgresIsReportedOrRebuilt(t *testing.T) {
	_, pool := startPostgres(t)
	for _, loss := range []connectors.Loss{connectors.Report, connectors.Rebuild} {
		t.Run(strconv.Itoa(int(loss)), func(t *testing.T) {
			execute(t, pool, tables)
			f := newFixture(t)
			in := f.topic("in", 2)
			start := func() *worker {
				b := topology.New(f.app)
				b.Stream[string, string](in).Sink(postgres.Append(pool, "log", "numbers", func(r record.Record[string, string]) amount {
					return amount{r.Key, len(r.Value)}
				}, connectors.OnLoss(loss)))
				return f.work(b, tidemill.ExactlyOnce())
			}
			all := func() bool { return ask[int](t, pool, "SELECT count(*) FROM numbers") == 1000 }
			w := start()
			f.produce(numbered(in, 0, 1000)...)
			await(t, "all is there", all)
			w.stop()
			execute(t, pool, "TRUNCATE numbers, tidemill_sinks")
			w = start()
			if loss == connectors.Rebuild {
				await(t, "all is there again", func() bool { w.alive(); return all() })
				w.stop()
				return
			}
			await(t, "the worker ends", func() bool { return ended(w.ended) })
			if !errors.Is(w.err, connectors.ErrLost) {
				t.Errorf("the worker ended with %v, want ErrLost", w.err)
			}
		})
	}
}
