package events

import (
	"encoding/hex"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"time"
)

// envelope is an event as plain JSON.
type envelope struct {
	ID            string            `json:"id"`
	Type          string            `json:"type"`
	Version       int               `json:"version,omitzero"`
	AggregateType string            `json:"aggregateType,omitzero"`
	AggregateID   string            `json:"aggregateId,omitzero"`
	Sequence      int64             `json:"sequence,omitzero"`
	Time          time.Time         `json:"time"`
	Source        string            `json:"source,omitzero"`
	CorrelationID string            `json:"correlationId,omitzero"`
	CausationID   string            `json:"causationId,omitzero"`
	Traceparent   string            `json:"traceparent,omitzero"`
	Tracestate    string            `json:"tracestate,omitzero"`
	ParentSpanID  string            `json:"parentSpanId,omitzero"`
	Metadata      map[string]string `json:"metadata,omitempty"`
	ContentType   string            `json:"contentType,omitzero"`
	Data          jsontext.Value    `json:"data,omitzero"`
	// Data64 is a payload that is not JSON.
	Data64 []byte `json:"data64,omitzero"`
}

// MarshalJSONTo writes the event as plain JSON.
func (e Event) MarshalJSONTo(out *jsontext.Encoder) error {
	m := &e.Metadata
	w := envelope{
		ID: e.ID, Type: e.Type, Version: e.Version, AggregateType: e.AggregateType, AggregateID: e.AggregateID,
		Sequence: e.Sequence, Time: e.Time.UTC(), Source: e.Source, CorrelationID: m.CorrelationID, CausationID: m.CausationID,
		Traceparent: m.Trace.String(), Tracestate: m.Trace.State, ParentSpanID: m.Trace.parent(), Metadata: m.Extra, ContentType: e.ContentType,
	}
	if jsonContent(e.ContentType) {
		w.Data = e.Data
	} else {
		w.Data64 = e.Data
	}
	return json.MarshalEncode(out, &w, json.Deterministic(true))
}

// UnmarshalJSONFrom reads an event from plain JSON. What it lacks, Err tells.
func (e *Event) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	var w envelope
	if err := json.UnmarshalDecode(in, &w); err != nil {
		return err
	}
	*e = Event{
		ID: w.ID, Type: w.Type, Version: w.Version, AggregateType: w.AggregateType, AggregateID: w.AggregateID,
		Sequence: w.Sequence, Time: w.Time.UTC(), Source: w.Source, ContentType: w.ContentType, Data: w.Data,
	}
	if e.Version == 0 {
		e.Version = 1
	}
	if w.Data64 != nil {
		e.Data = w.Data64
	}
	e.Metadata = Metadata{CorrelationID: w.CorrelationID, CausationID: w.CausationID, Extra: w.Metadata}
	trace, err := parseTrace(w.Traceparent, w.Tracestate, w.ParentSpanID)
	e.Metadata.Trace = trace
	return err
}

// parseTrace reads the three parts of a trace context, which may all be empty.
func parseTrace(traceparent, state, parent string) (t Trace, err error) {
	if traceparent == "" {
		return t, nil
	}
	if t, err = ParseTrace(traceparent); err != nil {
		return t, err
	}
	t.State = state
	if parent == "" {
		return t, nil
	}
	if n, err := hex.Decode(t.ParentSpanID[:], []byte(parent)); len(parent) != 16 || n != 8 || err != nil {
		return Trace{}, fmt.Errorf("parent span id %.20q: want 16 hex digits", parent)
	}
	return t, nil
}

func validJSON(data []byte) bool { return jsontext.Value(data).IsValid() }
