//go:build integration

package integration

import (
	"context"
	"strconv"
	"strings"
	"testing"

	goredis "github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/ingest"
	"github.com/tidemill/tidemill/connectors/redis"
)

// bring runs a source until it is stopped.
func (f *fixture) bring(topic string, s connectors.Source) (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ingest.Run(ctx, f.client, topic, s) }()
	return func() {
		f.t.Helper()
		cancel()
		if err := <-ended; err != nil {
			f.t.Errorf("the source ended: %v", err)
		}
	}
}

func TestEntriesOfAStreamAllReachKafkaWhateverIsKilled(t *testing.T) {
	f := newFixture(t)
	s := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	topic := f.topic("in", 1)
	source := func() connectors.Source {
		return redis.Entries(s, redis.Group{Stream: "s", Name: "g", Consumer: "c", Count: 50}, redis.KeyAndValue)
	}
	const rounds, each = 6, 500
	stop := f.bring(topic, source())
	for round := range rounds {
		pipe := s.Pipeline()
		for i := range each {
			pipe.XAdd(t.Context(), &goredis.XAddArgs{Stream: "s", Values: []string{"key", "k", "value", strconv.Itoa(round*each + i)}})
		}
		if _, err := pipe.Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if round%2 == 0 {
			stop() // in the middle of something
			stop = f.bring(topic, source())
		} else {
			s.kill()
			s.start()
		}
	}
	seen := map[string]bool{}
	await(t, "all entries are in Kafka", func() bool {
		for _, r := range f.read(topic) {
			seen[string(r.Value)] = true
		}
		return len(seen) == rounds*each
	})
	stop()
	if pending := s.XPending(t.Context(), "s", "g").Val(); pending.Count != 0 {
		t.Errorf("%d entries are not acknowledged, want none", pending.Count)
	}
}

func TestKeyspaceEventsReachKafka(t *testing.T) {
	f := newFixture(t)
	s := startRedis(t)
	topic := f.topic("in", 1)
	if _, err := redis.Keyspace(s, 0, "*").Read(t.Context()); err == nil || !strings.Contains(err.Error(), "notify-keyspace-events") {
		t.Fatalf("a Redis that publishes nothing is answered with %v", err)
	}
	if err := s.ConfigSet(t.Context(), "notify-keyspace-events", "KA").Err(); err != nil {
		t.Fatal(err)
	}
	stop := f.bring(topic, redis.Keyspace(s, 0, "user:*"))
	n := 0
	await(t, "an event is in Kafka", func() bool {
		n++ // until the source has subscribed
		if err := s.Set(t.Context(), "user:7", n, 0).Err(); err != nil {
			t.Fatal(err)
		}
		records := f.read(topic)
		return len(records) > 0 && string(records[0].Key) == "user:7" && string(records[0].Value) == "set"
	})
	stop()
}
