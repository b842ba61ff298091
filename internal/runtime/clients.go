package runtime

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/letters"
	"github.com/tidemill/tidemill/topology"
)

// clients makes the Kafka clients of a worker. Each does one thing: the producer
// writes (and commits, under exactly-once), the fetcher reads source partitions,
// the member belongs to the consumer group and reads nothing, the restorer reads
// changelogs. Options of the user come first, so that what correctness rests on
// cannot be changed by accident.
type clients struct {
	config      Config
	application string
	instance    string
}

func (c clients) base(role string) []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ClientID(c.application + "-" + c.instance[:min(8, len(c.instance))] + "-" + role),
		kgo.SoftwareNameAndVersion("tidemill", "0.1.0"),
		kgo.MetadataMinAge(metadataMinAge),
	}
	opts = append(opts, c.config.Client...)
	if len(c.config.Brokers) > 0 {
		opts = append(opts, kgo.SeedBrokers(c.config.Brokers...))
	}
	return append(opts, kgo.WithLogger(clientLogger{c.config.Logger}), kgo.DisableClientMetrics())
}

// tracer follows the records of a client; it is nil if nothing is to be traced.
func (c clients) tracer(role string) *tracer {
	return newTracer(c.config.Tracing, c.application, c.application+"-"+role)
}

// Defaults of the clients that options of the user may change.
const (
	linger             = 5 * time.Millisecond
	maxBufferedRecords = 50_000
	maxBufferedBytes   = 64 << 20
	leastFetchBytes    = 1 << 20
	// metadataMinAge is also how long the client holds a partition up when a write
	// to it has to be tried again, which happens while a busy broker still ends the
	// last transaction. The client's own default of 5 s would outlast a transaction.
	metadataMinAge = 250 * time.Millisecond
	// fetchWait is how long a broker holds a fetch that finds nothing. One that is under
	// way knows nothing of partitions that were added or resumed since, so that these
	// wait as long: with the client's own default of 5 s, an application whose topics
	// became known one after another stood still for that long.
	fetchWait = 250 * time.Millisecond
)

// producer makes the client that writes. Topics take batches of different sizes,
// and refuse larger ones.
func (c clients) producer(batchBytes func(topic string) int32) (*kgo.Client, error) {
	opts := []kgo.Opt{
		kgo.ProducerLinger(linger),
		kgo.MaxBufferedRecords(maxBufferedRecords),
		kgo.MaxBufferedBytes(maxBufferedBytes),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
	}
	opts = append(opts, c.base("producer")...)
	opts = append(opts, c.tracer("producer").hooks()...)
	opts = append(opts, kgo.RecordPartitioner(partitioner{}), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.UnknownTopicRetries(10), kgo.ProducerBatchMaxBytesFn(batchBytes))
	if c.config.ExactlyOnce {
		opts = append(opts, kgo.TransactionalID(c.transactionalID()), kgo.TransactionTimeout(c.config.TransactionTimeout))
	}
	return openClient(opts)
}

// transactionalID is the same each time the worker starts with the same state, so
// that the transaction which it may have left open ends at once.
func (c clients) transactionalID() string { return c.application + "-" + c.instance }

// fetcher makes the client that reads. What it fetches grows several times when it
// is decompressed and decoded, and one fetch may come on top of a full buffer: so
// it is smaller than that.
func (c clients) fetcher() (*kgo.Client, error) {
	opts := append([]kgo.Opt{
		kgo.FetchMaxBytes(int32(min(max(c.config.BufferedBytes/2, leastFetchBytes), math.MaxInt32))),
		kgo.FetchMaxWait(fetchWait),
	}, c.base("fetcher")...)
	opts = append(opts, kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	opts = append(opts, c.tracer("fetcher").hooks()...)
	if c.config.ExactlyOnce {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	return openClient(opts)
}

// global makes the client that follows the topics of the global stores.
func (c clients) global() (*kgo.Client, error) {
	opts := append(c.base("global"), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if c.config.ExactlyOnce {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	return openClient(opts)
}

// letters makes the client that writes the dead letters of global stores, outside of
// any transaction.
func (c clients) letters() (*kgo.Client, error) {
	return openClient(append(c.base("letters"), kgo.RecordPartitioner(partitioner{}), kgo.RequiredAcks(kgo.AllISRAcks())))
}

// redriver makes the client that sends back dead letters of a topic. It is to be the only
// one with its transactional id.
func (c clients) redriver(topic string) (client *kgo.Client, txnID string, err error) {
	txnID = letters.Redriver(c.application, topic)
	client, err = openClient(append(c.base("redriver"),
		kgo.TransactionalID(txnID), kgo.TransactionTimeout(time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RequiredAcks(kgo.AllISRAcks())))
	return client, txnID, err
}

func (c clients) restorer() (*kgo.Client, error) { return openClient(c.base("restorer")) }

// follower makes the client that reads the changelogs of standbys. Its fetches wait at
// the brokers for records to come, and would hold up those of tasks that are restored.
func (c clients) follower() (*kgo.Client, error) { return openClient(c.base("follower")) }

// member makes the client that belongs to the group. All topics are paused: it is
// there for its partitions only.
func (c clients) member(b *balancer, callbacks []kgo.Opt) (*kgo.Client, error) {
	opts := append(c.base("member"),
		kgo.ConsumerGroup(c.application), kgo.Balancers(b), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(c.config.SessionTimeout), kgo.HeartbeatInterval(min(c.config.SessionTimeout/3, 3*time.Second)),
		kgo.FetchMaxWait(time.Second),
	)
	if c.config.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(c.config.InstanceID))
	}
	return openClient(append(opts, callbacks...))
}

func openClient(opts []kgo.Opt) (*kgo.Client, error) {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	return cl, nil
}

// topicsOf says which topics feed which subtopology, for the group's balancer.
func topicsOf(plan *topology.Plan) []subtopologyTopics {
	var out []subtopologyTopics
	for _, sub := range plan.Subtopologies {
		if sub.Global {
			continue
		}
		s := subtopologyTopics{id: sub.ID, copartitioned: sub.Copartitioned(), logged: slices.ContainsFunc(sub.Stores, followed)}
		for _, source := range sub.Sources {
			s.topics = append(s.topics, source.Topics...)
			if source.Pattern != nil {
				s.patterns = append(s.patterns, source.Pattern)
			}
		}
		out = append(out, s)
	}
	return out
}

// leave tells the group that the member goes, so that its tasks move at once. A
// static member does not: it is expected back.
func leave(ctx context.Context, member *kgo.Client, static bool) error {
	if static {
		return nil
	}
	return member.LeaveGroupContext(ctx)
}
