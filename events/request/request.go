package request

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/serde"
)

// Stats count what has become of requests.
type Stats struct {
	// Sent is how many were made, and Waiting how many still wait.
	Sent, Waiting int64
	// Answered had a reply, an error included; TimedOut and Cancelled had none when
	// their time or their context ended; Failed could not be written.
	Answered, TimedOut, Cancelled, Failed int64
	// Late replies came when their request had ended without one, and Duplicate when it
	// had one already. Both are dropped.
	Late, Duplicate int64
}

// Stats are the counts so far.
func (c *Client) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Waiting = int64(len(c.waiting))
	return s
}

// Call is how a request differs from what is usual. The zero Call is the usual one.
type Call struct {
	// ID makes a request that is sent again the same one: it is answered with the first
	// reply. It goes to the same partition only if it has the same key.
	ID string
	// Key is that of the record; requests of one key are handled in order. It is the id
	// by default.
	Key string
	// Traceparent is the W3C trace context that the request belongs to.
	Traceparent string
}

type reply struct {
	value []byte
	err   error
}

// Request sends a payload to a topic, encoded as JSON, and waits for the reply. The
// error is a *ReplyError if the reply says so, ErrTimeout or ErrClosed, that of ctx, or
// says why the request could not be written.
func (c *Client) Request[Req, Res any](ctx context.Context, topic string, payload Req, timeout time.Duration) (Res, error) {
	return c.Do[Req, Res](ctx, topic, payload, timeout, Call{})
}

// Do is Request for a call that is not the usual one.
func (c *Client) Do[Req, Res any](ctx context.Context, topic string, payload Req, timeout time.Duration, call Call) (res Res, err error) {
	value, err := serde.JSON[Req]().Append([]byte{}, payload)
	if err != nil {
		return res, fmt.Errorf("request: %w", err)
	}
	value, err = c.roundTrip(ctx, &kgo.Record{Topic: topic, Value: value}, timeout, call)
	if err != nil {
		return res, fmt.Errorf("request to %q: %w", topic, err)
	}
	if res, err = serde.JSON[Res]().Decode(value); err != nil {
		return res, fmt.Errorf("request to %q: the reply: %w", topic, err)
	}
	return res, nil
}

// roundTrip writes a request and waits for what becomes of it.
func (c *Client) roundTrip(ctx context.Context, r *kgo.Record, timeout time.Duration, call Call) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, ErrTimeout)
	defer cancel()
	id, wait, err := c.begin(call.ID)
	if err != nil {
		return nil, err
	}
	r.Key = []byte(cmp.Or(call.Key, id))
	r.Headers = []kgo.RecordHeader{
		{Key: events.HeaderRequest, Value: []byte(id)},
		{Key: events.HeaderReplyTo, Value: []byte(c.replies)},
		{Key: events.HeaderReplyPartition, Value: strconv.AppendInt(nil, int64(c.partition), 10)},
	}
	if call.Traceparent != "" {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: "traceparent", Value: []byte(call.Traceparent)})
	}
	c.kafka.Produce(ctx, r, func(_ *kgo.Record, err error) {
		if err != nil && ctx.Err() == nil {
			c.failed(id, err)
		}
	})
	select {
	case got := <-wait:
		return got.value, got.err
	case <-ctx.Done():
		return c.abandon(id, wait, context.Cause(ctx))
	}
}

// begin enters a request.
func (c *Client) begin(id string) (string, <-chan reply, error) {
	wait := make(chan reply, 1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	id = cmp.Or(id, c.nextID())
	switch {
	case c.closed:
		return id, nil, ErrClosed
	case c.waiting[id] != nil:
		return id, nil, fmt.Errorf("a request with id %q waits for its reply already: give this one another", id)
	}
	c.waiting[id] = wait
	c.stats.Sent++
	return id, wait, nil
}

// failed ends a request that could not be written.
func (c *Client) failed(id string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wait, ok := c.waiting[id]; ok {
		c.finish(id, false)
		c.stats.Failed++
		wait <- reply{err: err}
	}
}

// abandon ends a request whose time is over, unless its outcome has just come.
func (c *Client) abandon(id string, wait <-chan reply, cause error) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case got := <-wait:
		return got.value, got.err
	default:
	}
	c.finish(id, false)
	if errors.Is(cause, ErrTimeout) {
		c.stats.TimedOut++
	} else {
		c.stats.Cancelled++
	}
	return nil, cause
}
