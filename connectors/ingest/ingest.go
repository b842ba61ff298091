// Package ingest brings messages of other systems into Kafka topics.
//
// A source is no part of a topology, since Kafka has no offsets of it. Run reads, writes
// to the topic with acknowledgements of all replicas, and then acknowledges to the source:
// at least once, if the source remembers what was not acknowledged. A topology behind the
// topic, with Deduplicate if need be, does the rest exactly once.
package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/connectors"
)

// The pauses after errors that pass.
const (
	shortest = 50 * time.Millisecond
	longest  = 5 * time.Second
)

// Run brings all messages of a source into a topic until ctx ends, and then returns nil;
// or until something fails for good. The client is the caller's, and must not be set to
// acks fewer than all. Run closes the source. Messages stay in their order, by key.
func Run(ctx context.Context, client *kgo.Client, topic string, source connectors.Source) (err error) {
	defer func() { err = errors.Join(err, source.Close()) }()
	for {
		messages, err := persist(ctx, topic, "read", func() ([]connectors.Message, error) { return source.Read(ctx) })
		if err == nil {
			err = produce(ctx, client, topic, messages)
		}
		if err == nil {
			_, err = persist(ctx, topic, "acknowledge", func() (any, error) { return nil, source.Acknowledge(ctx) })
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("ingest: topic %q: %w", topic, err)
		}
	}
}

// produce returns when Kafka has all messages. The client tries again what passes.
func produce(ctx context.Context, client *kgo.Client, topic string, messages []connectors.Message) error {
	records := make([]*kgo.Record, len(messages))
	for i, m := range messages {
		records[i] = &kgo.Record{Topic: topic, Key: m.Key, Value: m.Value, Timestamp: m.Time}
		for _, h := range m.Headers {
			records[i].Headers = append(records[i].Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
		}
	}
	return client.ProduceSync(ctx, records...).FirstErr()
}

// persist calls f until it ends with something else than an error that passes.
func persist[T any](ctx context.Context, topic, what string, f func() (T, error)) (T, error) {
	for pause := shortest; ; pause = min(2*pause, longest) {
		out, err := f()
		var unavailable *connectors.UnavailableError
		if !errors.As(err, &unavailable) || ctx.Err() != nil {
			return out, err
		}
		slog.WarnContext(ctx, "a source is away", "topic", topic, "call", what, "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
}
