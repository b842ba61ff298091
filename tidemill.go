// Package tidemill runs stream-processing topologies over Kafka topics as workers
// of a consumer group, with state in local stores and, if asked for, exactly once.
//
// A topology is built with package topology; Run runs it:
//
//	b := topology.New("wordcount")
//	b.Stream[string, string]("text-lines").
//		FlatMapValues(strings.Fields).
//		GroupBy(func(_, word string) string { return word }).
//		Count().
//		ToStream().
//		To("word-counts")
//	err := tidemill.Run(ctx, b, tidemill.Brokers("localhost:9092"), tidemill.ExactlyOnce())
//
// Start the same program several times, on one machine or on many, and the
// partitions of its topics are divided among them.
package tidemill

import (
	"context"
	"fmt"

	"github.com/tidemill/tidemill/internal/runtime"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// RecordError says which record failed, at which stage and in which operator. Run
// returns one if the policy of the stage is Fail.
type RecordError = record.Error

// Run builds the topology and runs it as one worker of the application's consumer
// group. It blocks until ctx ends, and then finishes what it has begun, commits,
// leaves the group and returns nil; or until something fails for good. All that it
// started has ended when it returns.
func Run(ctx context.Context, b *topology.Builder, options ...Option) error {
	config := runtime.Default()
	for _, o := range options {
		o.apply(&config)
	}
	plan, err := b.Build()
	if err != nil {
		return err
	}
	if err := runtime.Validate(config); err != nil {
		return fmt.Errorf("tidemill: %w", err)
	}
	if err := runtime.New(plan, config).Run(ctx); err != nil {
		return fmt.Errorf("tidemill: %s: %w", plan.Application, err)
	}
	return nil
}
