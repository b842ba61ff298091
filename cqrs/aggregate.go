package cqrs

import (
	"context"
	"errors"
	"fmt"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/events/upcast"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// Aggregate is a kind of things, each of which is what its events have made of it.
// Its state S has to be encodable, and must not be changed in place.
type Aggregate[S any] struct {
	bus      *Bus
	evolve   map[string]func(S, events.Event) (S, error)
	store    topology.Store[*state.KeyValue[string, []byte]]
	chains   *upcast.Chains
	every    int64
	schema   uint32
	erasable bool
}

// NewAggregate begins a kind of aggregates. The name is the aggregate type in their
// events, and the prefix of nodes and stores.
func NewAggregate[S any](name string) *Aggregate[S] {
	return &Aggregate[S]{
		bus: NewBus(name), evolve: map[string]func(S, events.Event) (S, error){}, every: 100, schema: 1,
		store: topology.KeyValueStore[string, []byte](name+"-aggregates", topology.WithoutCache()), // the changelog has the writes in their order
	}
}

// Decide sets what decides on a type of command: it returns what happens, or an error,
// which rejects the command. It is a pure function. Validators are as those of
// Bus.Handle.
func (a *Aggregate[S]) Decide[C any](commandType string, decide func(S, Received[C]) ([]events.Event, error), validators ...func(C) []Fault) *Aggregate[S] {
	a.bus.add(commandType, decide == nil, kind{
		open: opener(a.bus.tags, validators),
		handle: func(_ context.Context, state any, c Command, payload any) ([]events.Event, error) {
			return decide(state.(S), Received[C]{c, payload.(C)})
		},
	})
	return a
}

// Evolve sets how a type of event changes the state. It is a pure function, and every
// type that Decide returns needs one.
func (a *Aggregate[S]) Evolve[E any](eventType string, evolve func(S, events.Received[E]) S) *Aggregate[S] {
	if _, twice := a.evolve[eventType]; twice || eventType == "" || evolve == nil {
		a.bus.faults = append(a.bus.faults, fmt.Errorf("cqrs: %s: Evolve needs a type that has none yet and a function, got type %q", a.bus.name, eventType))
		return a
	}
	a.evolve[eventType] = func(s S, e events.Event) (S, error) {
		payload, err := e.Payload[E]()
		if err != nil {
			return s, err
		}
		return evolve(s, events.Received[E]{Event: e, Payload: payload, Key: e.AggregateID}), nil
	}
	return a
}

// Validate adds a validator for all commands.
func (a *Aggregate[S]) Validate(v Validator) *Aggregate[S] {
	a.bus.Validate(v)
	return a
}

// Snapshots has the state saved whenever this many events have come since the last
// time, 100 by default, so that loading an aggregate reads fewer events than that. The
// schema is the version of S: a snapshot of another one is not used, and the state is
// made of the events again.
func (a *Aggregate[S]) Snapshots(every int, schema uint32) *Aggregate[S] {
	if every < 1 {
		a.bus.faults = append(a.bus.faults, fmt.Errorf("cqrs: %s: Snapshots every %d events: give at least 1", a.bus.name, every))
		return a
	}
	a.every, a.schema = int64(every), schema
	return a
}

// Upcast brings the events that are loaded to the newest version of their types.
func (a *Aggregate[S]) Upcast(chains *upcast.Chains) *Aggregate[S] {
	a.chains = chains
	return a
}

// Check returns all that is wrong with a command, as far as its aggregate does not
// matter.
func (a *Aggregate[S]) Check(c Command) []Fault { return a.bus.Check(c) }

// Rows is the store of the aggregates, for processors that load them with In. They
// must not write to it.
func (a *Aggregate[S]) Rows() topology.StoreRef { return a.store }

// Serve takes commands from a topic, as Bus.Serve does. The events of an aggregate have
// its id as key, and sequences from 1 on. Run the worker exactly once: at least once, a
// command whose worker is killed may be decided on twice.
func (a *Aggregate[S]) Serve(b *topology.Builder, topics Topics, options ...ServeOption) *Served {
	for _, fault := range a.bus.faults {
		b.Fault(fault)
	}
	b.Fault(a.chains.Check())
	if a.erasable {
		options = append(options, serveOption(func(s *serving) { s.publish = append(s.publish, events.KeyEach()) }))
	}
	return serve(b, a.bus, topics, &executes{store: a.store, make: func(t *processors.Task) (executor, error) {
		repository, err := a.In(t)
		return &deciding[S]{repository}, err
	}}, options)
}

// evolved is the state after an event.
func (a *Aggregate[S]) evolved(s S, e events.Event) (S, error) {
	data, version, err := a.chains.Apply(e.Type, e.Version, e.Data)
	if err != nil {
		return s, err
	}
	e.Data, e.Version = data, version
	evolve, ok := a.evolve[e.Type]
	if !ok {
		return s, fmt.Errorf("%w: %s has no Evolve for %q", events.ErrUnknown, a.bus.name, e.Type)
	}
	return evolve(s, e)
}

// deciding executes the commands of one task.
type deciding[S any] struct{ *Repository[S] }

func (d *deciding[S]) execute(k kind, c Command, payload any) (told []record.Record[string, events.Event], version int64, err error) {
	at, err := d.current(c.AggregateID)
	if err == nil {
		err = conflict(c.Expected, at.Version)
	}
	if err == nil && at.Erased {
		err = Reject("aggregateId", "%s %q was erased", d.of.bus.name, c.AggregateID)
	}
	if err != nil {
		return nil, at.Version, err
	}
	out, err := k.handle(context.Background(), at.State, c, payload)
	if err != nil {
		if len(faultsOf(err)) == 0 {
			err = Reject("", "%v", err)
		}
		return nil, at.Version, err
	}
	if len(out) == 1 && out[0].Type == eraseType {
		return d.erase(c, at.Version)
	}
	next := at
	for _, e := range out {
		e = d.of.complete(e, c, next.Version+1)
		if next.State, err = d.of.evolved(next.State, e); err != nil {
			return nil, at.Version, err
		}
		next.Version++
		if err := d.rows.append(e); err != nil {
			return nil, at.Version, err
		}
		told = append(told, record.Record[string, events.Event]{Key: c.AggregateID, Value: e})
	}
	return told, next.Version, d.save(c.AggregateID, next)
}

// complete makes an event that was decided on the one with a sequence.
func (a *Aggregate[S]) complete(e events.Event, c Command, sequence int64) events.Event {
	e = e.Of(a.bus.name, c.AggregateID)
	e.Sequence, e.ID = sequence, fmt.Sprintf("%s/%s/%d", a.bus.name, c.AggregateID, sequence)
	if e.Time.IsZero() {
		e.Time = c.Time
	}
	return e.CausedBy(c.envelope)
}

// save writes the head of an aggregate, and a snapshot if it is time for one.
func (d *deciding[S]) save(id string, s Loaded[S]) error {
	if s.Version-s.snapshot >= d.of.every {
		err := d.rows.setSnapshot(id, s.Version, d.of.schema, func(dst []byte) ([]byte, error) { return d.codec.Append(dst, s.State) })
		if err != nil {
			return fmt.Errorf("cqrs: snapshot of %s %q: %w", d.of.bus.name, id, err)
		}
		s.snapshot = s.Version
	}
	d.keep(id, s)
	if s.Version == 0 {
		return nil
	}
	return d.rows.setHead(id, head{version: s.Version, snapshot: s.snapshot})
}

// conflict compares the version that a command expects.
func conflict(expected, version int64) error {
	switch {
	case expected == 0 || expected == version || expected == Absent && version == 0:
		return nil
	case expected == Absent:
		return Reject("expectedVersion", "it exists already, in version %d", version)
	default:
		return Reject("expectedVersion", "expected version %d, it is %d", expected, version)
	}
}

var errNotErasable = errors.New("nothing keeps the topic of events from holding what is erased: make the aggregate Erasable")
