package topologytest_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// both is a topology whose results of one key depend on the order of that key only.
func both() *topology.Builder {
	b := topology.New("both")
	in := b.Stream[string, string]("in")
	in.GroupByKey().
		WindowedBy(window.Hopping(10*time.Second, 5*time.Second).Grace(2 * time.Second)).
		Count(topology.StoreName("cnt")).
		ToStream().
		To("windows")
	in.SelectKey(func(k, _ string) string { return k + "!" }).
		GroupByKey().
		Reduce(func(all, v string) string { return all + v }, topology.StoreName("all")).
		ToStream().
		To("joined")
	return b
}

// sequences are the records of each topic, partition and key in their order.
type sequences map[string][]string

func (s sequences) add(topic string, partition int32, key, value []byte, at int64) {
	where := fmt.Sprintf("%s %d %q", topic, partition, key)
	s[where] = append(s[where], fmt.Sprintf("%q@%d", value, at))
}

// A worker on a broker writes the same bytes, with the same timestamps, to the same
// partitions, in the same order by key.
func TestAWorkerWritesTheSameRecords(t *testing.T) {
	topics := []string{"windows", "joined", "both-cnt-changelog", "both-all-changelog"}
	d := topologytest.New(t, both(), topologytest.Partitions(3))
	in := d.Input[string, string]("in")
	random := rand.New(rand.NewPCG(5, 5))
	var sent []*kgo.Record
	for i := range 300 {
		key, value, at := fmt.Sprint("key", random.IntN(12)), fmt.Sprintf("<%d>", i), int64(i*100+random.IntN(8000))
		in.Send(key, value, at)
		sent = append(sent, &kgo.Record{Topic: "in", Key: []byte(key), Value: []byte(value), Timestamp: time.UnixMilli(at)})
	}
	want, total := sequences{}, 0
	for _, topic := range topics {
		for _, r := range d.Output[[]byte, []byte](topic).All() {
			want.add(topic, r.Partition, r.Key, r.Value, r.Timestamp)
			total++
		}
	}
	if d.Dropped()["late"] == 0 {
		t.Error("no record was late")
	}
	if total < 1000 {
		t.Fatalf("only %d records to compare", total)
	}
	got := worked(t, sent, topics, total)
	for _, where := range slices.Sorted(maps.Keys(want)) {
		compare(t, where, got[where], want[where])
	}
}

// worked are the first records that a worker writes to these topics.
func worked(t *testing.T, sent []*kgo.Record, topics []string, total int) sequences {
	broker, err := embedded.Start(embedded.Topic("in", 3), embedded.Topic("windows", 3), embedded.Topic("joined", 3))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = broker.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		ended <- tidemill.Run(ctx, both(), tidemill.Brokers(broker.Addrs()...), tidemill.InMemory(), tidemill.ExactlyOnce(),
			tidemill.CacheBytes(0), tidemill.Logger(slog.New(slog.DiscardHandler)))
	}()
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ConsumeTopics(topics...), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.MetadataMinAge(10*time.Millisecond), kgo.MetadataMaxAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(ctx, sent...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	got := sequences{}
	for n := 0; n < total; {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			got.add(r.Topic, r.Partition, r.Key, r.Value, r.Timestamp.UnixMilli())
			n++
		})
		if ctx.Err() != nil {
			t.Fatalf("only %d records of %d came", n, total)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	return got
}
