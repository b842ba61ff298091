package runtime

import (
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestPartitionsThatAreAddedDuringAFetchDoNotWaitLong(t *testing.T) {
	c := newFake(t, kfake.SeedTopics(1, "quiet", "busy"))
	writer := newFakeClient(t, c)
	if err := writer.ProduceSync(t.Context(), &kgo.Record{Topic: "busy", Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	config := Default()
	config.Brokers, config.Logger = c.ListenAddrs(), slog.New(slog.DiscardHandler)
	client, err := clients{config: config, application: "app", instance: "instance"}.fetcher()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	begin := func(topic string) {
		client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(0)}})
	}
	fetches := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, Count: -1})
	begin("quiet")
	if err := fetches.Wait(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	begin("busy")
	if n := client.PollFetches(t.Context()).NumRecords(); n != 1 {
		t.Fatalf("%d records, want 1", n)
	}
	if took := time.Since(began); took > 4*fetchWait {
		t.Errorf("the record came behind %v: the fetch under way was waited for", took)
	}
}
