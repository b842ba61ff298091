// Package stage is what the small examples have around their topologies: a broker
// in the process, records to begin with, and a look at what comes out. It does
// with franz-go what other programs of a real system do.
package stage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
)

// Stage is an embedded broker with topics of one partition each, so that the
// order of the results follows from the order of the records.
type Stage struct{ broker *embedded.Broker }

// Open starts a broker that has these topics. The caller closes it.
func Open(topics ...string) (*Stage, error) {
	var options []embedded.Option
	for _, t := range topics {
		options = append(options, embedded.Topic(t, 1))
	}
	broker, err := embedded.Start(options...)
	return &Stage{broker}, err
}

// Close stops the broker.
func (s *Stage) Close() error { return s.broker.Close() }

// Addrs are the addresses of the broker, for clients of an example's own.
func (s *Stage) Addrs() []string { return s.broker.Addrs() }

// Event is a record of this many seconds after noon on 1 January 2026, UTC.
func Event[K, V any](second int, key K, value V) record.Record[K, V] {
	noon := time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)
	at := noon.Add(time.Duration(second) * time.Second)
	return record.Record[K, V]{Key: key, Value: value, Timestamp: at.UnixMilli()}
}

// Write writes records to a topic, encoded as their types say, and returns when
// the broker has them.
func (s *Stage) Write[K, V any](ctx context.Context, topic string, records ...record.Record[K, V]) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(s.broker.Addrs()...), kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	keys, values, err := serdes[K, V]()
	if err != nil {
		return err
	}
	for _, r := range records {
		out := &kgo.Record{Timestamp: time.UnixMilli(r.Timestamp)}
		if out.Key, err = keys.Append([]byte{}, r.Key); err != nil {
			return err
		}
		if !r.Tombstone {
			if out.Value, err = values.Append([]byte{}, r.Value); err != nil {
				return err
			}
		}
		if err := client.ProduceSync(ctx, out).FirstErr(); err != nil {
			return fmt.Errorf("write to %s: %w", topic, err)
		}
	}
	return nil
}

// Read returns the first n committed records of a topic, and waits for them.
func (s *Stage) Read[K, V any](ctx context.Context, topic string, n int) ([]record.Record[K, V], error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(s.broker.Addrs()...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	keys, values, err := serdes[K, V]()
	if err != nil {
		return nil, err
	}
	var out []record.Record[K, V]
	for len(out) < n {
		fetches := client.PollRecords(ctx, n-len(out))
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("read %d records of %s, have %d: %w", n, topic, len(out), err)
		}
		for _, r := range fetches.Records() {
			one, err := decode(r, keys, values)
			if err != nil {
				return nil, fmt.Errorf("read %s at offset %d: %w", topic, r.Offset, err)
			}
			out = append(out, one)
		}
	}
	return out, nil
}

func decode[K, V any](r *kgo.Record, keys serde.Serde[K], values serde.Serde[V]) (out record.Record[K, V], err error) {
	out.Timestamp = r.Timestamp.UnixMilli()
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, record.Header{Key: h.Key, Value: h.Value})
	}
	if out.NullKey = r.Key == nil; !out.NullKey {
		if out.Key, err = keys.Decode(r.Key); err != nil {
			return out, err
		}
	}
	if out.Tombstone = r.Value == nil; !out.Tombstone {
		out.Value, err = values.Decode(r.Value)
	}
	return out, err
}

func serdes[K, V any]() (serde.Serde[K], serde.Serde[V], error) {
	keys, errKey := serde.Of[K]()
	values, errValue := serde.Of[V]()
	return keys, values, errors.Join(errKey, errValue)
}

// patience is how long an example may take before it is given up.
const patience = time.Minute

// Run runs a topology, exactly once, until results has returned.
func (s *Stage) Run(ctx context.Context, b *topology.Builder, results func(context.Context) error, options ...tidemill.Option) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	options = append([]tidemill.Option{
		tidemill.Brokers(s.broker.Addrs()...), tidemill.ExactlyOnce(), tidemill.InMemory(), tidemill.Logger(logger),
	}, options...)
	return Beside(ctx, func(ctx context.Context) error { return tidemill.Run(ctx, b, options...) }, results)
}
