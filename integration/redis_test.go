//go:build integration

package integration

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/connectortest"
	"github.com/tidemill/tidemill/connectors/redis"
	"github.com/tidemill/tidemill/topology"
)

func TestRedisConforms(t *testing.T) {
	open := redisSubject(startRedis(t))
	connectortest.Run(t, open)
	connectortest.RunWorker(t, open)
}

func redisSubject(s *redisServer) func(t *testing.T) connectortest.Subject[redis.Op] {
	return func(t *testing.T) connectortest.Subject[redis.Op] {
		if err := s.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := s.RPush(t.Context(), "list", "x").Err(); err != nil {
			t.Fatal(err)
		}
		return connectortest.Subject[redis.Op]{
			Target: redis.NewTarget(s.Client),
			Put:    func(key, value string) redis.Op { return redis.Set(key, []byte(value)) },
			Delete: redis.Delete,
			Add:    func(key string, n int) redis.Op { return redis.Add(key, int64(n)) },
			Poison: func() redis.Op { return redis.Add("list", 1) },
			Get: func(key string) (string, bool) {
				value, err := s.Get(t.Context(), key).Result()
				return value, err == nil
			},
			Sum: func(key string) int {
				n, _ := s.Get(t.Context(), key).Int()
				return n
			},
			Interrupt: s.gate.Shut,
			Slow:      s.gate.Slow,
		}
	}
}

// redisCounter adds 1 to the counter of each record's key.
func redisCounter(app string, client goredis.UniversalClient, topic string, loss connectors.Loss) *topology.Builder {
	b := topology.New(app)
	b.Stream[string, string](topic).Sink(redis.Counter(client, "counts", func(k string) string { return k },
		func(string) int64 { return 1 }, redis.Batching(connectors.OnLoss(loss), connectors.BatchItems(100))))
	return b
}

// redisTopology is redisCounter in a worker of its own. The addresses are in the names
// of topics, as all that differs from test to test is.
func redisTopology(j job) *topology.Builder {
	client := goredis.NewClient(&goredis.Options{Addr: j.Topics["redis"], DialTimeout: time.Second, ReadTimeout: time.Second})
	loss := connectors.Report
	if j.Topics["loss"] != "" {
		loss = connectors.Rebuild
	}
	return redisCounter(j.Application, client, j.Topics["in"], loss)
}

func TestARedisThatIsAwayLosesNothingAndRepeatsNothing(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			f := newFixture(t)
			s := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
			topic := f.topic("in", 2)
			w := f.work(redisCounter(f.app, s, topic, connectors.Report), g.options...)
			f.produce(numbered(topic, 0, 1000)...)
			await(t, "the first are counted", func() bool { return s.total() == 1000 })
			for i, away := range []func(){
				func() { // answers come too late, and are tried again
					if err := s.ClientPause(t.Context(), 4*time.Second).Err(); err != nil {
						t.Fatal(err)
					}
				},
				s.kill,
			} {
				away()
				f.produce(numbered(topic, 0, 1000)...)
				if i > 0 {
					await(t, "the outage is noticed", func() bool { return s.Ping(t.Context()).Err() != nil })
					s.start()
				}
				await(t, "all is counted", func() bool { w.alive(); return s.total() >= 2000+1000*i })
			}
			w.stop()
			if n := s.total(); n != 3000 {
				t.Errorf("%d are counted, want 3000", n)
			}
		})
	}
}

func TestAFlushedRedisIsReportedOrRebuilt(t *testing.T) {
	for _, running := range []bool{false, true} {
		for _, loss := range []connectors.Loss{connectors.Report, connectors.Rebuild} {
			t.Run("loss "+strconv.Itoa(int(loss))+" running "+strconv.FormatBool(running), func(t *testing.T) {
				f := newFixture(t)
				s := startRedis(t)
				topic := f.topic("in", 2)
				w := f.work(redisCounter(f.app, s, topic, loss), tidemill.ExactlyOnce())
				f.produce(numbered(topic, 0, 1000)...)
				await(t, "the first are counted", func() bool { return s.total() == 1000 })
				if !running {
					w.stop()
				} else {
					f.consumed(topic)
				}
				if err := s.FlushAll(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				if !running {
					w = f.work(redisCounter(f.app, s, topic, loss), tidemill.ExactlyOnce())
				} else {
					for p := range 2 { // the next batch of each notices
						f.produce(in(p, &kgo.Record{Topic: topic, Key: []byte("more"), Value: []byte("x")}))
					}
				}
				if loss == connectors.Rebuild {
					await(t, "all is counted again", func() bool { w.alive(); return s.total() == 1000 })
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
}

func TestATopicThatWasMadeAnewIsReported(t *testing.T) {
	f := newFixture(t)
	s := startRedis(t)
	topic := f.topic("in", 1)
	w := f.work(redisCounter(f.app, s, topic, connectors.Report))
	f.produce(numbered(topic, 0, 1000)...)
	await(t, "the first are counted", func() bool { return s.total() == 1000 })
	w.stop()
	if _, err := f.admin.DeleteTopic(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	await(t, "the topic is gone", func() bool {
		topics, err := f.admin.ListTopics(t.Context(), topic)
		return err == nil && !topics.Has(topic)
	})
	f.topic("in", 1)
	f.client = f.newClient() // the other one knows the topic by its id
	f.produce(numbered(topic, 0, 10)...)
	w = f.work(redisCounter(f.app, s, topic, connectors.Report))
	await(t, "the worker ends", func() bool { return ended(w.ended) })
	if !errors.Is(w.err, connectors.ErrAhead) {
		t.Errorf("the worker ended with %v, want ErrAhead", w.err)
	}
}

func TestAWrongTypeInRedisIsADeadLetterWithTheReason(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			f := newFixture(t)
			s := startRedis(t)
			topic, dead := f.topic("in", 1), f.topic("dead", 1)
			if err := s.RPush(t.Context(), "k7", "a list").Err(); err != nil {
				t.Fatal(err)
			}
			w := f.work(redisCounter(f.app, s, topic, connectors.Report), append(g.options, tidemill.OnProcessError(tidemill.DeadLetter(dead)))...)
			f.produce(numbered(topic, 0, 10)...)
			await(t, "the letter is there", func() bool { w.alive(); return len(f.read(dead)) > 0 })
			w.stop()
			letters := f.read(dead)
			if len(letters) != 1 || string(letters[0].Key) != "k7" || string(letters[0].Value) != "7" {
				t.Fatalf("letters %v, want that of k7", letters)
			}
			reason := ""
			for _, h := range letters[0].Headers {
				if h.Key == "__streams.errors.message" {
					reason = string(h.Value)
				}
			}
			if !strings.Contains(reason, "WRONGTYPE") {
				t.Errorf("the reason is %q, want WRONGTYPE in it", reason)
			}
			for k := range 10 {
				if n, _ := s.Get(t.Context(), "k"+strconv.Itoa(k)).Int(); k != 7 && n != 1 {
					t.Errorf("k%d is %d, want 1", k, n)
				}
			}
		})
	}
}
