package redis

import (
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"slices"
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
// sinks made with connectors.To. Of the options it heeds Tagged.
func NewTarget(client redis.UniversalClient, options ...Option) connectors.Target[Op] {
	var set settings
	for _, o := range options {
		o.apply(&set)
	}
	return &target{client: client, tagged: set.tagged}
}

// Open implements connectors.Target.
func (t *target) Open(_ context.Context, of connectors.Task) (connectors.Session[Op], error) {
	if t.client == nil {
		return nil, errors.New("redis: there is no client: make one with redis.NewClient")
	}
	if many(t.client) && !t.tagged {
		return nil, errors.New("redis: a cluster applies only the keys of one slot together: give the sink the option Tagged")
	}
	tag := fmt.Sprintf("{%s/%s:%d}", of.Application, of.Sink, of.Partition)
	s := &session{client: t.client, id: rand.Text(), keys: []string{"tidemill:" + tag, "tidemill:" + tag + ":versions"}}
	if t.tagged {
		s.tag = tag
	}
	return s, nil
}

// many says that the keys are on several servers.
func many(client redis.UniversalClient) bool {
	switch client.(type) {
	case *redis.ClusterClient, *redis.Ring:
		return true
	}
	return false
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
	// args, differ and from are reused.
	args   []any
	differ []int
	from   []byte
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
	clear(s.args) // the items are not ours to keep
	if err != nil {
		return nil, classify(err)
	}
	if len(answer) != 2 || answer[0] == "moved" {
		return nil, fmt.Errorf("redis: %s: %w", s.keys[0], connectors.ErrMoved)
	}
	s.token = token
	notes, err := decodeNotes(answer[1])
	if err != nil {
		return nil, err
	}
	return refusedOf(notes, token, b.Items)
}

// refusedOf are the items of a batch that were refused. That the user may not use a
// command or key is no record's fault: the records are noted, and come again once the
// user may.
func refusedOf(notes []note, token string, ops []Op) (refused []connectors.Refused, err error) {
	for _, n := range notes {
		if n.token != token {
			continue
		}
		if forbidden(n.reason) {
			return nil, fmt.Errorf("redis: key %q: %s", ops[n.item].args[1], n.reason)
		}
		refused = append(refused, connectors.Refused{Item: n.item, Err: errors.New("redis: " + n.reason)})
	}
	return refused, nil
}

// forbidden says whether the user lacks a right, as Redis 7.2 says it, and those before.
func forbidden(reason string) bool {
	return strings.HasPrefix(reason, "NOPERM") || strings.Contains(reason, "The user executing the script")
}

// encode makes the arguments of the script, which describes them. Strings are pointed
// to, so that they are not allocated again as values of interfaces.
func (s *session) encode(token string, b *connectors.Batch[Op]) {
	s.args = append(s.args[:0], s.token, token, b.Settled, s.origins(b), len(b.Positions))
	for i := range b.Positions {
		s.args = append(s.args, &b.Positions[i].Topic, &b.Positions[i].Next)
	}
	for ops := b.Items; len(ops) > 0; {
		n := 1
		for n < len(ops) && alike(&ops[0], &ops[n]) {
			n++
		}
		s.run(ops[:n])
		ops = ops[n:]
	}
}

// run appends ops that are alike. What is the same in all of them, such as the name of a
// stream, is sent once: most of what a script costs Redis is its arguments.
func (s *session) run(ops []Op) {
	first := &ops[0]
	s.differ = differing(s.differ[:0], ops)
	if n := first.gathers(); n > 1 && !slices.Contains(s.differ, 1) {
		for some := range slices.Chunk(ops, n) {
			s.gather(some)
		}
		return
	}
	s.args = append(s.args, len(ops), 1, first.size())
	commands := len(s.args)
	s.args = append(s.args, 0)
	for _, end, ok := first.command(0); ok; _, end, ok = first.command(len(s.args) - commands - 1) {
		s.args = append(s.args, end)
	}
	s.args[commands] = len(s.args) - commands - 1
	s.args = append(s.args, len(s.differ))
	for _, i := range s.differ {
		s.args = append(s.args, i+1)
	}
	for i := range first.size() {
		s.args = append(s.args, s.argument(first, i))
	}
	for o := range ops {
		for _, i := range s.differ {
			s.args = append(s.args, s.argument(&ops[o], i))
		}
	}
}

// gather appends ops that are alike and have the same key as one command.
func (s *session) gather(ops []Op) {
	first := &ops[0]
	size := 2 + len(ops)*(len(first.args)-2)
	s.args = append(s.args, 1, len(ops), size, 1, size, 0, s.argument(first, 0), s.argument(first, 1))
	for o := range ops {
		for i := 2; i < len(first.args); i++ {
			s.args = append(s.args, &ops[o].args[i])
		}
	}
}

// argument is one of an op, with the tag before keys.
func (s *session) argument(o *Op, i int) any {
	if s.tag != "" && o.isKey(i) {
		return s.tag + o.args[i]
	}
	return o.argument(i)
}

// origins tells where the items came from, as the script reads it.
func (s *session) origins(b *connectors.Batch[Op]) []byte {
	s.from = s.from[:0]
	for _, o := range b.Origins {
		number := slices.IndexFunc(b.Positions, func(p connectors.Position) bool { return p.Topic == o.Topic })
		s.from = strconv.AppendInt(s.from, int64(number+1), 10)
		s.from = append(s.from, ',')
		s.from = strconv.AppendInt(s.from, o.Offset, 10)
		s.from = append(s.from, ';')
	}
	return s.from
}

// Close implements connectors.Session. The client is the user's.
func (s *session) Close() error { return nil }
