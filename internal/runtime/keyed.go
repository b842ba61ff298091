package runtime

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/internal/scan"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/record"
)

// Values returns what a topic holds of a key: the values that were written since a time
// and are committed, the oldest first. It reads the rest of the key's partition, and
// keeps the newest ones if there are more than limit.
func (w *Worker) Values(ctx context.Context, topic string, key []byte, since time.Time, limit int) (values [][]byte, err error) {
	if w.view.Load() == nil || w.counts.stopped.Load() {
		return nil, query.ErrStopped
	}
	client := w.restorer.client
	ranges, err := scan.Topic(ctx, client, topic)
	if err != nil {
		return nil, withHint(err)
	}
	p := record.PartitionOf(key, int32(len(ranges)))
	ranges = slices.DeleteFunc(ranges, func(r scan.Range) bool { return r.Partition != p })
	starts, err := kadm.NewClient(client).ListOffsetsAfterMilli(ctx, since.UnixMilli(), topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, withHint(fmt.Errorf("offsets of topic %q: %w", topic, err))
	}
	for i, r := range ranges {
		ranges[i].From = max(r.From, starts[topic][p].Offset)
	}
	err = scan.Read(ctx, client, ranges, func(r *kgo.Record) error {
		if bytes.Equal(r.Key, key) && r.Value != nil {
			values = append(values, bytes.Clone(r.Value))
			values = values[max(0, len(values)-limit):]
		}
		return nil
	})
	return values, withHint(err)
}

// Send writes a record outside of any transaction, to the partition of its key, and
// returns when it is durable.
func (w *Worker) Send(ctx context.Context, topic string, key, value []byte) error {
	if w.view.Load() == nil || w.counts.stopped.Load() {
		return query.ErrStopped
	}
	client, err := openClient(append(w.clients.base("sender"), kgo.RecordPartitioner(partitioner{}), kgo.RequiredAcks(kgo.AllISRAcks())))
	if err != nil {
		return err
	}
	defer client.Close()
	r := &kgo.Record{Topic: topic, Key: key, Value: value, Partition: -1, Offset: int64(record.Murmur2(key) & 0x7fffffff)}
	return withHint(client.ProduceSync(ctx, r).FirstErr())
}
