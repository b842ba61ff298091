package cqrs

import (
	"cmp"
	"encoding/json/v2"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/events"
)

// The types of the events on the replies topic, whose payload is an Outcome.
const (
	Accepted = "command.accepted"
	Rejected = "command.rejected"
)

// Outcome is what became of a command.
type Outcome struct {
	CommandID   string `json:"commandId"`
	AggregateID string `json:"aggregateId,omitzero"`
	Accepted    bool   `json:"accepted"`
	// Version is that of the aggregate afterwards, and Events are the ids of the events
	// that the command led to.
	Version int64    `json:"version,omitzero"`
	Events  []string `json:"events,omitempty"`
	// Faults are all reasons for which the command was rejected.
	Faults []Fault `json:"faults,omitempty"`
	// Duplicate says that this outcome is that of an earlier command with the same id.
	Duplicate bool `json:"duplicate,omitzero"`
}

// OutcomeOf is the outcome in an event of the replies topic.
func OutcomeOf(e events.Event) (Outcome, error) { return e.Payload[Outcome]() }

// Fault is one thing that is wrong with a command. Field is empty if it is the command
// as a whole.
type Fault struct {
	Field   string `json:"field,omitzero"`
	Message string `json:"message"`
}

func (f Fault) String() string {
	if f.Field == "" {
		return f.Message
	}
	return f.Field + ": " + f.Message
}

// RejectedError is the error of a command that is rejected: the sender has to change
// it, or what it is for.
type RejectedError struct{ Faults []Fault }

func (e *RejectedError) Error() string {
	var texts []string
	for _, f := range e.Faults {
		texts = append(texts, f.String())
	}
	return "command rejected: " + strings.Join(texts, "; ")
}

// Reject is the error with which a handler rejects a command because of a field, or
// with an empty field because of the whole.
func Reject(field, format string, args ...any) error {
	return &RejectedError{[]Fault{{field, fmt.Sprintf(format, args...)}}}
}

// faultsOf are the faults of all rejections that an error wraps or joins, or nil.
func faultsOf(err error) (faults []Fault) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			faults = append(faults, faultsOf(one)...)
		}
		return faults
	}
	if rejected, ok := errors.AsType[*RejectedError](err); ok {
		return rejected.Faults
	}
	return nil
}

// ordered are faults in the order of their fields, so that a reply is always the same.
func ordered(faults []Fault) []Fault {
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.Field, b.Field) })
	return slices.Compact(faults)
}

// event is the outcome as an event that a command has caused.
func (o Outcome) event(cause events.Event) events.Event {
	name := Accepted
	if !o.Accepted {
		name = Rejected
	}
	e := events.New(name, o).CausedBy(cause)
	e.AggregateID, e.AggregateType = o.AggregateID, cause.AggregateType
	return e
}

func (o Outcome) encode() ([]byte, error) { return json.Marshal(o, json.Deterministic(true)) }

func decodeOutcome(data []byte) (o Outcome, err error) {
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("cqrs: the outcome in the store: %w", err)
	}
	return o, nil
}
