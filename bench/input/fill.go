package input

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Events says what a topic of events is filled with.
type Events struct {
	Topic   string
	Records int
	// Keys is how many keys there are; which one a record has is random.
	Keys int
	// Start is the event time of the first record. The last comes Span later.
	Start time.Time
}

// Facts is what results can be checked against.
type Facts struct{ Records, Passing, Severe int }

// Fill writes the events and returns when all of them are acknowledged.
func (e Events) Fill(ctx context.Context, brokers []string) (Facts, error) {
	facts := Facts{Records: e.Records}
	m := newMaker()
	err := produce(ctx, brokers, e.Records, func(i int) *kgo.Record {
		value := m.next(e.Keys)
		if Passes(value) {
			facts.Passing++
		}
		if value[levelAt] >= '8' {
			facts.Severe++
		}
		return &kgo.Record{
			Topic: e.Topic, Key: name('k', m.random.IntN(e.Keys)), Value: value,
			Timestamp: e.Start.Add(Span / time.Duration(e.Records) * time.Duration(i)),
		}
	})
	return facts, err
}

// FillRows writes a topic with a row for each key of the events, older than all
// of them.
func FillRows(ctx context.Context, brokers []string, topic string, rows int, at time.Time) error {
	m := newMaker()
	return produce(ctx, brokers, rows, func(i int) *kgo.Record {
		return &kgo.Record{Topic: topic, Key: name('k', i), Value: m.next(rows), Timestamp: at}
	})
}

// FillChangelog writes a changelog of counts in which each key occurs several
// times, the last time with the highest count.
func FillChangelog(ctx context.Context, brokers []string, topic string, records, keys int, at time.Time) error {
	return produce(ctx, brokers, records, func(i int) *kgo.Record {
		key, value := Counter(i%keys, int64(1+i/keys))
		return &kgo.Record{Topic: topic, Key: key, Value: value, Timestamp: at}
	})
}

func produce(ctx context.Context, brokers []string, records int, next func(int) *kgo.Record) error {
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...), kgo.ProducerLinger(20*time.Millisecond),
		kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.MaxBufferedRecords(100_000),
	)
	if err != nil {
		return err
	}
	defer cl.Close()
	var failed atomic.Pointer[error]
	for i := range records {
		cl.Produce(ctx, next(i), func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
		if failed.Load() != nil {
			break
		}
	}
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if err := failed.Load(); err != nil {
		return fmt.Errorf("fill: %w", *err)
	}
	return nil
}
