package console

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/sagas"
)

// Topics are those of an orchestrator. Without Statuses only Start and Send are
// possible, since all else looks at the saga first; without Audit there is no history.
// Positions is the topic of the monitor of a choreography, for Flows.
type Topics struct{ Inbox, Statuses, Audit, Positions string }

// Option is an option of Open.
type Option interface{ apply(*[]kgo.Opt) }

type option func(*[]kgo.Opt)

func (o option) apply(c *[]kgo.Opt) { o(c) }

// Brokers are the addresses to find the cluster by, as host:port.
func Brokers(addrs ...string) Option { return ClientOptions(kgo.SeedBrokers(addrs...)) }

// ClientOptions are options for the Kafka client, such as for TLS or SASL.
func ClientOptions(options ...kgo.Opt) Option {
	return option(func(c *[]kgo.Opt) { *c = append(*c, options...) })
}

// Console speaks to an orchestrator. It is safe for concurrent use.
type Console struct {
	topics Topics
	client *kgo.Client
}

// Open returns a console. It connects when it is first used. The caller closes it.
func Open(topics Topics, options ...Option) (*Console, error) {
	var opts []kgo.Opt
	for _, o := range options {
		o.apply(&opts)
	}
	opts = append(opts, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.RequiredAcks(kgo.AllISRAcks()))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	return &Console{topics, client}, nil
}

// Close ends the console.
func (c *Console) Close() { c.client.Close() }

// Send writes an event to the inbox, and returns when it is durable there. Unlike the
// methods below it does not look first whether that makes sense.
func (c *Console) Send(ctx context.Context, saga string, e sagas.Event) error {
	if saga == "" {
		return errors.New("console: a saga needs an id")
	}
	if c.topics.Inbox == "" {
		return errors.New("console: there is no topic to write to: name the inbox")
	}
	value, err := json.Marshal(e)
	if err == nil {
		_, err = sagas.ParseEvent(value)
	}
	if err == nil {
		err = c.client.ProduceSync(ctx, &kgo.Record{Topic: c.topics.Inbox, Key: []byte(saga), Value: value}).FirstErr()
	}
	if err != nil {
		return fmt.Errorf("console: saga %q: %w", saga, err)
	}
	return nil
}

// Start begins a saga by the newest version of a definition. Starting one twice is
// starting it once.
func (c *Console) Start[D any](ctx context.Context, saga, definition string, data D) error {
	return c.Send(ctx, saga, sagas.Start(definition, data))
}

// Signal tells a saga something that it may wait for. Signals with the same id count
// once.
func (c *Console) Signal[S any](ctx context.Context, saga, name, id string, data S) error {
	return c.ask(ctx, saga, sagas.Signal(name, id, data))
}

// Cancel ends a saga by compensating what it did.
func (c *Console) Cancel(ctx context.Context, saga, reason string) error {
	return c.ask(ctx, saga, sagas.Cancel(reason))
}

// RetryStep has a step, or the compensation of one, tried again at once, with the same
// key.
func (c *Console) RetryStep(ctx context.Context, saga, step string) error {
	return c.ask(ctx, saga, sagas.RetryStep(step))
}

// SkipStep takes a step, or the compensation of one, as settled by hand, if it is parked
// or between two attempts.
func (c *Console) SkipStep(ctx context.Context, saga, step string) error {
	return c.ask(ctx, saga, sagas.SkipStep(step))
}

// FailStep takes a step as failed, with nothing left of it, if it is parked or between
// two attempts.
func (c *Console) FailStep(ctx context.Context, saga, step string) error {
	return c.ask(ctx, saga, sagas.FailStep(step))
}

// ask sends an event, if it makes sense for the saga as it was last published.
func (c *Console) ask(ctx context.Context, saga string, e sagas.Event) error {
	i, err := c.Get(ctx, saga)
	if err != nil {
		return err
	}
	if why := i.Refuses(e); why != "" {
		return fmt.Errorf("console: saga %q: %w: %s", saga, ErrRefused, why)
	}
	return c.Send(ctx, saga, e)
}
