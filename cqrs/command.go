package cqrs

import (
	"strconv"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
)

// Command asks for a change. On topics it is an envelope of package events, so that it
// has the same formats, metadata and trace context.
type Command struct {
	// ID is the command's own: a second command with it is a duplicate of the first.
	ID string
	// Type says what is asked for, such as "investigation.open".
	Type string
	// AggregateID is what is to change. It is the key of the record, so that one task
	// decides on all commands for it, in order.
	AggregateID string
	// Expected is the version that the aggregate must have: the number of events that
	// it consists of. 0 is any version, and Absent says that it must not exist yet.
	Expected int64
	Time     time.Time
	Metadata events.Metadata
	Data     []byte
	envelope events.Event
}

// Absent is the Expected of a command whose aggregate must not exist yet.
const Absent int64 = -1

// extraExpected is where the envelope of a command keeps Expected.
const extraExpected = "expectedversion"

// NewCommand is a command with a payload, which is encoded as JSON. What is wrong with
// it, Event().Err() says.
func NewCommand[C any](commandType, id, aggregateID string, payload C) Command {
	e := events.New(commandType, payload)
	return Command{ID: id, Type: commandType, AggregateID: aggregateID, Data: e.Data, envelope: e}
}

// Expecting is the command with the version that the aggregate must have.
func (c Command) Expecting(version int64) Command {
	c.Expected = version
	return c
}

// Event is the envelope of the command, for events.Publish or events.Encode.
func (c Command) Event() events.Event {
	e := c.envelope
	e.ID, e.Type, e.AggregateID, e.Time, e.Metadata, e.Data = c.ID, c.Type, c.AggregateID, c.Time, c.Metadata, c.Data
	if e.Version == 0 {
		e.Version = 1
	}
	if c.Expected != 0 {
		extra := map[string]string{extraExpected: strconv.FormatInt(c.Expected, 10)}
		for k, v := range c.Metadata.Extra {
			if k != extraExpected {
				extra[k] = v
			}
		}
		e.Metadata.Extra = extra
	}
	return e
}

// ofEvent is the command that an envelope holds, and what is wrong with it.
func ofEvent(r record.Record[string, events.Event]) (Command, []Fault) {
	e := r.Value
	c := Command{ID: e.ID, Type: e.Type, AggregateID: e.AggregateID, Time: e.Time, Metadata: e.Metadata, Data: e.Data, envelope: e}
	var faults []Fault
	if c.AggregateID == "" {
		faults = append(faults, Fault{"aggregateId", "a command needs one"})
	} else if c.AggregateID != r.Key {
		faults = append(faults, Fault{"aggregateId", "it must be the key of the record, so that one writer sees all commands for it"})
	}
	if text, ok := e.Metadata.Extra[extraExpected]; ok {
		var err error
		if c.Expected, err = strconv.ParseInt(text, 10, 64); err != nil || c.Expected < Absent {
			faults = append(faults, Fault{"expectedVersion", "want a number from -1 on, got " + strconv.Quote(text)})
		}
	}
	return c, faults
}

// Received is a command with its payload decoded.
type Received[C any] struct {
	Command
	Payload C
}
