package events

import (
	"errors"
	"fmt"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
)

// External is what another system says, as it was read.
type External struct {
	Key     string
	Value   []byte
	Headers record.Headers
	At      record.Metadata
}

// JSON decodes the value.
func (x External) JSON[T any]() (T, error) { return serde.JSON[T]().Decode(x.Value) }

// AdoptOption is an option of Adopt.
type AdoptOption interface{ adopt(*adopting) }

type adopting struct {
	name     string
	topic    string
	invalid  Policy
	dropped  func(External, error)
	validate []func(Event) error
	publish  []PublishOption
}

func (n NameOption) adopt(a *adopting) { a.name = string(n) }
func (f Format) adopt(a *adopting)     { a.publish = append(a.publish, f) }

type adoptOption func(*adopting)

func (o adoptOption) adopt(a *adopting) { o(a) }

// Validate adds a check of translated events. All checks are made, and what they find
// is reported together.
func Validate(check func(Event) error) AdoptOption {
	return adoptOption(func(a *adopting) { a.validate = append(a.validate, check) })
}

// OnInvalid says what happens with what cannot be translated, or is translated into
// something invalid. The default is Fail. Ignore drops it; it is counted either way,
// and the reason is in the dead letter.
func OnInvalid(p Policy) AdoptOption { return adoptOption(func(a *adopting) { a.invalid = p }) }

// OnDropped is called with what an Ignore policy drops and why, to log it. It may be
// called again for a record whose transaction was aborted.
func OnDropped(call func(External, error)) AdoptOption {
	return adoptOption(func(a *adopting) { a.dropped = call })
}

// Into is the topic that Adopt publishes to, instead of ExternalEvents.
func Into(topic string) AdoptOption { return adoptOption(func(a *adopting) { a.topic = topic }) }

// ExternalEvents is the topic that Adopt publishes to, unless Into says another.
const ExternalEvents = "external.events"

// Adopt is an anti-corruption layer: what another system says on a topic is translated
// into events of the domain, validated, and published to ExternalEvents, so that the
// other system's words go no further. A translation that returns no event and no error
// leaves the record out. One that wraps ErrRejected makes the record invalid like any
// other error, and is counted apart.
//
// The stream is of the events that were published.
func Adopt(b *topology.Builder, topic string, translate func(External) ([]Event, error), options ...AdoptOption) *topology.Stream[string, Event] {
	set := adopting{name: "adopt-" + topic, topic: ExternalEvents}
	for _, o := range options {
		o.adopt(&set)
	}
	b.Fault(set.invalid.err())
	if translate == nil {
		b.Fault(fmt.Errorf("events: Adopt of topic %q was given no translation", topic))
	}
	stage := b.Stream[string, Event](topic, topology.ValueSerde(unread), topology.Named(set.name+"-source")).
		ProcessValues(func(c *outlet) (processors.ValueProcessor[string, Event], error) {
			return &adopter{c: c, set: set, translate: translate}, nil
		}, topology.Named(set.name))
	letterbox(stage, set.name, set.invalid)
	adopted := branch(stage, handled, set.name+"-adopted")
	Publish(adopted, set.topic, append(set.publish, Named(set.name+"-publish"))...)
	return adopted
}

// adopter translates the records of one task.
type adopter struct {
	c         *outlet
	set       adopting
	translate func(External) ([]Event, error)
	ids       identifier
}

// Process translates one record.
func (p *adopter) Process(r record.Fixed[string, Event]) error {
	if r.Tombstone {
		p.c.Drop("null value")
		return nil
	}
	x := External{Key: r.Key(), Value: r.Value.note.raw, Headers: r.Headers, At: p.c.Source}
	out, err := p.translate(x)
	for i := range out {
		p.complete(&out[i], r)
		err = errors.Join(err, p.check(out[i]))
	}
	if err != nil {
		return p.refuse(r, x, err)
	}
	for _, e := range out {
		to := r
		to.Value = e
		if err := p.c.Forward(to); err != nil {
			return err
		}
	}
	return nil
}

// refuse does with a record what the policy says.
func (p *adopter) refuse(r record.Fixed[string, Event], x External, err error) error {
	if p.set.invalid.ignore && p.set.dropped != nil {
		p.set.dropped(x, err)
	}
	reason := "invalid external event"
	if errors.Is(err, ErrRejected) {
		reason = "rejected external event"
	}
	return p.set.invalid.apply(p.c, r, reason, err)
}

// complete gives an event what it lacks, so that it can be validated as a whole.
func (p *adopter) complete(e *Event, r record.Fixed[string, Event]) {
	if e.ID == "" {
		e.ID = p.ids.next(p.c.Task, p.set.name, r.Key(), *e)
	}
	if e.Time.IsZero() {
		e.Time = timeOf(r.Timestamp)
	}
}

// check makes all checks of an event.
func (p *adopter) check(e Event) error {
	err := e.Err()
	for _, check := range p.set.validate {
		err = errors.Join(err, check(e))
	}
	return err
}
