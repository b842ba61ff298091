package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/record"
)

// Group is a consumer of a stream's group. Give each process a Consumer of its own that
// stays the same when it comes back.
type Group struct {
	Stream, Name, Consumer string
	// Claim is after how long without an acknowledgement entries are taken from other
	// consumers of the group, 1 minute if it is 0.
	Claim time.Duration
	// Count is how many entries are read at once, 1000 if it is 0.
	Count int64
}

// Entries is the source of a stream, read by a consumer group, which is made if it is not
// there and begins with the first entry. Entries come at least once: those that were not
// acknowledged come again, to another consumer if this one does not come back. What is
// lost: entries that the stream trims before they are read, and what Redis itself loses.
// If the group is lost with Redis' data, it begins with the first entry again. Consumers
// of one group share the stream, so that its order holds only while there is one.
//
// message makes a message of an entry; KeyAndValue takes what sinks here write.
func Entries(client redis.UniversalClient, g Group, message func(id string, fields map[string]string) connectors.Message) connectors.Source {
	if g.Claim == 0 {
		g.Claim = time.Minute
	}
	if g.Count == 0 {
		g.Count = 1000
	}
	return &entries{client: client, group: g, message: message, after: "0", cursor: "0-0"}
}

// KeyAndValue makes a message of the fields key and value, with all others as headers.
func KeyAndValue(id string, fields map[string]string) connectors.Message {
	m := connectors.Message{Headers: record.Headers{{Key: "redis.id", Value: []byte(id)}}}
	for name, value := range fields {
		switch name {
		case "key":
			m.Key = []byte(value)
		case "value":
			m.Value = []byte(value)
		default:
			m.Headers = append(m.Headers, record.Header{Key: name, Value: []byte(value)})
		}
	}
	return m
}

// entries is a source. after is where it goes on in what this consumer has not
// acknowledged, and > when that is done; claimed is when others' were last looked for.
type entries struct {
	client        redis.UniversalClient
	group         Group
	message       func(string, map[string]string) connectors.Message
	after, cursor string
	ready         bool
	claimed       time.Time
	ids           []string
}

// block is how long a read waits for entries.
const block = time.Second

// Read implements connectors.Source.
func (e *entries) Read(ctx context.Context) ([]connectors.Message, error) {
	if err := e.begin(ctx); err != nil {
		return nil, err
	}
	found, err := e.fetch(ctx)
	if err != nil {
		if strings.HasPrefix(err.Error(), "NOGROUP") {
			e.ready, e.after = false, "0"
			err = connectors.Unavailable(err) // it is made again
		}
		return nil, classify(err)
	}
	e.ids = e.ids[:0]
	var out []connectors.Message
	for _, f := range found {
		e.ids = append(e.ids, f.ID)
		if f.Values == nil {
			continue // was trimmed: acknowledged, or it would come for ever
		}
		fields := make(map[string]string, len(f.Values))
		for name, value := range f.Values {
			fields[name] = fmt.Sprint(value)
		}
		m := e.message(f.ID, fields)
		if m.Time.IsZero() {
			m.Time = timeOf(f.ID)
		}
		out = append(out, m)
	}
	return out, nil
}

func (e *entries) begin(ctx context.Context) error {
	switch {
	case e.ready:
		return nil
	case e.client == nil || e.group.Stream == "" || e.group.Name == "" || e.group.Consumer == "":
		return errors.New("redis: a source of entries needs a client, a Stream, the Name of a group and a Consumer")
	}
	err := e.client.XGroupCreateMkStream(ctx, e.group.Stream, e.group.Name, "0").Err()
	if err != nil && !strings.HasPrefix(err.Error(), "BUSYGROUP") {
		return classify(err)
	}
	e.ready = true
	return nil
}

// fetch reads first what this consumer has not acknowledged, then, now and then, what
// others have left, and else what is new.
func (e *entries) fetch(ctx context.Context) ([]redis.XMessage, error) {
	if e.after == ">" && time.Since(e.claimed) > e.group.Claim/2 {
		claimed, cursor, err := e.client.XAutoClaim(ctx, &redis.XAutoClaimArgs{
			Stream: e.group.Stream, Group: e.group.Name, Consumer: e.group.Consumer, MinIdle: e.group.Claim, Start: e.cursor, Count: e.group.Count,
		}).Result()
		if err != nil {
			return nil, err
		}
		if e.cursor = cursor; cursor == "0-0" {
			e.claimed = time.Now()
		}
		if len(claimed) > 0 {
			return claimed, nil
		}
	}
	streams, err := e.client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: e.group.Name, Consumer: e.group.Consumer, Streams: []string{e.group.Stream, e.after}, Count: e.group.Count, Block: block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := streams[0].Messages
	if e.after == ">" {
		return found, nil
	}
	if len(found) == 0 {
		e.after = ">"
		return nil, nil
	}
	e.after = found[len(found)-1].ID
	return found, nil
}

// timeOf is the time in the id of an entry.
func timeOf(id string) time.Time {
	text, _, _ := strings.Cut(id, "-")
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// Acknowledge implements connectors.Source.
func (e *entries) Acknowledge(ctx context.Context) error {
	if len(e.ids) == 0 {
		return nil
	}
	if err := e.client.XAck(ctx, e.group.Stream, e.group.Name, e.ids...).Err(); err != nil {
		return classify(err)
	}
	return nil
}

// Close implements connectors.Source. The client is the user's.
func (e *entries) Close() error { return nil }
