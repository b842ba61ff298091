package upkeep

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

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

// Client is a connection to a cluster. It is safe for concurrent use.
type Client struct {
	options []kgo.Opt
	kafka   *kgo.Client
	admin   *kadm.Client
}

// Open returns a client. It connects when it is first used. The caller closes it.
func Open(options ...Option) (*Client, error) {
	c := &Client{}
	for _, o := range options {
		o.apply(&c.options)
	}
	var err error
	if c.kafka, err = kgo.NewClient(c.options...); err != nil {
		return nil, fmt.Errorf("upkeep: %w", err)
	}
	c.admin = kadm.NewClient(c.kafka)
	return c, nil
}

// Close ends the client.
func (c *Client) Close() { c.kafka.Close() }

// group describes the consumer group of an application; state Dead is that there is
// none.
func (c *Client) group(ctx context.Context, application string) (kadm.DescribedGroup, error) {
	groups, err := c.admin.DescribeGroups(ctx, application)
	if err != nil {
		return kadm.DescribedGroup{}, fmt.Errorf("upkeep: application %q: %w", application, err)
	}
	g := groups[application]
	if errors.Is(g.Err, kerr.GroupIDNotFound) {
		g.State, g.Err = "Dead", nil
	}
	if g.Err != nil {
		return g, fmt.Errorf("upkeep: application %q: %w", application, g.Err)
	}
	return g, nil
}

// committed are the offsets of an application, by topic and partition.
func (c *Client) committed(ctx context.Context, application string) (kadm.OffsetResponses, error) {
	offsets, err := c.admin.FetchOffsets(ctx, application)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return nil, fmt.Errorf("upkeep: offsets of application %q: %w", application, err)
	}
	return offsets, nil
}
