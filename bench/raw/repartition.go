package raw

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// CountsGroup is the group of the second loop of Repartition.
func CountsGroup(group string) string { return group + "-counts" }

// Repartition writes each record under a new key to a topic between two loops,
// and counts that topic's records in the second.
func Repartition(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	counts := c
	counts.Group, counts.Input, counts.Started = CountsGroup(c.Group), c.Repartition, func() {}
	rekey := &loop{Config: c, work: stateless(func(r *kgo.Record, p *producer) error {
		p.produce(c.Repartition, input.User(r.Value), r.Value, r.Timestamp)
		return nil
	})}
	ended := make(chan error)
	go func() { ended <- rekey.run(ctx) }()
	go func() { ended <- Count(ctx, counts) }()
	first := <-ended
	cancel()
	return errors.Join(first, <-ended)
}

// Fetch reads the input to its end and does nothing with it: the least that a
// restore costs.
func Fetch(ctx context.Context, c Config) error {
	opts := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ConsumeTopics(c.Input), kgo.DisableClientMetrics()}
	cl, err := kgo.NewClient(append(opts, c.Client...)...)
	if err != nil {
		return err
	}
	defer cl.Close()
	c.Started()
	for n := 0; n < c.Records && ctx.Err() == nil; {
		fetches := cl.PollFetches(ctx)
		if err := faults(fetches); err != nil {
			return err
		}
		n += fetches.NumRecords()
	}
	return nil
}
