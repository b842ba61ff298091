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

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// RecordError says which record failed, at which stage and in which operator. Run
// returns one if the policy of the stage is Fail.
type RecordError = record.Error

// Run is New and App.Run in one.
func Run(ctx context.Context, b *topology.Builder, options ...Option) error {
	app, err := New(b, options...)
	if err != nil {
		return err
	}
	return app.Run(ctx)
}
