//go:build integration

package integration

import (
	"errors"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/connectortest"
	"github.com/tidemill/tidemill/connectors/redis"
	"github.com/tidemill/tidemill/topology"
)

// startRedis starts a Redis of the test's own.
func startRedis(t *testing.T) *goredis.Client {
	t.Helper()
	c, err := testcontainers.Run(t.Context(), "redis:7", testcontainers.WithExposedPorts("6379/tcp"),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready to accept connections")))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := c.PortEndpoint(t.Context(), "6379/tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	client := goredis.NewClient(&goredis.Options{Addr: addr, DialTimeout: time.Second, ReadTimeout: time.Second})
	t.Cleanup(func() { _ = client.Close() })
	await(t, 20*time.Second, "Redis answers", func() bool { return client.Ping(t.Context()).Err() == nil })
	return client
}

func TestRedisConforms(t *testing.T) {
	client := startRedis(t)
	connectortest.Run(t, func(t *testing.T) connectortest.Subject[redis.Op] {
		if err := client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		if err := client.RPush(t.Context(), "list", "x").Err(); err != nil {
			t.Fatal(err)
		}
		return connectortest.Subject[redis.Op]{
			Target: redis.NewTarget(client),
			Put:    func(key, value string) redis.Op { return redis.Set(key, []byte(value)) },
			Delete: redis.Delete,
			Add:    func(key string, n int) redis.Op { return redis.Add(key, int64(n)) },
			Poison: func() redis.Op { return redis.Add("list", 1) },
			Get: func(key string) (string, bool) {
				value, err := client.Get(t.Context(), key).Result()
				return value, err == nil
			},
			Sum: func(key string) int {
				n, _ := client.Get(t.Context(), key).Int()
				return n
			},
		}
	})
}

// redisCounter adds 1 to the counter of each record's key.
func redisCounter(f *fixture, client *goredis.Client, topic string, loss connectors.Loss) *topology.Builder {
	b := topology.New(f.app)
	b.Stream[string, string](topic).Sink(redis.Counter(client, "counts", func(k string) string { return k },
		func(string) int64 { return 1 }, redis.Batching(connectors.OnLoss(loss))))
	return b
}

func total(t *testing.T, client *goredis.Client) int {
	sum := 0
	for k := range 200 {
		n, _ := client.Get(t.Context(), "k"+strconv.Itoa(k)).Int()
		sum += n
	}
	return sum
}

func TestARedisThatPausesLosesNothingAndRepeatsNothing(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			f := newFixture(t)
			client := startRedis(t)
			topic := f.topic("in", 2)
			w := f.work(redisCounter(f, client, topic, connectors.Report), g.options...)
			f.produce(numbered(topic, 0, 1000)...)
			await(t, 20*time.Second, "the first are counted", func() bool { return total(t, client) == 1000 })
			if err := client.ClientPause(t.Context(), 4*time.Second).Err(); err != nil {
				t.Fatal(err)
			}
			f.produce(numbered(topic, 0, 1000)...)
			await(t, 40*time.Second, "all is counted", func() bool { w.alive(); return total(t, client) >= 2000 })
			w.stop()
			if n := total(t, client); n != 2000 {
				t.Errorf("%d are counted, want 2000", n)
			}
		})
	}
}

func TestAFlushedRedisIsReportedOrRebuilt(t *testing.T) {
	for _, loss := range []connectors.Loss{connectors.Report, connectors.Rebuild} {
		t.Run(strconv.Itoa(int(loss)), func(t *testing.T) {
			f := newFixture(t)
			client := startRedis(t)
			topic := f.topic("in", 2)
			w := f.work(redisCounter(f, client, topic, loss), tidemill.ExactlyOnce())
			f.produce(numbered(topic, 0, 1000)...)
			await(t, 20*time.Second, "the first are counted", func() bool { return total(t, client) == 1000 })
			w.stop()
			if err := client.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			w = f.work(redisCounter(f, client, topic, loss), tidemill.ExactlyOnce())
			if loss == connectors.Rebuild {
				await(t, 30*time.Second, "all is counted again", func() bool { w.alive(); return total(t, client) == 1000 })
				w.stop()
				return
			}
			await(t, 30*time.Second, "the worker ends", func() bool { return ended(w.ended) })
			if !errors.Is(w.err, connectors.ErrLost) {
				t.Errorf("the worker ended with %v, want ErrLost", w.err)
			}
		})
	}
}
