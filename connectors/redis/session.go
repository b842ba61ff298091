package redis

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/tidemill/tidemill/connectors"
)

// target is a Redis that sinks write to.
type target struct {
	client redis.UniversalClient
	tagged bool
}

// NewTarget is the target that the sinks here write to, for the conformance kit and for
// sinks made with connectors.To.
func NewTarget(client redis.UniversalClient) connectors.Target[Op] { return &target{client: client} }

// Open implements connectors.Target.
func (t *target) Open(_ context.Context, of connectors.Task) (connectors.Session[Op], error) {
	if t.client == nil {
		return nil, errors.New("redis: there is no client: make one with redis.NewClient")
	}
	if _, cluster := t.client.(*redis.ClusterClient); cluster && !t.tagged {
		return nil, errors.New("redis: a cluster applies only the keys of one slot together: give the sink the option Tagged")
	}
	tag := fmt.Sprintf("{%s/%s:%d}", of.Application, of.Sink, of.Partition)
	s := &session{client: t.client, id: rand.Text(), keys: []string{"tidemill:" + tag, "tidemill:" + tag + ":versions"}}
	if t.tagged {
		s.tag = tag
	}
	return s, nil
}

// session writes for one task.
type session struct {
	client redis.UniversalClient
	// id is that of this session alone. A token is an id and the number of a batch.
	id   string
	keys []string
	tag  string
	// token is the one of the last batch that was applied.
	token string
	args  []any
}

// Load implements connectors.Session.
func (s *session) Load(ctx context.Context) (connectors.Stored, error) {
	var out connectors.Stored
	found, err := s.client.HGetAll(ctx, s.keys[0]).Result()
	if err != nil {
		return out, classify(err)
	}
	s.token = found["token"]
	for field, value := range found {
		topic, ok := strings.CutPrefix(field, "next:")
		if !ok {
			continue
		}
		next, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return out, fmt.Errorf("redis: the position in %s is damaged: %w", s.keys[0], err)
		}
		out.Positions = append(out.Positions, connectors.Position{Topic: topic, Next: next})
	}
	notes, err := decodeNotes(found["refused"])
	for _, n := range notes {
		if n.topic != "" {
			out.Refused = append(out.Refused, connectors.Origin{Topic: n.topic, Offset: n.offset})
		}
	}
	return out, err
}

//go:embed apply.lua
var source string

var script = redis.NewScript(source)

// Write implements connectors.Session.
func (s *session) Write(ctx context.Context, b *connectors.Batch[Op]) ([]connectors.Refused, error) {
	token := s.id + ":" + strconv.FormatInt(b.Number, 10)
	s.encode(token, b)
	answer, err := script.Run(ctx, s.client, s.keys, s.args...).StringSlice()
	clear(s.args)
	if err != nil {
		return nil, classify(err)
	}
	if len(answer) != 2 || answer[0] == "moved" {
		return nil, fmt.Errorf("redis: %s: %w", s.keys[0], connectors.ErrMoved)
	}
	s.token = token
	notes, err := decodeNotes(answer[1])
	var refused []connectors.Refused
	for _, n := range notes {
		if n.token == token {
			refused = append(refused, connectors.Refused{Item: n.item, Err: errors.New("redis: " + n.reason)})
		}
	}
	return refused, err
}

// encode makes the arguments of the script.
func (s *session) encode(token string, b *connectors.Batch[Op]) {
	topics := map[string]int{}
	args := append(s.args[:0], s.token, token, b.Settled, len(b.Positions))
	for i, p := range b.Positions {
		topics[p.Topic] = i + 1
		args = append(args, p.Topic, p.Next)
	}
	for i, o := range b.Items {
		from := b.Origins[i]
		fence, version := "", int64(0)
		if o.fenced {
			fence, version = o.key, o.version
		}
		args = append(args, topics[from.Topic], from.Offset, fence, version, len(o.commands))
		for _, c := range o.commands {
			args = append(args, len(c))
			for _, a := range c {
				if k, ok := a.(key); ok {
					a = s.tag + string(k)
				}
				args = append(args, a)
			}
		}
	}
	s.args = args
}

// Close implements connectors.Session. The client is the user's.
func (s *session) Close() error { return nil }
