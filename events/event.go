package events

import (
	"encoding/json/v2"
	"fmt"
	"mime"
	"strings"
	"time"
)

// Event says that something has happened. It is passed by value; what it points to is
// not to be changed.
type Event struct {
	// ID is the same whenever the same event is published again. Publish makes one
	// where it is empty.
	ID string
	// Type says what has happened, such as "threat.detected".
	Type string
	// Version is that of the payload's schema, from 1.
	Version int
	// AggregateID and AggregateType say what it has happened to, and Sequence counts
	// its events from 1. They are empty where that means nothing.
	AggregateID, AggregateType string
	Sequence                   int64
	// Time is when it has happened. Publish takes the record's time where it is zero.
	Time time.Time
	// Source is the program that tells, by default the application.
	Source   string
	Metadata Metadata
	// ContentType is how Data is encoded; empty is JSON.
	ContentType string
	Data        []byte
	note        *note
}

// Metadata says how an event is connected with others.
type Metadata struct {
	// CorrelationID is shared by all that one cause led to, and CausationID is the id
	// of the event or command that led to this event.
	CorrelationID, CausationID string
	Trace                      Trace
	// Extra is whatever else is to be said. In CloudEvents these are extensions, so
	// keys have lower-case letters and digits only.
	Extra map[string]string
}

// note is what the stages of this package tell each other about an event.
type note struct {
	lane lane
	// raw is the value as it was read, and err why it is no event.
	raw []byte
	err error
	// topic is where a dead letter goes.
	topic string
	// asked is the request that a stage of Handle passes on.
	asked *asked
}

// lane is the way that an event takes behind a stage that has several.
type lane uint8

const (
	handled lane = iota
	letters
	audits
	reactions
)

func (e Event) lane() lane {
	if e.note == nil {
		return handled
	}
	return e.note.lane
}

// on is the event on another lane.
func (e Event) on(l lane) Event {
	n := note{lane: l}
	if e.note != nil {
		n = *e.note
		n.lane = l
	}
	e.note = &n
	return e
}

// New is an event of version 1 with a payload, which is encoded as JSON. If that
// fails, Err says so, and Publish refuses the event.
func New[T any](eventType string, payload T) Event {
	e := Event{Type: eventType, Version: 1}
	data, err := json.Marshal(payload, json.Deterministic(true))
	if err != nil {
		e.note = &note{err: fmt.Errorf("events: payload of %q: %w", eventType, err)}
	}
	e.Data = data
	return e
}

// Of is the event with what it has happened to.
func (e Event) Of(aggregateType, id string) Event {
	e.AggregateType, e.AggregateID = aggregateType, id
	return e
}

// Versioned is the event with the version of its payload's schema.
func (e Event) Versioned(version int) Event {
	e.Version = version
	return e
}

// CausedBy is the event as one that another has led to: with that one's id as cause,
// its correlation, and a span of its own in its trace.
func (e Event) CausedBy(cause Event) Event {
	e.Metadata.CausationID = cause.ID
	if e.Metadata.CorrelationID == "" {
		e.Metadata.CorrelationID = cause.Metadata.CorrelationID
	}
	if e.Metadata.CorrelationID == "" {
		e.Metadata.CorrelationID = cause.ID
	}
	if !e.Metadata.Trace.Valid() {
		e.Metadata.Trace = cause.Metadata.Trace.Child(cause.ID + e.Type + e.ID)
	}
	return e
}

// Under is the event as one that belongs to a trace: a span of its own under the one
// that is given. It is for what comes late, of a window that has closed or a timer, when
// the record at hand is not the one that it comes of. Keep the Trace of the events that
// go into a window with the aggregate, and give it here.
func (e Event) Under(t Trace) Event {
	if t.Valid() {
		e.Metadata.Trace = t.Child(e.Type + e.AggregateID + string(e.Data))
	}
	return e
}

// Payload decodes the payload of an event that is JSON.
func (e Event) Payload[T any]() (v T, err error) {
	if !jsonContent(e.ContentType) {
		return v, fmt.Errorf("%w: the payload of %q is %s, not JSON", ErrUndecodable, e.Type, e.ContentType)
	}
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return v, fmt.Errorf("%w: payload of %q: %w", ErrUndecodable, e.Type, err)
	}
	return v, nil
}

// Err is why the event could not be made, or what is missing in it, or nil.
func (e Event) Err() error {
	if e.note != nil && e.note.err != nil {
		return e.note.err
	}
	switch {
	case e.ID == "":
		return &InvalidError{"id", "an event needs one"}
	case e.Type == "":
		return &InvalidError{"type", "an event needs one"}
	case e.Version < 1:
		return &InvalidError{"version", fmt.Sprintf("versions begin with 1, got %d", e.Version)}
	case e.Sequence < 0:
		return &InvalidError{"sequence", fmt.Sprintf("it must not be negative, got %d", e.Sequence)}
	case e.Time.IsZero():
		return &InvalidError{"time", "an event needs one"}
	case e.Time.Year() < 1 || e.Time.Year() > 9999:
		return &InvalidError{"time", fmt.Sprintf("the year %d cannot be written", e.Time.Year())}
	case jsonContent(e.ContentType) && len(e.Data) > 0 && !validJSON(e.Data):
		return &InvalidError{"data", "it is not the JSON that the content type says"}
	}
	for key := range e.Metadata.Extra {
		if !extensionName(key) || reserved(key) {
			return &InvalidError{"metadata", fmt.Sprintf("a key has lower-case letters and digits only and is no attribute of CloudEvents, got %q", key)}
		}
	}
	return nil
}

// jsonContent says whether a content type is JSON.
func jsonContent(contentType string) bool {
	if contentType == "" || contentType == jsonType {
		return true
	}
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (media == jsonType || strings.HasSuffix(media, "+json"))
}
