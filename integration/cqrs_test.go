//go:build integration

package integration

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/testcontainers/testcontainers-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/cqrs"
	"github.com/tidemill/tidemill/cqrs/postgres"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
)

// startPostgres starts a database that ends with the test.
func startPostgres(t testing.TB) (dsn string, pool *pgxpool.Pool) {
	t.Helper()
	container, err := testcontainers.Run(t.Context(), "postgres:15",
		testcontainers.WithEnv(map[string]string{"POSTGRES_PASSWORD": "secret"}), testcontainers.WithExposedPorts("5432/tcp"))
	testcontainers.CleanupContainer(t, container)
	if err != nil {
		t.Fatal(err)
	}
	host, errHost := container.Host(t.Context())
	port, errPort := container.MappedPort(t.Context(), "5432/tcp")
	if err := errors.Join(errHost, errPort); err != nil {
		t.Fatal(err)
	}
	dsn = fmt.Sprintf("postgres://postgres:secret@%s:%s/postgres?sslmode=disable&pool_max_conns=4", host, port.Port())
	if pool, err = pgxpool.New(t.Context(), dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	// The database starts twice; it answers over TCP only when it is there to stay.
	await(t, "PostgreSQL answers", func() bool { return pool.Ping(t.Context()) == nil })
	return dsn, pool
}

// sourcing is the system under test: commands, events, and what is made of them.
type sourcing struct {
	*fixture
	name   string
	dsn    string
	pool   *pgxpool.Pool
	topics map[string]string
}

func newSourcing(t *testing.T) *sourcing {
	f := newFixture(t)
	s := &sourcing{fixture: f, name: "board_" + strings.NewReplacer("-", "_", ".", "_").Replace(f.app)[:12], topics: map[string]string{}}
	s.dsn, s.pool = startPostgres(t)
	for _, topic := range []string{"commands", "events", "replies"} {
		s.topics[topic] = f.topic(topic, 3)
	}
	s.topics["projection"], s.topics["postgres"], s.topics["version"] = s.name, s.dsn, "1"
	f.create(s.name+".progress", 1, nil)
	return s
}

func (s *sourcing) job(application, kind string) job {
	return job{
		Application: application, Topology: kind, Brokers: s.brokers, ExactlyOnce: true, Topics: s.topics,
		SessionTimeout: 3 * time.Second, TransactionTimeout: 3 * time.Second, CheckpointInterval: time.Second,
	}
}

// command writes a command and returns its id.
func (s *sourcing) command(n int, random *rand.Rand) (id string) {
	id = fmt.Sprint("c-", n)
	if n%20 == 19 {
		id = fmt.Sprint("c-", n-10) // a duplicate, if it has the same aggregate
	}
	c := cqrs.NewCommand("find", id, fmt.Sprint("i-", n%10), finding{random.IntN(10) - 1})
	c.Time = time.Now()
	value, headers, err := events.Encode(c.Event(), events.JSON)
	if err != nil {
		s.t.Fatal(err)
	}
	r := &kgo.Record{Topic: s.topics["commands"], Key: []byte(c.AggregateID), Value: value, Headers: kafkaHeaders(headers)}
	s.client.Produce(s.t.Context(), r, nil)
	return id
}

func kafkaHeaders(headers record.Headers) (out []kgo.RecordHeader) {
	for _, h := range headers {
		out = append(out, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return out
}

// decoded are the committed events of a topic in the order of each partition.
func (s *sourcing) decoded(topic string) (out []events.Event) {
	s.t.Helper()
	for _, r := range s.read(topic) {
		e, err := events.Decode(r.Value, nil, r.Timestamp)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// totals recomputes the sums of findings from the events, and checks their sequences.
func (s *sourcing) totals() map[string]int {
	s.t.Helper()
	sums, sequences := map[string]int{}, map[string]int64{}
	for _, e := range s.decoded(s.topics["events"]) {
		if sequences[e.AggregateID]++; e.Sequence != sequences[e.AggregateID] {
			s.t.Fatalf("event %s comes as number %d of its aggregate", e.ID, sequences[e.AggregateID])
		}
		if e.Type == "found" {
			f, err := e.Payload[finding]()
			if err != nil {
				s.t.Fatal(err)
			}
			sums[e.AggregateID] += f.Count
		}
	}
	return sums
}

// stored are the rows of the projection in a store, as its changelog has them.
func (s *sourcing) stored() map[string]int {
	s.t.Helper()
	out := map[string]int{}
	for _, r := range s.read(fmt.Sprintf("%s-v1-%s-model-changelog", s.name, s.name)) {
		if key := string(r.Key); !strings.HasPrefix(key, "\x00") {
			out[key] = int(binary.BigEndian.Uint64(r.Value[12:])) // behind what is kept with a row
		}
	}
	return out
}

// table are the rows of a projection in PostgreSQL.
func (s *sourcing) table(name string) (out map[string]int, replayed int) {
	out = map[string]int{}
	rows, err := s.pool.Query(s.t.Context(), "SELECT id, found, replayed FROM "+name)
	if err != nil {
		s.t.Log(err)
		return nil, 0
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var found, again int
		if err := rows.Scan(&id, &found, &again); err != nil {
			s.t.Fatal(err)
		}
		out[id] = found
		replayed += again
	}
	return out, replayed
}

// TestTotalsEqualARecomputationAfterKills kills the workers of an aggregate and of two
// projections twenty times, each time in the middle of their work.
func TestTotalsEqualARecomputationAfterKills(t *testing.T) {
	s := newSourcing(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	kinds := []string{"investigations", "board", "table"}
	workers := make([]*process, len(kinds))
	begin := func(i int) {
		j := s.job(s.app+"-"+kinds[i], kinds[i])
		j.StateDir = filepath.Join(t.TempDir(), kinds[i])
		if workers[i] != nil {
			j.StateDir = workers[i].job.StateDir
		}
		workers[i] = startWorker(t, kinds[i], j)
	}
	for i := range kinds {
		begin(i)
	}
	ids, n := map[string]bool{}, 0
	for kill := range 20 {
		for range 100 {
			ids[s.command(n, random)] = true
			n++
		}
		<-time.After(200*time.Millisecond + time.Duration(random.IntN(800))*time.Millisecond)
		i := (kill + random.IntN(2)) % len(kinds)
		workers[i].kill()
		begin(i)
	}
	if err := s.client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, "every command has its reply", func() bool { return len(s.read(s.topics["replies"])) >= n })
	want, have := s.totals(), map[string]int{}
	defer func() {
		if t.Failed() {
			t.Logf("the last totals were %v, want %v", have, want)
		}
	}()
	await(t, "the table has all events", func() bool {
		have, _ = s.table("board_v1")
		return maps.Equal(have, want)
	})
	await(t, "the store has all events", func() bool {
		have = s.stored()
		return maps.Equal(have, want)
	})
	s.checkReplies(ids, n, len(want))

	t.Log("a second version of the table")
	s.topics = maps.Clone(s.topics)
	s.topics["version"] = "2"
	second := s.job(s.app+"-table2", "table")
	second.StateDir = t.TempDir()
	startWorker(t, "table-2", second)
	await(t, "the second version is the active one", func() bool {
		versions, err := postgres.Versions(context.Background(), s.pool, s.name+"_sql")
		return err == nil && len(versions) == 2 && versions[1].Active && !versions[0].Active && versions[1].Behind == 0
	})
	have, replayed := s.table("board")
	if !maps.Equal(have, want) || replayed == 0 {
		t.Errorf("the view has %v, of %d replayed events, want %v", have, replayed, want)
	}
	for _, w := range workers {
		w.stop(t)
	}
}

// checkReplies compares the replies with the events: each command has one outcome, told
// as often as the command was sent, and the events that the outcome names are there.
func (s *sourcing) checkReplies(ids map[string]bool, sent, aggregates int) {
	s.t.Helper()
	told := map[string]int{}
	for _, e := range s.decoded(s.topics["events"]) {
		told[e.ID]++
	}
	first := map[string]cqrs.Outcome{}
	duplicates, replies, accepted := 0, 0, 0
	for _, e := range s.decoded(s.topics["replies"]) {
		o, err := cqrs.OutcomeOf(e)
		if err != nil {
			s.t.Fatal(err)
		}
		replies++
		if o.Duplicate {
			duplicates++
			continue
		}
		if _, twice := first[o.CommandID]; twice {
			s.t.Errorf("command %s has two outcomes", o.CommandID)
		}
		first[o.CommandID] = o
		for _, id := range o.Events {
			accepted++
			if told[id] != 1 {
				s.t.Errorf("event %s was told %d times", id, told[id])
			}
		}
	}
	if replies != sent || len(first) != len(ids) || accepted != len(told) || duplicates != sent-len(ids) {
		s.t.Errorf("%d replies to %d commands, %d outcomes of %d ids, %d of %d events accepted, %d duplicates", replies, sent, len(first), len(ids), accepted, len(told), duplicates)
	}
	s.t.Logf("%d commands, %d events of %d aggregates, %d duplicates", sent, len(told), aggregates, duplicates)
}
