package sagas

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// The headers of events. The flow is the same for all events that one event from
// outside has led to; without the header, it is the key of the record.
const (
	HeaderFlow    = "correlation-id" // the flow
	HeaderCause   = "causation-id"   // the place of the event that led to this one
	HeaderService = "saga-service"   // the service that emitted it
)

// storeRef is the topology's, under a name that a struct of this package can have.
type storeRef = topology.StoreRef

// On declares that a service reacts to an event, whose value is JSON. An error of the
// reaction, or a panic, is handled by the worker's policy for processing; nothing of
// what it has emitted counts then.
func On[E any](event, service string, react func(*Moment, E) error) Reaction {
	return Reaction{event: event, service: service, react: func(m *Moment, data []byte) error {
		e, err := decode[E](data)
		if err != nil {
			return fmt.Errorf("sagas: service %q: event %q: %w", service, event, err)
		}
		return react(m, e)
	}}
}

// Uses connects the reaction with stores, which it opens with store.In(moment.Task).
func (r Reaction) Uses(stores ...topology.StoreRef) Reaction {
	r.uses = append(slices.Clip(r.uses), stores...)
	return r
}

// Moment is one event being reacted to. It is valid during the call of the reaction.
type Moment struct {
	// Flow is the id of the flow, Event the name of the event and Key the key of its
	// record.
	Flow, Event, Key string
	// Task is where stores are opened.
	Task *processors.Task
	// Headers are those of the event.
	Headers record.Headers

	p *reactor
	r record.Record[string, []byte]
}

// Emit emits an event, as JSON, with the key of the one that it follows from.
func (m *Moment) Emit[E any](event string, value E) error { return m.EmitKeyed(event, m.Key, value) }

// EmitKeyed is Emit with another key. The flow stays the same.
func (m *Moment) EmitKeyed[E any](event, key string, value E) error {
	if !slices.Contains(m.p.emits, event) {
		return fmt.Errorf("sagas: service %q does not declare that it emits event %q on %q: add it to Emits", m.p.service, event, m.Event)
	}
	data, err := encode(value)
	if err != nil {
		return fmt.Errorf("sagas: service %q: event %q: %w", m.p.service, event, err)
	}
	source := m.Task.Source
	cause := source.Topic + "-" + strconv.Itoa(int(source.Partition)) + "-" + strconv.FormatInt(source.Offset, 10)
	return m.p.c.ForwardTo(m.p.sink(event), record.Record[string, []byte]{
		Key: key, Value: data, Timestamp: m.r.Timestamp,
		Headers: tracingOf(m.r.Headers).under(untraced(m.r.Headers), cause+event+key).
			Without(HeaderFlow).Without(HeaderCause).Without(HeaderService).
			With(HeaderFlow, []byte(m.Flow)).With(HeaderCause, []byte(cause)).With(HeaderService, []byte(m.p.service)),
	})
}

// AddTo adds the reactions of the named services to a topology, or of all if none is
// named. It refuses a choreography that Check finds wrong.
func (c Choreography) AddTo(b *topology.Builder, services ...string) error {
	if err := c.Check(); err != nil {
		return err
	}
	for _, service := range services {
		if !slices.ContainsFunc(c.Reactions, func(r Reaction) bool { return r.service == service }) {
			return fmt.Errorf("sagas: choreography %q has no reaction of service %q", c.Name, service)
		}
	}
	for _, event := range c.Events() {
		reactions := c.reactionsTo(event, services)
		if len(reactions) == 0 {
			continue
		}
		in := b.Stream[string, []byte](event, topology.Named(c.Name+"-"+event))
		for _, r := range reactions {
			r.addTo(c.Name, in)
		}
	}
	return nil
}

func (r Reaction) node(choreography string) string {
	return choreography + "-" + r.service + "-" + r.event
}

func (r Reaction) addTo(choreography string, in *topology.Stream[string, []byte]) {
	name := r.node(choreography)
	out := in.Process(func(c *processors.Context[string, []byte]) (processors.Processor[string, []byte], error) {
		return &reactor{r, name, c}, nil
	}, topology.Named(name), topology.Stores(r.uses...))
	for _, event := range r.emits {
		out.To(event, topology.Named(name+"-to-"+event))
	}
}

// reactor is a reaction in one task.
type reactor struct {
	Reaction
	name string
	c    *processors.Context[string, []byte]
}

func (p *reactor) sink(event string) string { return p.name + "-to-" + event }

// Process reacts to one event.
func (p *reactor) Process(r record.Record[string, []byte]) error {
	if r.Tombstone {
		p.c.Drop("saga event without a value")
		return nil
	}
	flow := text(r.Headers, HeaderFlow)
	if flow == "" {
		flow = r.Key
	}
	return p.react(&Moment{Flow: flow, Event: p.event, Key: r.Key, Task: p.c.Task, Headers: r.Headers, p: p, r: r}, r.Value)
}
