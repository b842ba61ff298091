package events

import (
	"regexp"
	"strings"

	"github.com/tidemill/tidemill/events/upcast"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Source is topics of events being read.
type Source struct {
	b       *topology.Builder
	name    string
	stage   *topology.Stream[string, Event]
	decoded *topology.Stream[string, Event]
}

// ReadOption is an option of Read.
type ReadOption interface{ read(*reading) }

type reading struct {
	name        string
	chains      *upcast.Chains
	undecodable Policy
	limit       int
	options     []topology.SourceOption
}

type readOption func(*reading)

func (o readOption) read(r *reading) { o(r) }

// Upcast brings every event to the newest version of its type before anyone sees it.
// One that cannot be is treated as undecodable. The chains are checked when the
// topology is built.
func Upcast(chains *upcast.Chains) UpcastOption { return UpcastOption{chains} }

// UpcastOption is an option of everything that reads events.
type UpcastOption struct {
	// Chains are those to apply.
	Chains *upcast.Chains
}

func (o UpcastOption) read(r *reading) { r.chains = o.Chains }

// OnUndecodable says what happens with a record that is no event, lacks an id or a
// type, or is of a version that cannot be brought to the newest. The default is Fail.
func OnUndecodable(p Policy) ReadOption { return readOption(func(r *reading) { r.undecodable = p }) }

// FromLatest starts at the end of a partition for which nothing is committed.
func FromLatest() ReadOption {
	return readOption(func(r *reading) { r.options = append(r.options, topology.FromLatest()) })
}

// Named names the nodes of a stage, which otherwise are named after the topics.
func Named(name string) NameOption { return NameOption(name) }

// NameOption is an option of everything that adds nodes to a topology.
type NameOption string

func (n NameOption) read(r *reading)       { r.name = string(n) }
func (n NameOption) publish(p *publishing) { p.name = string(n) }

// Read reads the events of a topic, in whatever format each of them is. In the name of
// the topic, * stands for anything but a dot and ** for anything: threats.* are
// threats.raw and threats.eu, those created later included. Records without a value are dropped and counted: they
// erase events from compacted topics.
func Read(b *topology.Builder, topic string, options ...ReadOption) *Source {
	set := reading{name: "events-" + strings.ReplaceAll(topic, "*", "any")}
	for _, o := range options {
		o.read(&set)
	}
	return readSet(b, topic, set)
}

func readSet(b *topology.Builder, topic string, set reading) *Source {
	options := append([]topology.SourceOption{topology.ValueSerde(unread), topology.Named(set.name + "-source")}, set.options...)
	var raw *topology.Stream[string, Event]
	if strings.Contains(topic, "*") {
		raw = b.StreamPattern[string, Event](pattern(topic), options...)
	} else {
		raw = b.Stream[string, Event](topic, options...)
	}
	b.Fault(set.chains.Check())
	b.Fault(set.undecodable.err())
	stage := raw.ProcessValues(func(c *outlet) (processors.ValueProcessor[string, Event], error) {
		return &reader{c, set}, nil
	}, topology.Named(set.name))
	letterbox(stage, set.name, set.undecodable)
	return &Source{b: b, name: set.name, stage: stage}
}

// pattern is the regular expression for a topic's name with stars.
func pattern(topic string) string {
	p := regexp.QuoteMeta(topic)
	p = strings.ReplaceAll(p, `\*\*`, `.+`)
	return strings.ReplaceAll(p, `\*`, `[^.]+`)
}

// Stream is all events of the source, for going on with the operators of a topology.
func (s *Source) Stream() *topology.Stream[string, Event] {
	if s.decoded == nil {
		s.decoded = branch(s.stage, handled, s.name+"-decoded")
	}
	return s.decoded
}

// reader decodes the events of one task.
type reader struct {
	c   *outlet
	set reading
}

// Process decodes one event.
func (p *reader) Process(r record.Fixed[string, Event]) error {
	if r.Tombstone {
		p.c.Drop("null value")
		return nil
	}
	raw := r.Value.note
	e, err := p.set.decode(raw.raw, r.Headers, r.Timestamp)
	if err == nil {
		e.Data, e.Version, err = p.set.chains.Apply(e.Type, e.Version, e.Data)
	}
	if err != nil {
		return p.set.undecodable.apply(p.c, r, "undecodable event", err)
	}
	e.note = raw
	r.Value = e
	return p.c.Forward(r)
}
