package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
)

// Channels is the source of the messages on all channels that match one of the patterns,
// such as news.*; the key of a message is its channel. Channels have no memory, so this
// is at most once: what is published while nobody listens is lost, such as before the
// start, while the connection is broken, or if Kafka does not take records for a minute
// and more than a thousand wait. Run one of it, since each would get every message. For
// what must not be lost use streams, and Entries.
func Channels(client redis.UniversalClient, patterns ...string) connectors.Source {
	return &channels{client: client, patterns: patterns, message: func(m *redis.Message) connectors.Message {
		return connectors.Message{Key: []byte(m.Channel), Value: []byte(m.Payload)}
	}}
}

// Keyspace is the source of what happens to the keys of a database that match a pattern:
// the key of a message is the key, its value the event, such as set, del or expired.
// Redis has to publish it: notify-keyspace-events needs K and the events, such as KA.
// What is lost is what Channels loses. In a cluster every node tells of its own keys
// only, so that it needs a client for each.
func Keyspace(client redis.UniversalClient, db int, pattern string) connectors.Source {
	prefix := fmt.Sprintf("__keyspace@%d__:", db)
	c := &channels{client: client, patterns: []string{prefix + pattern}, keyspace: true}
	c.message = func(m *redis.Message) connectors.Message {
		return connectors.Message{Key: []byte(strings.TrimPrefix(m.Channel, prefix)), Value: []byte(m.Payload)}
	}
	return c
}

type channels struct {
	client   redis.UniversalClient
	patterns []string
	keyspace bool
	message  func(*redis.Message) connectors.Message
	listener *redis.PubSub
	arriving <-chan *redis.Message
}

// waiting is how many messages may wait.
const waiting = 1000

// Read implements connectors.Source.
func (c *channels) Read(ctx context.Context) ([]connectors.Message, error) {
	if err := c.listen(ctx); err != nil {
		return nil, err
	}
	var out []connectors.Message
	select {
	case m, ok := <-c.arriving:
		if !ok {
			return nil, errors.New("redis: the source is closed")
		}
		out = append(out, c.message(m))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for len(out) < waiting {
		select {
		case m, ok := <-c.arriving:
			if ok {
				out = append(out, c.message(m))
				continue
			}
		default:
		}
		break
	}
	return out, nil
}

// listen subscribes, and returns when Redis has said that it is so.
func (c *channels) listen(ctx context.Context) error {
	switch {
	case c.listener != nil:
		return nil
	case c.client == nil || len(c.patterns) == 0:
		return errors.New("redis: a source of channels needs a client and at least one pattern")
	}
	if c.keyspace {
		set, err := c.client.ConfigGet(ctx, "notify-keyspace-events").Result()
		if have, ok := set["notify-keyspace-events"]; err == nil && ok && !strings.Contains(have, "K") {
			return fmt.Errorf("redis: notify-keyspace-events is %q: set it to KA, or to K and the events that are wanted", have)
		}
	}
	listener := c.client.PSubscribe(ctx, c.patterns...)
	if _, err := listener.Receive(ctx); err != nil {
		_ = listener.Close()
		return classify(err)
	}
	c.listener, c.arriving = listener, listener.Channel(redis.WithChannelSize(waiting))
	return nil
}

// Acknowledge implements connectors.Source. Nobody waits for it.
func (c *channels) Acknowledge(context.Context) error { return nil }

// Close implements connectors.Source. The client is the user's.
func (c *channels) Close() error {
	if c.listener == nil {
		return nil
	}
	return c.listener.Close()
}
