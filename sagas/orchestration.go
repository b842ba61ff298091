package sagas

import (
	"errors"
	"fmt"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// orchestration is the orchestrator of one task.
type orchestration struct {
	Orchestrator
	registry
	c           *processors.Context[string, []byte]
	sagas       rows
	definitions rows
	agenda      agenda
}

// The reasons for which events are counted as dropped.
const (
	dropMalformed = "saga event malformed"
	dropUnknown   = "saga not known"
	dropUseless   = "saga event of no use"
)

// mostTimers is how many timers come due between two records.
const mostTimers = 2000

// Process handles one event of one saga. What is wrong with it does not stop others.
func (p *orchestration) Process(r record.Record[string, []byte]) error {
	if r.NullKey || r.Key == "" {
		return p.refuse(r, dropMalformed, "the record has no key, which is the id of a saga")
	}
	e, err := ParseEvent(r.Value)
	if err != nil {
		return p.refuse(r, dropMalformed, err.Error())
	}
	e.Saga, e.At, e.trace = r.Key, p.c.Now, tracingOf(r.Headers)
	i, had, err := p.load(e.Saga)
	if err != nil {
		return err
	}
	if e.Type == EventQuery {
		return p.answer(had, e)
	}
	d, err := p.definition(i, e)
	switch {
	case err != nil:
		return err
	case d == nil && e.Type == EventStart:
		return p.stranger(r, e, fmt.Sprintf("there is no definition %q of version %d", e.Definition, e.Version))
	case d == nil:
		return p.stranger(r, e, "there is no saga "+e.Saga)
	}
	next, effects := Step(d, i, e)
	if next.ID == "" {
		return p.stranger(r, e, effects.Useless)
	}
	return p.apply(d, had, next, e, effects)
}

// definition is the one that an instance goes by, or is to be started with; nil if
// there is none to start with.
func (p *orchestration) definition(i Instance, e Event) (*Definition, error) {
	switch {
	case i.ID == "" && e.Type == EventStart:
		return p.find(e.Definition, e.Version), nil
	case i.ID == "":
		return nil, nil
	}
	d := p.find(i.Definition, i.Version)
	if d == nil {
		return nil, fmt.Errorf("sagas: saga %q goes by definition %s, which the orchestrator does not have: keep it until its sagas are forgotten", i.ID, definitionID(i.Definition, i.Version))
	}
	return d, nil
}

// load reads an instance and its encoding, which are zero if there is none.
func (p *orchestration) load(id string) (i Instance, data []byte, err error) {
	data, ok, err := p.sagas.Get(id)
	if err != nil || !ok {
		return i, nil, err
	}
	i, err = DecodeInstance(data)
	return i, data, err
}

// tick lets timers come due.
func (p *orchestration) tick(now int64) error {
	due, err := p.agenda.take(now, mostTimers)
	if err != nil {
		return err
	}
	for _, t := range due {
		e := Event{Type: EventTimer, Saga: t.owner, Step: t.name, Due: t.due, At: now}
		i, had, err := p.load(e.Saga)
		if err != nil {
			return err
		}
		d, err := p.definition(i, e)
		if err != nil {
			return err
		}
		if d == nil {
			p.c.Drop(dropUnknown)
			continue
		}
		next, effects := Step(d, i, e)
		if err := p.apply(d, had, next, e, effects); err != nil {
			return err
		}
	}
	return nil
}

// refuse leaves an event behind, in the topic of dead letters if there is one.
func (p *orchestration) refuse(r record.Record[string, []byte], reason, what string) error {
	return leave(p.c, r, left{reason, what, p.DeadLetters, p.sink(p.DeadLetters)})
}

// left is why a record is left behind, in which topic, if in any, and by which node.
type left struct{ reason, what, topic, sink string }

// leave counts and logs a record that is of no use, and keeps it as a dead letter.
func leave(c *processors.Context[string, []byte], r record.Record[string, []byte], l left) error {
	c.Drop(l.reason)
	if l.topic == "" {
		c.Report(errors.New(l.what), "skip")
		return nil
	}
	c.Report(errors.New(l.what), "dead letter")
	r.Headers = r.Headers.With(HeaderError, []byte(l.what))
	return c.ForwardTo(l.sink, r)
}

// stranger refuses an event of a saga that there is not. A parent that waits for it
// is told.
func (p *orchestration) stranger(r record.Record[string, []byte], e Event, what string) error {
	if e.Parent != nil && e.Parent.Saga != "" {
		to := e.Parent.Command
		if err := p.toInbox(e.Parent.Saga, Event{Type: EventReply, Command: to, Outcome: Failed, Error: what, trace: e.trace}); err != nil {
			return err
		}
	}
	return p.refuse(r, dropUnknown, what)
}

// answer writes an instance as it is, or a tombstone if there is none.
func (p *orchestration) answer(have []byte, e Event) error {
	if p.Answers == "" {
		p.c.Drop(dropUseless)
		return nil
	}
	return p.c.ForwardTo(p.sink(p.Answers), record.Record[string, []byte]{
		Key: e.Saga, Value: have, Tombstone: have == nil, Timestamp: e.At, Headers: record.Headers{{Key: HeaderQuery, Value: []byte(e.ID)}},
	})
}
