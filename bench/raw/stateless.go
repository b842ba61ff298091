package raw

import (
	"context"
	"encoding/json/v2"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/bench/input"
)

// Filter passes on the values that pass, as bytes.
func Filter(ctx context.Context, c Config) error {
	return (&loop{Config: c, work: stateless(func(r *kgo.Record, p *producer) error {
		if input.Passes(r.Value) {
			p.produce(c.Output, r.Key, r.Value, r.Timestamp)
		}
		return nil
	})}).run(ctx)
}

// Relay passes on every record.
func Relay(ctx context.Context, c Config) error {
	return (&loop{Config: c, work: stateless(func(r *kgo.Record, p *producer) error {
		p.produce(c.Output, r.Key, r.Value, r.Timestamp)
		return nil
	})}).run(ctx)
}

// JSON decodes every value, and encodes and passes on the severe ones.
func JSON(ctx context.Context, c Config) error {
	return (&loop{Config: c, work: stateless(func(r *kgo.Record, p *producer) error {
		var event input.Event
		if err := json.Unmarshal(r.Value, &event); err != nil {
			return err
		}
		if !event.Severe() {
			return nil
		}
		value, err := json.Marshal(&event)
		if err != nil {
			return err
		}
		p.produce(c.Output, r.Key, value, r.Timestamp)
		return nil
	})}).run(ctx)
}

// stateless is work that holds nothing back.
type stateless func(r *kgo.Record, p *producer) error

func (s stateless) record(r *kgo.Record, p *producer) error { return s(r, p) }
func (s stateless) commit(*producer, bool)                  {}
