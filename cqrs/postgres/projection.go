package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Event is an event as a handler sees it.
type Event[E any] struct {
	events.Received[E]
	// Replaying says that the active version has had this event already, so that what
	// should happen once only is to be left out.
	Replaying bool
}

// handler handles one event in a transaction.
type handler func(ctx context.Context, tx pgx.Tx, e events.Event, key string, at record.Metadata, replaying bool) error

// Projection makes a read model in PostgreSQL.
type Projection struct {
	pool     *pgxpool.Pool
	name     string
	version  int
	handlers map[string][]handler
	create   func(context.Context, pgx.Tx) error
	onSwitch func(context.Context, pgx.Tx) error
	faults   []error
	// Pausable pauses the projection on a worker, whose tables stay as they are then.
	events.Pausable
}

var nameRule = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// New begins a version of a projection, from 1. The name is part of the names of tables:
// lower-case letters, digits and _. The pool stays the caller's.
func New(pool *pgxpool.Pool, name string, version int) *Projection {
	p := &Projection{pool: pool, name: name, version: version, handlers: map[string][]handler{}}
	none := func(context.Context, pgx.Tx) error { return nil }
	p.create, p.onSwitch = none, none
	if !nameRule.MatchString(name) || version < 1 {
		p.faults = append(p.faults, fmt.Errorf("postgres: projection %q, version %d: a name has lower-case letters, digits and _, and versions begin with 1", name, version))
	}
	return p
}

// Create makes the tables of the version, in a transaction, when the first worker of it
// starts.
func (p *Projection) Create(f func(context.Context, pgx.Tx) error) *Projection {
	p.create = f
	return p
}

// OnSwitch is called in the transaction in which the version becomes the active one, to
// point views at its tables.
func (p *Projection) OnSwitch(f func(context.Context, pgx.Tx) error) *Projection {
	p.onSwitch = f
	return p
}

// Table is the name of a table of this version.
func (p *Projection) Table(name string) string { return fmt.Sprintf("%s_v%d", name, p.version) }

// On adds a handler for a type of event. It does what it has to do by the transaction.
// An error takes the event back as a whole and is handled by the worker's policy for
// processing.
func (p *Projection) On[E any](eventType string, handle func(context.Context, pgx.Tx, Event[E]) error) *Projection {
	if eventType == "" || handle == nil {
		p.faults = append(p.faults, fmt.Errorf("postgres: projection %q: a handler needs a type and a function, got type %q", p.name, eventType))
		return p
	}
	p.handlers[eventType] = append(p.handlers[eventType], func(ctx context.Context, tx pgx.Tx, e events.Event, key string, at record.Metadata, replaying bool) error {
		payload, err := e.Payload[E]()
		if err != nil {
			return &processors.DecodeError{Part: "value", Err: err}
		}
		return handle(ctx, tx, Event[E]{events.Received[E]{Event: e, Payload: payload, Key: key, At: at}, replaying})
	})
	return p
}

// Topology is the application of this version, named name-v1, name-v2 and so on: it
// reads the events of a topic.
func (p *Projection) Topology(topic string, options ...events.ReadOption) *topology.Builder {
	b := topology.New(fmt.Sprintf("%s-v%d", p.name, p.version))
	for _, fault := range p.faults {
		b.Fault(fault)
	}
	if p.pool == nil {
		b.Fault(fmt.Errorf("postgres: projection %q: it was given no pool", p.name))
	}
	pipelines := events.NewPipelines(b)
	p.Pausable = pipelines.Pausable(p.name + "-gate")
	pipelines.Through(p.name+"-gate", events.Read(b, topic, append(options, events.Named(p.name+"-events"))...).Stream()).
		ProcessValues(p.open, topology.Named(p.name))
	return b
}

// switchEvery is how often a version that is not active looks whether it has caught up.
const switchEvery = time.Second

func (p *Projection) open(c *processors.ValueContext[string, events.Event]) (processors.ValueProcessor[string, events.Event], error) {
	w := &projector{p: p, c: c}
	if err := p.prepare(c.Context()); err != nil {
		return nil, err
	}
	_, err := c.Schedule(switchEvery, processors.WallClockTime, w.look)
	return w, err
}

// projector is the projection in one task.
type projector struct {
	p *Projection
	c *processors.ValueContext[string, events.Event]
	// active says that the version is, or was, the active one.
	active bool
}

// errApplied ends the transaction of an event that was applied before.
var errApplied = errors.New("applied already")

// Process applies one event.
func (w *projector) Process(r record.Fixed[string, events.Event]) error {
	ctx, at := w.c.Context(), w.c.Source
	err := pgx.BeginFunc(ctx, w.p.pool, func(tx pgx.Tx) error {
		replaying, err := w.p.advance(ctx, tx, at, w.active)
		if err != nil {
			return err
		}
		for _, handle := range w.p.handlers[r.Value.Type] {
			if err := handle(ctx, tx, r.Value, r.Key(), at, replaying); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, errApplied) {
		w.c.Drop("already in the model")
		return nil
	}
	return err
}

// look makes the version the active one, if it has caught up.
func (w *projector) look(int64) (err error) {
	if !w.active {
		w.active, err = w.p.trySwitch(w.c.Context())
	}
	return err
}
