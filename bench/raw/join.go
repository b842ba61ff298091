package raw

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// Join reads the table into a map and then passes on each record together with
// its row.
func Join(ctx context.Context, c Config) error {
	c.Started()
	c.Started = func() {}
	rows, err := readTable(ctx, c)
	if err != nil {
		return err
	}
	return (&loop{Config: c, work: stateless(func(r *kgo.Record, p *producer) error {
		if row, ok := rows[string(r.Key)]; ok {
			p.produce(c.Output, r.Key, input.Joined(r.Value, row), r.Timestamp)
		}
		return nil
	})}).run(ctx)
}

func readTable(ctx context.Context, c Config) (map[string][]byte, error) {
	opts := []kgo.Opt{kgo.SeedBrokers(c.Brokers...), kgo.ConsumeTopics(c.Table), kgo.DisableClientMetrics()}
	cl, err := kgo.NewClient(append(opts, c.Client...)...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	rows := make(map[string][]byte, c.Rows)
	for n := 0; n < c.Rows; {
		fetches := cl.PollFetches(ctx)
		if err := faults(fetches); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for r := range fetches.RecordsAll() {
			rows[string(r.Key)] = r.Value
			n++
		}
	}
	if len(rows) != c.Rows {
		return nil, fmt.Errorf("raw: the table has %d rows, want %d", len(rows), c.Rows)
	}
	return rows, nil
}
