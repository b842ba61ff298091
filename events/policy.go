package events

import (
	"errors"
	"strconv"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Policy says what happens with an event that cannot be handled. The zero Policy is
// Fail.
type Policy struct {
	ignore bool
	letter bool
	topic  string
}

// Fail hands the event to the worker's policy for decoding, which by default ends it.
func Fail() Policy { return Policy{} }

// Ignore drops the event and counts it.
func Ignore() Policy { return Policy{ignore: true} }

// DeadLetter writes the record as it was read, with its headers and some that say what
// happened (__streams.errors.*, as in Kafka Streams), to a topic and goes on. The
// topic is part of the topology, and has to exist.
func DeadLetter(topic string) Policy { return Policy{letter: true, topic: topic} }

// err is what is wrong with the policy.
func (p Policy) err() error {
	if p.letter && p.topic == "" {
		return errors.New("events: a dead-letter policy needs the name of a topic")
	}
	return nil
}

// letterHeaders are those of a dead letter: the record's own, and what happened.
func letterHeaders(c *processors.Task, node string, own record.Headers, reason string, err error) record.Headers {
	out := append(make(record.Headers, 0, len(own)+7), own...)
	for _, h := range [...][2]string{
		{"exception", reason},
		{"message", err.Error()},
		{"topic", c.Source.Topic},
		{"partition", strconv.Itoa(int(c.Source.Partition))},
		{"offset", strconv.FormatInt(c.Source.Offset, 10)},
		{"node", node},
		{"stage", string(record.Decode)},
	} {
		out = append(out, record.Header{Key: "__streams.errors." + h[0], Value: []byte(h[1])})
	}
	return out
}

// outlet is what a stage of this package forwards through: a node of events on lanes.
type outlet = processors.ValueContext[string, Event]

// apply does with an event what the policy says. reason is what it is counted as.
func (p Policy) apply(c *outlet, r record.Fixed[string, Event], reason string, err error) error {
	switch {
	case p.ignore:
		c.Drop(reason)
		return nil
	case !p.letter:
		return &processors.DecodeError{Part: "value", Err: err}
	}
	c.Drop(reason)
	r.Value = r.Value.on(letters)
	r.Value.note.topic = p.topic
	r.Headers = letterHeaders(c.Task, c.Node(), r.Headers, reason, err)
	return c.Forward(r)
}

// branch is the part of a stage's output that is on a lane.
func branch(s *topology.Stream[string, Event], l lane, name string) *topology.Stream[string, Event] {
	return s.Filter(func(_ string, e Event) bool { return e.lane() == l }, topology.Named(name))
}

// letterbox writes the dead letters of a stage, if its policies have any.
func letterbox(s *topology.Stream[string, Event], name string, policies ...Policy) {
	written := map[string]bool{}
	for _, p := range policies {
		if p.topic == "" || written[p.topic] {
			continue
		}
		written[p.topic] = true
		node := name + "-letters-" + p.topic
		s.Filter(func(_ string, e Event) bool { return e.lane() == letters && e.note.topic == p.topic }, topology.Named(node)).
			To(p.topic, topology.Named(node+"-sink"), topology.ValueSerde(unread))
	}
}
