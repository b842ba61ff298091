package events

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Received is an event with its payload decoded and where it was read.
type Received[T any] struct {
	Event
	Payload T
	// Key is the key of the record.
	Key string
	// At is where the record was read.
	At record.Metadata
}

// Subscription hands the events of a source to handlers by their type.
type Subscription struct {
	b         *topology.Builder
	name      string
	set       subscribing
	stage     *topology.Stream[string, Event]
	handlers  map[string][]handler
	passed    *topology.Stream[string, Event]
	reactions *topology.Stream[string, Event]
}

// handler handles one event; emit takes what it leads to.
type handler func(ctx context.Context, e Event, key string, at record.Metadata, emit func(Event)) error

// SubscribeOption is an option of Subscribe.
type SubscribeOption interface{ subscribe(*subscribing) }

type subscribing struct {
	unknown, undecodable Policy
	audit                string
}

type subscribeOption func(*subscribing)

func (o subscribeOption) subscribe(s *subscribing) { o(s) }

// OnUnknown says what happens with an event whose type has no handler. The default is
// Ignore.
func OnUnknown(p Policy) SubscribeOption {
	return subscribeOption(func(s *subscribing) { s.unknown = p })
}

// OnBadPayload says what happens with an event whose payload is not what a handler of
// its type takes. The default is Fail.
func OnBadPayload(p Policy) SubscribeOption {
	return subscribeOption(func(s *subscribing) { s.undecodable = p })
}

// Audit writes an AuditEntry to a topic for every event that the subscription has
// seen, in the same transaction as what the handlers lead to.
func Audit(topic string) SubscribeOption {
	return subscribeOption(func(s *subscribing) { s.audit = topic })
}

// Subscribe begins a subscription with no handlers, which On and React add. Several
// subscriptions of one source see all of its events, each in their order. The name is
// that of its nodes.
func (s *Source) Subscribe(name string, options ...SubscribeOption) *Subscription {
	sub := &Subscription{b: s.b, name: name, handlers: map[string][]handler{}, set: subscribing{unknown: Ignore()}}
	for _, o := range options {
		o.subscribe(&sub.set)
	}
	sub.stage = s.Stream().ProcessValues(func(c *outlet) (processors.ValueProcessor[string, Event], error) {
		return &subscriber{c: c, sub: sub}, nil
	}, topology.Named(name))
	s.b.Fault(sub.set.unknown.err())
	s.b.Fault(sub.set.undecodable.err())
	letterbox(sub.stage, name, sub.set.unknown, sub.set.undecodable)
	if sub.set.audit != "" {
		branch(sub.stage, audits, name+"-audit").To(sub.set.audit, topology.Named(name+"-audit-sink"), topology.ValueSerde(JSON.written()))
	}
	return sub
}

// On adds a handler for events of a type. Those of one type are called in the order in
// which they were added, and if one fails, the worker's policy for processing applies
// and none of them has had an effect on the topology.
func (s *Subscription) On[T any](eventType string, handle func(context.Context, Received[T]) error) *Subscription {
	return s.React(eventType, func(ctx context.Context, e Received[T]) ([]Event, error) { return nil, handle(ctx, e) })
}

// React is On for a handler that answers with events, which Reactions tells. They are
// caused by the event, have its trace, and are keyed by their aggregate when they are
// published.
func (s *Subscription) React[T any](eventType string, handle func(context.Context, Received[T]) ([]Event, error)) *Subscription {
	if handle == nil || eventType == "" {
		s.b.Fault(fmt.Errorf("events: subscription %q: a handler needs a type and a function, got type %q", s.name, eventType))
		return s
	}
	s.handlers[eventType] = append(s.handlers[eventType], func(ctx context.Context, e Event, key string, at record.Metadata, emit func(Event)) error {
		payload, err := e.Payload[T]()
		if err != nil {
			return err
		}
		out, err := handle(ctx, Received[T]{Event: e, Payload: payload, Key: key, At: at})
		for _, one := range out {
			emit(one.CausedBy(e))
		}
		return err
	})
	return s
}

// Stream is the events that handlers have handled.
func (s *Subscription) Stream() *topology.Stream[string, Event] {
	if s.passed == nil {
		s.passed = branch(s.stage, handled, s.name+"-handled")
	}
	return s.passed
}

// Reactions is what the handlers added with React have answered.
func (s *Subscription) Reactions() *topology.Stream[string, Event] {
	if s.reactions == nil {
		s.reactions = branch(s.stage, reactions, s.name+"-reactions")
	}
	return s.reactions
}

// subscriber is the subscription in one task.
type subscriber struct {
	c   *outlet
	sub *Subscription
	out []Event
}

// Process calls the handlers of one event.
func (p *subscriber) Process(r record.Fixed[string, Event]) error {
	handlers := p.sub.handlers[r.Value.Type]
	if len(handlers) == 0 {
		err := fmt.Errorf("%w: nothing handles %q", ErrUnknown, r.Value.Type)
		return errors.Join(p.sub.set.unknown.apply(p.c, r, "unknown event type", err), p.audit(r, "unknown", 0))
	}
	p.out = p.out[:0]
	for _, handle := range handlers {
		err := handle(p.c.Context(), r.Value, r.Key(), p.c.Source, func(e Event) { p.out = append(p.out, e) })
		if errors.Is(err, ErrUndecodable) {
			return errors.Join(p.sub.set.undecodable.apply(p.c, r, "undecodable payload", err), p.audit(r, "undecodable", 0))
		}
		if err != nil {
			return err
		}
	}
	return p.told(r, len(handlers))
}

// told forwards a handled event and what it led to.
func (p *subscriber) told(r record.Fixed[string, Event], handlers int) error {
	if err := p.audit(r, "handled", handlers); err != nil {
		return err
	}
	for _, e := range p.out {
		reaction := r
		reaction.Value = e.on(reactions)
		if err := p.c.Forward(reaction); err != nil {
			return err
		}
	}
	return p.c.Forward(r)
}
