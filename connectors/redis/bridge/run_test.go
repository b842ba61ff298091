package bridge_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/connectors/redis/bridge"
	"github.com/tidemill/tidemill/embedded"
)

const routes = `
application: test
kafka: {brokers: [BROKER]}
redis: {url: "redis://REDIS"}
dead_letter: dead
routes:
  - {topic: in, to: channel, key: "news:{key}", value: "{topic} {timestamp} {value}"}
  - {topic: in, to: stream, key: log, fields: {who: "{key}", type: "{header:type}", data: "{value}"}}
  - {topic: in, to: string, key: "s:{key}", ttl: 1h}
  - {topic: in, to: hash, key: h, field: "{key}", value: "<{value}>"}
  - {topic: in, to: list, key: l, keep: 2}
  - {topic: in, to: set, key: m, field: "{key}"}
`

// await waits for what has to happen.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick, end := time.NewTicker(10*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestRecordsGoWhereTheRoutesSay(t *testing.T) {
	broker, err := embedded.Start(embedded.Topic("in", 1), embedded.Topic("dead", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	server := miniredis.RunT(t)
	c, err := bridge.Parse(strings.NewReader(strings.NewReplacer("BROKER", broker.Addrs()[0], "REDIS", server.Addr()).Replace(routes)))
	if err != nil {
		t.Fatal(err)
	}
	news := server.NewSubscriber()
	defer news.Close()
	news.Subscribe("news:a")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- bridge.Run(ctx, c) }()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.DefaultProduceTopic("in"), kgo.ConsumeTopics("dead"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	at, typed := time.UnixMilli(1700000000000), []kgo.RecordHeader{{Key: "type", Value: []byte("t")}}
	if err := client.ProduceSync(ctx,
		&kgo.Record{Key: []byte("a"), Value: []byte("1"), Headers: typed, Timestamp: at},
		&kgo.Record{Key: []byte("b"), Value: []byte("2\xff"), Timestamp: at},
		&kgo.Record{Value: []byte("no key"), Timestamp: at},
		&kgo.Record{Key: []byte("b"), Timestamp: at},
		&kgo.Record{Key: []byte("c"), Value: []byte("3"), Timestamp: at},
	).FirstErr(); err != nil {
		t.Fatal(err)
	}
	message := <-news.Messages()
	if want := "in 1700000000000 1"; message.Message != want {
		t.Errorf("the message is %q, want %q", message.Message, want)
	}
	await(t, "the last record is in the set", func() bool { ok, _ := server.SIsMember("m", "c"); return ok })
	await(t, "the last record is in the list", func() bool { l, _ := server.List("l"); return len(l) == 1 })
	await(t, "the last entry is there", func() bool { s, _ := server.Stream("log"); return len(s) == 3 })
	await(t, "the last string is there", func() bool { return server.Exists("s:c") })
	await(t, "the last field is there", func() bool { return server.HGet("h", "c") != "" })
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	entries, _ := server.Stream("log")
	var got [][]string
	for _, e := range entries {
		got = append(got, e.Values)
	}
	if want := [][]string{{"who", "a", "type", "t", "data", "1"}, {"who", "b", "type", "", "data", "2\xff"}, {"who", "c", "type", "", "data", "3"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("the entries are %q, want %q", got, want)
	}
	if server.Exists("s:b") || server.HGet("h", "b") != "" || server.TTL("s:a") != time.Hour || server.HGet("h", "a") != "<1>" {
		t.Errorf("s:b is there: %v, h b: %q, the time to live of s:a %v, h a: %q", server.Exists("s:b"), server.HGet("h", "b"), server.TTL("s:a"), server.HGet("h", "a"))
	}
	letters := client.PollFetches(t.Context()).Records()
	if len(letters) == 0 || string(letters[0].Value) != "no key" {
		t.Errorf("letters %v, want the record without a key", letters)
	}
}
