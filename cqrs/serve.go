package cqrs

import (
	"errors"
	"fmt"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// Topics are where commands come from and what they lead to goes. All have to exist,
// and Commands and Events need as many partitions. An empty Replies is none.
type Topics struct{ Commands, Events, Replies string }

// ServeOption is an option of Serve.
type ServeOption interface{ serve(*serving) }

type serving struct {
	read    []events.ReadOption
	publish []events.PublishOption
	replies []events.PublishOption
	memory  time.Duration
}

type serveOption func(*serving)

func (o serveOption) serve(s *serving) { o(s) }

// Reading gives options for reading commands, such as events.OnUndecodable.
func Reading(options ...events.ReadOption) ServeOption {
	return serveOption(func(s *serving) { s.read = append(s.read, options...) })
}

// Writing gives options for writing events and replies, such as events.CloudEventsBinary.
func Writing(options ...events.PublishOption) ServeOption {
	return serveOption(func(s *serving) {
		s.publish, s.replies = append(s.publish, options...), append(s.replies, options...)
	})
}

// Remember is how long the outcome of a command is kept to answer duplicates with, in
// event time; a day by default. It is kept for at most twice as long.
func Remember(d time.Duration) ServeOption { return serveOption(func(s *serving) { s.memory = d }) }

// Served is what goes out of a bus or an aggregate.
type Served struct {
	events, replies *topology.Stream[string, events.Event]
}

// Events is the stream of the events that commands led to, as they are published.
func (s *Served) Events() *topology.Stream[string, events.Event] { return s.events }

// Replies is the stream of the outcomes.
func (s *Served) Replies() *topology.Stream[string, events.Event] { return s.replies }

// executor decides on a command that has passed all validators. A record without a
// value, in what it tells, erases an event.
type executor interface {
	execute(k kind, c Command, payload any) (told []record.Record[string, events.Event], version int64, err error)
}

// executes makes the executor of one task. It is nil for a bus.
type executes struct {
	make  func(c *processors.Task) (executor, error)
	store topology.StoreRef
}

func serve(b *topology.Builder, bus *Bus, topics Topics, how *executes, options []ServeOption) *Served {
	set := serving{memory: 24 * time.Hour}
	for _, o := range options {
		o.serve(&set)
	}
	outcomes := events.NewMemory(bus.name+"-outcomes", set.memory)
	b.Fault(outcomes.Err())
	stores := topology.StoresOption{outcomes.Store()}
	if how != nil {
		stores = append(stores, how.store)
	}
	stage := events.Read(b, topics.Commands, append([]events.ReadOption{events.Named(bus.name + "-commands")}, set.read...)...).Stream().
		Process(func(c *processors.Context[string, events.Event]) (processors.Processor[string, events.Event], error) {
			d := &desk{c: c, bus: bus, exec: plainly{c.Task, bus.name}}
			var err, fault error
			if d.outcomes, err = outcomes.In(c.Task); err == nil && how != nil {
				d.exec, fault = how.make(c.Task)
			}
			return d, errors.Join(err, fault)
		}, topology.Named(bus.name), stores)
	out := &Served{events: pass(stage, bus.name+"-events"), replies: pass(stage, bus.name+"-replies")}
	events.Publish(out.events, topics.Events, append(set.publish, events.Named(bus.name+"-publish"))...)
	if topics.Replies != "" {
		events.Publish(out.replies, topics.Replies, append(set.replies, events.Named(bus.name+"-reply"))...)
	}
	return out
}

// pass is a node that a desk forwards to by its name.
func pass(s *topology.Stream[string, events.Event], name string) *topology.Stream[string, events.Event] {
	return s.ProcessValues(func(c *processors.ValueContext[string, events.Event]) (processors.ValueProcessor[string, events.Event], error) {
		return processors.ValueFunc[string, events.Event](c.Forward), nil // a Filter would drop tombstones
	}, topology.Named(name))
}

// desk handles the commands of one task.
type desk struct {
	c        *processors.Context[string, events.Event]
	bus      *Bus
	exec     executor
	outcomes *events.Answers
}

// Process handles one command.
func (d *desk) Process(r record.Record[string, events.Event]) error {
	first, known, err := d.remembered(r.Value.ID)
	if err != nil {
		return err
	}
	if known {
		first.Duplicate = true
		return d.reply(r, first)
	}
	outcome, told, err := d.decide(r)
	if err != nil {
		return err
	}
	for _, one := range told {
		one.Timestamp, one.Headers = r.Timestamp, r.Headers
		if err := d.c.ForwardTo(d.bus.name+"-events", one); err != nil {
			return err
		}
	}
	if err := d.remember(outcome); err != nil {
		return err
	}
	return d.reply(r, outcome)
}

// decide validates a command and has it executed.
func (d *desk) decide(r record.Record[string, events.Event]) (Outcome, []record.Record[string, events.Event], error) {
	c, faults := ofEvent(r)
	outcome := Outcome{CommandID: c.ID, AggregateID: c.AggregateID}
	k, payload, more := d.bus.open(c)
	if faults = append(faults, more...); len(faults) > 0 {
		outcome.Faults = ordered(faults)
		return outcome, nil, nil
	}
	told, version, err := d.exec.execute(k, c, payload)
	if faults := faultsOf(err); len(faults) > 0 {
		outcome.Faults, outcome.Version = ordered(faults), version
		return outcome, nil, nil
	}
	outcome.Accepted, outcome.Version = true, version
	for _, one := range told {
		if !one.Tombstone {
			outcome.Events = append(outcome.Events, one.Value.ID)
		}
	}
	return outcome, told, err
}

func (d *desk) reply(r record.Record[string, events.Event], o Outcome) error {
	return d.c.ForwardTo(d.bus.name+"-replies", record.WithValue(r, o.event(r.Value)))
}

// remembered is the outcome of a command that was handled before.
func (d *desk) remembered(id string) (o Outcome, ok bool, err error) {
	data, ok, err := d.outcomes.Recall(id)
	if err == nil && ok {
		o, err = decodeOutcome(data)
	}
	return o, ok, err
}

func (d *desk) remember(o Outcome) error {
	data, err := o.encode()
	if err != nil {
		return err
	}
	return d.outcomes.Keep(o.CommandID, data)
}

// plainly executes commands that change no aggregate.
type plainly struct {
	task *processors.Task
	name string
}

func (p plainly) execute(k kind, c Command, payload any) (told []record.Record[string, events.Event], version int64, err error) {
	out, err := k.handle(p.task.Context(), nil, c, payload)
	for i, e := range out {
		if e.ID == "" {
			e.ID = fmt.Sprintf("%s/%s/%d", p.name, c.ID, i+1)
		}
		e = e.CausedBy(c.envelope)
		told = append(told, record.Record[string, events.Event]{Key: c.AggregateID, Value: e})
	}
	return told, 0, err
}
