package sagas

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
)

// EventType says what happens to a saga.
type EventType string

// The types of events. Timer events come from the orchestrator itself; all others
// are records of its inbox.
const (
	// EventStart begins a saga. Beginning one twice is beginning it once.
	EventStart EventType = "start"
	// EventReply is the answer to a command.
	EventReply EventType = "reply"
	// EventSignal is word from outside that a Wait waits for.
	EventSignal EventType = "signal"
	// EventCancel ends a saga by compensating what it did, unless its pivot is behind it.
	EventCancel EventType = "cancel"
	// EventUndo asks a sub-saga to compensate, even when it is completed.
	EventUndo EventType = "undo"
	// EventRetryStep has a step tried again at once, a parked one above all.
	EventRetryStep EventType = "retry-step"
	// EventSkipStep takes a parked step as settled by hand.
	EventSkipStep EventType = "skip-step"
	// EventFailStep takes a parked step as failed, with nothing left of it.
	EventFailStep EventType = "fail-step"
	// EventQuery asks for the instance as it is.
	EventQuery EventType = "query"
	// EventTimer is a durable timer whose time has come.
	EventTimer EventType = "timer"
)

// Outcome is how a command ended.
type Outcome string

// The outcomes that a reply may tell.
const (
	// OK says that it is done.
	OK Outcome = "ok"
	// Failed says that it will not be done, and that nothing under its key is.
	Failed Outcome = "failed"
	// Transient says that it is not done, and may be if it is tried again.
	Transient Outcome = "transient"
	// Unknown says that nobody knows whether it is done.
	Unknown Outcome = "unknown"
	// Unseen answers the question after a command that has not arrived.
	Unseen Outcome = "unseen"
)

// Event is what happens to a saga: a record of the orchestrator's inbox, as JSON,
// whose key is the id of the saga.
type Event struct {
	Type EventType `json:"type"`
	// ID tells repetitions of a signal apart: without one, each counts. For a query, it
	// is that of its answer.
	ID string `json:"id,omitzero"`
	// Definition and Version are those of a saga to start; version 0 is the newest.
	Definition string `json:"definition,omitzero"`
	Version    int    `json:"version,omitzero"`
	// Name is that of a signal.
	Name string `json:"name,omitzero"`
	// Step is the step that a person acts on, or that a timer is for.
	Step string `json:"step,omitzero"`
	// Command is the id of the command that a reply answers.
	Command string  `json:"command,omitzero"`
	Outcome Outcome `json:"outcome,omitzero"`
	// Error is what failed, or why something is to be done.
	Error string `json:"error,omitzero"`
	// Data is what a saga starts with, a reply holds or a signal tells.
	Data jsontext.Value `json:"data,omitzero"`
	// Patch says that the data is a change of the saga's data.
	Patch bool `json:"patch,omitzero"`
	// Parent is the command of another saga that this start or undo stands for.
	Parent *Parent `json:"parent,omitzero"`

	// Saga is the key of the record. At is when it happens, and Due what a timer was set
	// to, in milliseconds.
	Saga string `json:"-"`
	At   int64  `json:"-"`
	Due  int64  `json:"-"`
	// trace is that of the record.
	trace tracing
}

// Parent is who waits for a sub-saga.
type Parent struct {
	Saga    string `json:"saga"`
	Command string `json:"command"`
}

// ParseEvent reads a record of an inbox, and says what is wrong with it.
func ParseEvent(value []byte) (Event, error) {
	var e Event
	if err := json.Unmarshal(value, &e); err != nil {
		return e, fmt.Errorf("sagas: not an event: %w", err)
	}
	return e, e.check()
}

// check finds events that say nothing.
func (e Event) check() error {
	missing := func(empty bool, what string) error {
		if empty {
			return fmt.Errorf("sagas: an event of type %q needs a %s", e.Type, what)
		}
		return nil
	}
	switch e.Type {
	case EventStart:
		return missing(e.Definition == "", "definition")
	case EventReply, EventUndo:
		return missing(e.Command == "", "command")
	case EventSignal:
		return missing(e.Name == "", "name")
	case EventRetryStep, EventSkipStep, EventFailStep:
		return missing(e.Step == "", "step")
	case EventCancel, EventQuery:
		return nil
	}
	return fmt.Errorf("sagas: unknown type of event %q", e.Type)
}

// Start begins a saga by a definition, which has to be one of the orchestrator's.
// An event whose data cannot be encoded cannot be encoded itself.
func Start[D any](definition string, data D) Event {
	return Event{Type: EventStart, Definition: definition, Data: mustEncode(data)}
}

// Signal is word that a saga may wait for. Signals with the same id count once.
func Signal[S any](name, id string, data S) Event {
	return Event{Type: EventSignal, Name: name, ID: id, Data: mustEncode(data)}
}

// Cancel ends a saga by compensating it.
func Cancel(reason string) Event { return Event{Type: EventCancel, Error: reason} }

// RetryStep has a parked step, or the compensation of one, tried again.
func RetryStep(step string) Event { return Event{Type: EventRetryStep, Step: step} }

// SkipStep takes a parked step, or the compensation of one, as settled by hand.
func SkipStep(step string) Event { return Event{Type: EventSkipStep, Step: step} }

// FailStep takes a parked step as failed, with nothing left of it.
func FailStep(step string) Event { return Event{Type: EventFailStep, Step: step} }

// Query asks for the instance, which is written to the orchestrator's topic for
// answers as it is then, with the id of the query in a header.
func Query(id string) Event { return Event{Type: EventQuery, ID: id} }

// mustEncode leaves the error in place of data that cannot be encoded: no JSON, so
// that the event cannot be written either.
func mustEncode(v any) jsontext.Value {
	data, err := encode(v)
	if err != nil {
		return jsontext.Value(err.Error())
	}
	return data
}

// encode writes JSON whose bytes are the same for the same value.
func encode(v any) (jsontext.Value, error) {
	return json.Marshal(v, json.Deterministic(true))
}

func decode[T any](data []byte) (v T, err error) {
	if len(data) == 0 {
		return v, nil
	}
	err = json.Unmarshal(data, &v)
	return v, err
}

// Reply answers a command: with an error, its class is the outcome (see Business and
// InDoubt), without one the command is done and the data is the answer.
func Reply(command string, data jsontext.Value, err error) Event {
	e := Event{Type: EventReply, Command: command, Outcome: outcomeOf(err), Data: data}
	if err != nil {
		e.Error, e.Data = err.Error(), nil
	}
	return e
}
