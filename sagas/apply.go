package sagas

import (
	"bytes"

	"github.com/tidemill/tidemill/record"
)

// apply makes the effects of an event durable: timers, the instance, and what is
// written to topics. All of it belongs to the unit of work of the event.
func (p *orchestration) apply(d *Definition, had []byte, next Instance, e Event, effects Effects) error {
	if effects.Useless != "" {
		p.c.Drop(dropUseless)
		effects.Audit = append(effects.Audit, Transition{
			Saga: next.ID, Definition: next.Definition, Version: next.Version, Step: e.Step,
			Note: string(e.Type) + " of no use", Error: effects.Useless, At: e.At,
		})
	}
	if err := p.keepTimers(next.ID, effects); err != nil {
		return err
	}
	if err := p.keep(d, had, next, effects.Forget); err != nil {
		return err
	}
	for _, c := range effects.Commands {
		c.trace = tracing{next.Trace, next.TraceState}
		if err := p.command(d, c, e.At); err != nil {
			return err
		}
	}
	for _, a := range effects.Answers {
		a.Event.trace = tracing{next.Trace, next.TraceState}
		if err := p.toInbox(a.Saga, a.Event); err != nil {
			return err
		}
	}
	return p.tell(effects.Audit)
}

func (p *orchestration) keepTimers(saga string, effects Effects) error {
	for _, t := range effects.Cancelled {
		if err := p.agenda.cancel(entry{t.Due, t.Step, saga}); err != nil {
			return err
		}
	}
	for _, t := range effects.Timers {
		if err := p.agenda.set(entry{t.Due, t.Step, saga}); err != nil {
			return err
		}
	}
	return nil
}

// keep writes the instance, if it is not what is there already, and counts it.
func (p *orchestration) keep(d *Definition, had []byte, next Instance, forget bool) error {
	if forget {
		if _, _, err := p.sagas.Delete(next.ID); err != nil {
			return err
		}
		if err := p.count(p.definitions, d, -1); err != nil {
			return err
		}
		return p.publish(next.ID, nil, next.Changed)
	}
	if had == nil {
		if err := p.count(p.definitions, d, 1); err != nil {
			return err
		}
	}
	data, err := next.Encode()
	if err != nil || bytes.Equal(had, data) {
		return err
	}
	if err := p.sagas.Put(next.ID, data); err != nil {
		return err
	}
	return p.publish(next.ID, data, next.Changed)
}

// publish writes the newest state of a saga to its topic; nil is that it is gone.
func (p *orchestration) publish(saga string, data []byte, at int64) error {
	if p.Statuses == "" {
		return nil
	}
	return p.c.ForwardTo(p.sink(p.Statuses), record.Record[string, []byte]{Key: saga, Value: data, Tombstone: data == nil, Timestamp: at})
}

// command sends a command, has a function called or speaks to another saga.
func (p *orchestration) command(d *Definition, c Command, at int64) error {
	if c.Start != nil {
		start := *c.Start
		start.trace = c.trace
		return p.toInbox(c.RecordKey, start)
	}
	out := record.Record[string, []byte]{
		Key: c.RecordKey, Value: c.Data, Timestamp: at, Headers: c.trace.under(headersOf(c, definitionID(d.name, d.version), p.Inbox), c.ID),
	}
	if c.Topic != "" {
		return p.c.ForwardTo(p.sink(c.Topic), out)
	}
	out.Key = c.ID // calls of different commands do not wait for each other
	return p.c.ForwardTo(p.Name+functionsNode, out)
}

func (p *orchestration) toInbox(saga string, e Event) error {
	value, err := encode(e)
	if err != nil {
		return err
	}
	return p.c.ForwardTo(p.sink(p.Inbox), record.Record[string, []byte]{
		Key: saga, Value: value, Timestamp: p.c.Now, Headers: e.trace.under(nil, string(value)),
	})
}

// tell writes transitions to the audit.
func (p *orchestration) tell(audit []Transition) error {
	if p.Audit == "" {
		return nil
	}
	for _, t := range audit {
		value, err := encode(t)
		if err != nil {
			return err
		}
		if err := p.c.ForwardTo(p.sink(p.Audit), record.Record[string, []byte]{Key: t.Saga, Value: value, Timestamp: t.At}); err != nil {
			return err
		}
	}
	return nil
}
