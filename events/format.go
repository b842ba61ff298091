package events

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Format is how events are written to a topic.
type Format uint8

// The formats. JSON is one object with the envelope's fields and the payload as
// data; the others are those of CloudEvents 1.0 and its Kafka protocol binding.
const (
	JSON Format = iota
	CloudEventsBinary
	CloudEventsStructured
)

// plain is the serde of events as JSON.
var plain = serde.JSON[Event]()

// Encode is an event as the value and the headers of a record, for programs that
// write with a client of their own. An event that Err finds fault with is refused.
func Encode(e Event, f Format) (value []byte, headers record.Headers, err error) {
	if err := e.Err(); err != nil {
		return nil, nil, err
	}
	value, err = f.append(nil, e)
	return value, f.headers(e, nil), err
}

// append appends the event's value.
func (f Format) append(dst []byte, e Event) ([]byte, error) {
	switch f {
	case CloudEventsBinary:
		return append(dst, e.Data...), nil
	case CloudEventsStructured:
		return e.structured(dst)
	default:
		return plain.Append(dst, e)
	}
}

// headers are the event's headers, behind those of another record that are not an
// event's own.
func (f Format) headers(e Event, from record.Headers) record.Headers {
	out := make(record.Headers, 0, len(from)+2)
	for _, h := range from {
		if !ownHeader(h.Key) {
			out = append(out, h)
		}
	}
	switch f {
	case CloudEventsBinary:
		out = e.binary(out)
	case CloudEventsStructured:
		out = append(out, record.Header{Key: contentHeader, Value: []byte(cloudEventJSON)})
	}
	if t := e.Metadata.Trace; t.Valid() {
		out = append(out, record.Header{Key: extTraceparent, Value: []byte(t.String())})
		if t.State != "" {
			out = append(out, record.Header{Key: extTracestate, Value: []byte(t.State)})
		}
	}
	return out
}

// ownHeader says whether a header belongs to an event, and not to what carries it.
func ownHeader(key string) bool {
	return key == contentHeader || key == extTraceparent || key == extTracestate || strings.HasPrefix(key, headerPrefix)
}

// Decode is the event that a record holds, whatever its format. The time of the record
// stands in for one that the event lacks. The error wraps ErrUndecodable, or is an
// *InvalidError if something is missing. The event may share memory with the value.
func Decode(value []byte, headers record.Headers, recordTime time.Time) (Event, error) {
	e, err := decode(value, headers)
	if err != nil {
		return e, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	if parent, ok := headers.Get(extTraceparent); ok && !e.Metadata.Trace.Valid() {
		// A trace that cannot be read is no reason to refuse the event.
		state, _ := headers.Get(extTracestate)
		e.Metadata.Trace, _ = parseTrace(string(parent), string(state), "")
	}
	if e.Time.IsZero() {
		e.Time = recordTime
	}
	return e, e.Err()
}

func decode(value []byte, headers record.Headers) (Event, error) {
	contentType, _ := headers.Get(contentHeader)
	if media, _, _ := strings.Cut(strings.ToLower(string(contentType)), ";"); strings.HasPrefix(media, cloudEventType) {
		if strings.TrimSpace(media) != cloudEventType+"+json" {
			return Event{}, fmt.Errorf("content type %.60q: of CloudEvents in structured mode only JSON is known, and no batches", contentType)
		}
		return fromStructured(value)
	}
	if _, ok := headers.Get(headerPrefix + attrSpec); ok {
		return fromBinary(value, headers)
	}
	return plain.Decode(value)
}

// written is the serde of events on their way to a topic.
func (f Format) written() serde.Serde[Event] {
	return serde.Func(f.append, func(data []byte) (Event, error) { return Decode(data, nil, time.Time{}) })
}

// unread is the serde of values that are looked at together with their headers later.
var unread = serde.Func(
	func(dst []byte, e Event) ([]byte, error) { return append(dst, e.note.raw...), nil },
	func(data []byte) (Event, error) { return Event{note: &note{raw: data}}, nil },
)
