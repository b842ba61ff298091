package brokertest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// patience bounds one check on a busy machine.
const patience = 60 * time.Second

// Run checks that the broker at addrs does what exactly-once stream processing
// relies on. It makes topics and groups of its own and leaves them there.
func Run(t *testing.T, addrs []string) {
	for _, check := range []struct {
		name string
		run  func(*fixture)
	}{
		{"a committed transaction is read once and whole", committedIsRead},
		{"an aborted transaction is invisible to read_committed", abortedIsInvisible},
		{"an open transaction holds back the last stable offset", openHoldsBack},
		{"a second InitProducerId fences the first producer", secondInitFences},
		{"a transaction that times out is aborted and fenced", timeoutAborts},
		{"transactional offsets carry metadata and appear at the commit", offsetsAppearAtCommit},
		{"transactional offsets of an aborted transaction never appear", offsetsOfAbortVanish},
		{"a stable fetch refuses offsets of an open transaction", stableFetchRefuses},
		{"a transactional commit of a former generation is refused", formerGenerationIsRefused},
		{"configurations given at creation are described", configsAreDescribed},
		{"deleted records move the log start", deletedRecordsMoveStart},
		{"a record above the limit is refused", largeRecordIsRefused},
		{"a static member comes back without a rebalance", staticMemberComesBack},
		{"a cooperative rebalance keeps what stays", cooperativeKeeps},
	} {
		t.Run(check.name, func(t *testing.T) { check.run(newFixture(t, addrs)) })
	}
}

// fixture is what a check works with. Its methods end the test on errors that
// the check does not ask about.
type fixture struct {
	*testing.T
	ctx   context.Context
	addrs []string
	admin *kadm.Client
	cl    *kgo.Client
}

func newFixture(t *testing.T, addrs []string) *fixture {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	f := &fixture{T: t, ctx: ctx, addrs: addrs}
	f.cl = f.client()
	f.admin = kadm.NewClient(f.cl)
	return f
}

// client returns a client that ends with the test.
func (f *fixture) client(opts ...kgo.Opt) *kgo.Client {
	f.Helper()
	cl, err := newClient(f.addrs, opts...)
	f.must(err)
	f.Cleanup(cl.Close)
	return cl
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// topic creates a topic with two partitions and a name of its own.
func (f *fixture) topic() string {
	f.Helper()
	name := unique("topic")
	f.must(create(f.ctx, f.admin, name, 2, nil))
	return name
}

// create makes a topic and waits until its partitions have a leader that knows of
// it, which is a little later than its creation is confirmed.
func create(ctx context.Context, admin *kadm.Client, topic string, partitions int32, configs map[string]*string) error {
	if _, err := admin.CreateTopic(ctx, partitions, 1, configs, topic); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err == nil {
			err = ends.Error()
		}
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("topic %q: %w", topic, err)
		}
	}
}

// produce writes one record to partition 0 and waits for the acknowledgement.
func (f *fixture) produce(cl *kgo.Client, topic, value string) error {
	return cl.ProduceSync(f.ctx, &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr()
}

// values reads partition 0 from its start to offset end at the given isolation.
func (f *fixture) values(topic string, end int64, isolation kgo.IsolationLevel) []string {
	f.Helper()
	cl := f.client(kgo.FetchIsolationLevel(isolation), kgo.KeepControlRecords(), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().AtStart()},
	}))
	defer cl.Close()
	var values []string
	for last := int64(-1); last < end-1; {
		fetches := cl.PollFetches(f.ctx)
		f.must(fetches.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			if last = r.Offset; !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
	return values
}

// ends returns the high watermark and the last stable offset of partition 0.
func (f *fixture) ends(topic string) (high, stable int64) {
	f.Helper()
	h, err := f.admin.ListEndOffsets(f.ctx, topic)
	f.must(err)
	s, err := f.admin.ListCommittedOffsets(f.ctx, topic)
	f.must(err)
	highOffset, _ := h.Lookup(topic, 0)
	stableOffset, _ := s.Lookup(topic, 0)
	return highOffset.Offset, stableOffset.Offset
}

// until asks again every few milliseconds until ok says yes.
func (f *fixture) until(what string, ok func() bool) {
	f.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-f.ctx.Done():
			f.Fatalf("gave up waiting: %s", what)
		}
	}
}

func newClient(addrs []string, opts ...kgo.Opt) (*kgo.Client, error) {
	common := []kgo.Opt{
		kgo.SeedBrokers(addrs...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MetadataMinAge(50 * time.Millisecond),
		kgo.FetchMaxWait(200 * time.Millisecond),
	}
	return kgo.NewClient(append(common, opts...)...)
}

var names atomic.Int64

// unique returns a name that no other check uses, in this run or an earlier one.
func unique(kind string) string {
	return fmt.Sprintf("brokertest-%s-%d-%d", kind, time.Now().UnixNano(), names.Add(1))
}
