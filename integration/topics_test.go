//go:build integration

package integration

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/integration/kafkatest"
)

// fixture is a test's part of the shared broker: everything in it is named after
// the test.
type fixture struct {
	t       *testing.T
	brokers []string
	app     string
	client  *kgo.Client
	admin   *kadm.Client
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{t: t, brokers: kafkatest.Run(t).Addrs()}
	f.app = strings.ToLower(strings.NewReplacer("/", ".", " ", "-", "#", "", ",", "").Replace(t.Name()))
	f.client = f.newClient(kgo.RecordPartitioner(given{}))
	f.admin = kadm.NewClient(f.client)
	return f
}

// given puts records into the partition that they name, or that Kafka's Java
// client would choose for their key.
type given struct{}

func (given) ForTopic(topic string) kgo.TopicPartitioner {
	return givenTopic{kgo.StickyKeyPartitioner(nil).ForTopic(topic)}
}

type givenTopic struct{ kgo.TopicPartitioner }

func (p givenTopic) Partition(r *kgo.Record, n int) int {
	if r.Partition > 0 {
		return int(r.Partition - 1)
	}
	return p.TopicPartitioner.Partition(r, n)
}

// in makes a record go to a partition, whatever its key is.
func in(partition int, r *kgo.Record) *kgo.Record {
	r.Partition = int32(partition) + 1
	return r
}

func (f *fixture) newClient(options ...kgo.Opt) *kgo.Client {
	f.t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(f.brokers...)}, options...)...)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(cl.Close)
	return cl
}

// topic creates a topic of the test and returns its name.
func (f *fixture) topic(name string, partitions int32) string {
	f.t.Helper()
	full := f.app + "." + name
	forever := "-1"
	f.create(full, partitions, map[string]*string{"retention.ms": &forever})
	return full
}

func (f *fixture) create(topic string, partitions int32, config map[string]*string) {
	f.t.Helper()
	_, err := f.admin.CreateTopic(f.t.Context(), partitions, 1, config, topic)
	if err != nil {
		f.t.Fatalf("create %s: %v", topic, err)
	}
	await(f.t, topic+" can be read", func() bool {
		ends, err := f.admin.ListEndOffsets(f.t.Context(), topic)
		return err == nil && ends.Error() == nil
	})
}

// produce writes records and waits until they are there.
func (f *fixture) produce(records ...*kgo.Record) {
	f.t.Helper()
	if err := f.client.ProduceSync(f.t.Context(), records...).FirstErr(); err != nil {
		f.t.Fatal(err)
	}
}

// read returns all committed records of topics, in order within each partition.
func (f *fixture) read(topics ...string) []*kgo.Record {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), time.Minute)
	defer cancel()
	ends, err := f.admin.ListCommittedOffsets(ctx, topics...)
	if err != nil {
		f.t.Fatal(err)
	}
	starts, err := f.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		f.t.Fatal(err)
	}
	left := map[string]map[int32]int64{}
	offsets := map[string]map[int32]kgo.Offset{}
	ends.Each(func(end kadm.ListedOffset) {
		start, _ := starts.Lookup(end.Topic, end.Partition)
		if err := errors.Join(start.Err, end.Err); err != nil {
			f.t.Fatal(err)
		}
		if start.Offset < end.Offset {
			put(left, end.Topic, end.Partition, end.Offset)
			put(offsets, end.Topic, end.Partition, kgo.NewOffset().At(start.Offset))
		}
	})
	cl := f.newClient(kgo.ConsumePartitions(offsets), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	defer cl.Close()
	var out []*kgo.Record
	for len(left) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			f.t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, wanted := left[r.Topic][r.Partition]
			if !wanted {
				return
			}
			if !r.Attrs.IsControl() {
				out = append(out, r)
			}
			if r.Offset+1 >= end {
				delete(left[r.Topic], r.Partition)
				if len(left[r.Topic]) == 0 {
					delete(left, r.Topic)
				}
			}
		})
	}
	return out
}

func put[V any](m map[string]map[int32]V, topic string, partition int32, v V) {
	if m[topic] == nil {
		m[topic] = map[int32]V{}
	}
	m[topic][partition] = v
}

// patience is how long the tests wait for what has to happen: long enough for a loaded
// machine.
const patience = 90 * time.Second

// await waits until done reports true.
func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		case <-t.Context().Done():
			t.Fatalf("the test ended while waiting: %s", what)
		}
	}
}
