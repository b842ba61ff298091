package events

import (
	"encoding/base64"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidemill/tidemill/record"
)

// The names of CloudEvents 1.0 and of its binding to Kafka.
const (
	specVersion    = "1.0"
	headerPrefix   = "ce_"
	contentHeader  = "content-type"
	jsonType       = "application/json"
	cloudEventType = "application/cloudevents"
	cloudEventJSON = cloudEventType + "+json; charset=UTF-8"
)

// The attributes and extensions that fields of an event become.
const (
	attrSpec        = "specversion"
	attrID          = "id"
	attrType        = "type"
	attrSource      = "source"
	attrTime        = "time"
	attrSubject     = "subject"
	attrContent     = "datacontenttype"
	attrData        = "data"
	attrData64      = "data_base64"
	extVersion      = "eventversion"
	extAggregate    = "aggregatetype"
	extSequence     = "sequence"
	extCorrelation  = "correlationid"
	extCausation    = "causationid"
	extTraceparent  = "traceparent"
	extTracestate   = "tracestate"
	extParentSpanID = "parentspanid"
)

// reserved says whether an attribute stands for a field of the event, so that Extra
// cannot have it.
func reserved(name string) bool {
	switch name {
	case attrSpec, attrID, attrType, attrSource, attrTime, attrSubject, attrContent, attrData, "dataschema",
		extVersion, extAggregate, extSequence, extCorrelation, extCausation, extTraceparent, extTracestate, extParentSpanID:
		return true
	}
	return false
}

// extensionName says whether CloudEvents allows an attribute of this name.
func extensionName(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
}

// attributes are those of the event as a CloudEvent, without its data, in order.
func (e Event) attributes(yield func(name, value string)) {
	optional := func(name, value string) {
		if value != "" {
			yield(name, value)
		}
	}
	m := &e.Metadata
	yield(attrSpec, specVersion)
	yield(attrID, e.ID)
	yield(attrSource, e.Source)
	yield(attrType, e.Type)
	yield(attrTime, e.Time.UTC().Format(time.RFC3339Nano))
	optional(attrSubject, e.AggregateID)
	yield(extVersion, strconv.Itoa(e.Version))
	optional(extAggregate, e.AggregateType)
	if e.Sequence > 0 {
		yield(extSequence, strconv.FormatInt(e.Sequence, 10))
	}
	optional(extCorrelation, m.CorrelationID)
	optional(extCausation, m.CausationID)
	optional(extTraceparent, m.Trace.String())
	optional(extTracestate, m.Trace.State)
	optional(extParentSpanID, m.Trace.parent())
	for _, key := range slices.Sorted(maps.Keys(m.Extra)) {
		yield(key, m.Extra[key])
	}
}

// ofAttributes is the event that attributes say, without its data.
func ofAttributes(attributes map[string]string) (e Event, err error) {
	get := func(name string) string {
		value := attributes[name]
		delete(attributes, name)
		return value
	}
	if spec := get(attrSpec); spec != specVersion {
		return e, fmt.Errorf("specversion %.20q: only %s is known", spec, specVersion)
	}
	e = Event{ID: get(attrID), Type: get(attrType), Source: get(attrSource), AggregateID: get(attrSubject), AggregateType: get(extAggregate), ContentType: get(attrContent), Version: 1}
	if e.ContentType == jsonType {
		e.ContentType = ""
	}
	if at := get(attrTime); at != "" {
		if e.Time, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return e, fmt.Errorf("time: %w", err)
		}
		e.Time = e.Time.UTC()
	}
	if version := get(extVersion); version != "" {
		if e.Version, err = strconv.Atoi(version); err != nil {
			return e, fmt.Errorf("%s: %w", extVersion, err)
		}
	}
	// The sequence extension of others may be any text, and means nothing here then.
	if sequence, err := strconv.ParseInt(attributes[extSequence], 10, 64); err == nil && sequence >= 0 {
		e.Sequence = sequence
	}
	delete(attributes, extSequence)
	e.Metadata = Metadata{CorrelationID: get(extCorrelation), CausationID: get(extCausation)}
	if e.Metadata.Trace, err = parseTrace(get(extTraceparent), get(extTracestate), get(extParentSpanID)); err != nil {
		return e, err
	}
	delete(attributes, "dataschema")
	if len(attributes) > 0 {
		e.Metadata.Extra = attributes
	}
	return e, nil
}

// binary is the event in the binary mode: attributes are headers, the value is the data.
func (e Event) binary(headers record.Headers) record.Headers {
	e.attributes(func(name, value string) {
		headers = append(headers, record.Header{Key: headerPrefix + name, Value: []byte(value)})
	})
	contentType := e.ContentType
	if contentType == "" {
		contentType = jsonType
	}
	return append(headers, record.Header{Key: contentHeader, Value: []byte(contentType)})
}

func fromBinary(value []byte, headers record.Headers) (Event, error) {
	attributes := map[string]string{}
	for _, h := range headers {
		if name, ok := strings.CutPrefix(h.Key, headerPrefix); ok {
			attributes[name] = string(h.Value)
		}
		if h.Key == contentHeader {
			attributes[attrContent] = string(h.Value)
		}
	}
	e, err := ofAttributes(attributes)
	e.Data = value
	return e, err
}

// structured is the event in the structured mode: one JSON object.
func (e Event) structured(dst []byte) ([]byte, error) {
	object := map[string]any{}
	e.attributes(func(name, value string) { object[name] = value })
	switch {
	case len(e.Data) == 0:
	case jsonContent(e.ContentType):
		object[attrData] = jsontext.Value(e.Data)
	default:
		object[attrData64] = base64.StdEncoding.EncodeToString(e.Data)
	}
	if e.ContentType != "" {
		object[attrContent] = e.ContentType
	}
	out, err := json.Marshal(object, json.Deterministic(true))
	return append(dst, out...), err
}

func fromStructured(value []byte) (e Event, err error) {
	var object map[string]jsontext.Value
	if err := json.Unmarshal(value, &object); err != nil {
		return e, err
	}
	data, data64 := object[attrData], object[attrData64]
	delete(object, attrData)
	delete(object, attrData64)
	attributes := map[string]string{}
	for name, raw := range object {
		switch raw.Kind() {
		case '"':
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return e, fmt.Errorf("attribute %.40q: %w", name, err)
			}
			attributes[name] = text
		case 'n':
		case '0', 't', 'f':
			attributes[name] = string(raw)
		default:
			return e, fmt.Errorf("attribute %.40q: want text, a number or a boolean", name)
		}
	}
	if e, err = ofAttributes(attributes); err != nil {
		return e, err
	}
	if data64 != nil {
		err = json.Unmarshal(data64, &e.Data)
		return e, err
	}
	e.Data = data
	if !jsonContent(e.ContentType) && data.Kind() == '"' { // text is written as a JSON string
		var text string
		err = json.Unmarshal(data, &text)
		e.Data = []byte(text)
	}
	return e, err
}
