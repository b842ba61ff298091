package raw

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Config says what a loop works on.
type Config struct {
	Brokers []string
	// Group is the consumer group, and the transactional id under exactly-once.
	Group string
	// Input and Output are topics; Repartition is one between the two, and Table
	// holds the rows of the join.
	Input, Output, Repartition, Table string
	// Redis is the address that the bridges write to.
	Redis string
	// Records and Rows are how many there are in Input and Table.
	Records, Rows int
	ExactlyOnce   bool
	// Commit is how often offsets are committed.
	Commit time.Duration
	// Started is called once, when partitions have been assigned and before any
	// record is read.
	Started func()
	// Client are further options for every client, such as hooks.
	Client []kgo.Opt
}

// Every limit is the one that a Tidemill worker has by default.
const (
	linger             = 5 * time.Millisecond
	maxBufferedRecords = 50_000
	maxBufferedBytes   = 64 << 20
	transactionTimeout = 10 * time.Second
)

// options are those of a client that reads a topic as a group and writes.
func (c Config) options() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...), kgo.DisableClientMetrics(),
		kgo.ProducerLinger(linger), kgo.MaxBufferedRecords(maxBufferedRecords), kgo.MaxBufferedBytes(maxBufferedBytes),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.UnknownTopicRetries(10),
		kgo.ConsumerGroup(c.Group), kgo.ConsumeTopics(c.Input), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
	}
	if c.ExactlyOnce {
		opts = append(opts, kgo.TransactionalID(c.Group), kgo.TransactionTimeout(transactionTimeout),
			kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	return append(opts, c.Client...)
}

// faults are the errors of a poll that mean that something is wrong.
func faults(fetches kgo.Fetches) error {
	for _, e := range fetches.Errors() {
		if !isContext(e.Err) {
			return fmt.Errorf("raw: fetch %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	return nil
}
