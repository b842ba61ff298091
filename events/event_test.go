package events_test

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
)

var noon = time.Date(2026, time.January, 1, 12, 0, 0, 123e6, time.UTC)

// Threat is the payload of the tests.
type Threat struct {
	Target   string `json:"target"`
	Severity int    `json:"severity"`
}

func whole(t testing.TB) events.Event {
	t.Helper()
	trace, err := events.ParseTrace("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	if err != nil {
		t.Fatal(err)
	}
	trace.State, trace.ParentSpanID = "vendor=1", [8]byte{1, 2}
	e := events.New("threat.detected", Threat{"db1", 9}).Of("threat", "t-1").Versioned(3)
	e.ID, e.Sequence, e.Time, e.Source = "e-1", 7, noon, "sensors"
	e.Metadata = events.Metadata{CorrelationID: "c-1", CausationID: "c-0", Trace: trace, Extra: map[string]string{"region": "eu"}}
	return e
}

var formats = map[string]events.Format{
	"JSON": events.JSON, "CloudEvents binary": events.CloudEventsBinary, "CloudEvents structured": events.CloudEventsStructured,
}

func TestEveryFormatKeepsTheWholeEvent(t *testing.T) {
	binary := whole(t)
	binary.ContentType, binary.Data = "application/octet-stream", []byte{0, 1, 255}
	for name, format := range formats {
		for what, e := range map[string]events.Event{"JSON payload": whole(t), "binary payload": binary} {
			t.Run(name+", "+what, func(t *testing.T) {
				value, headers, err := events.Encode(e, format)
				if err != nil {
					t.Fatal(err)
				}
				got, err := events.Decode(value, headers, time.Time{})
				if err != nil || !reflect.DeepEqual(got, e) {
					t.Errorf("got %+v, %v\nwant %+v\nfrom %s", got, err, e, value)
				}
				if parent, _ := headers.Get("traceparent"); string(parent) != e.Metadata.Trace.String() {
					t.Errorf("traceparent is %q", parent)
				}
			})
		}
	}
}

// The examples are those of the binding's specification, with other names.
func TestCloudEventsOfOthersAreRead(t *testing.T) {
	want := func(e events.Event, err error) {
		t.Helper()
		if err != nil || e.ID != "1234" || e.Type != "com.example.someevent" || e.Source != "/mycontext" || e.AggregateID != "sub" ||
			e.Metadata.Extra["comexampleother"] != "5" || !e.Time.Equal(noon) || string(e.Data) != `{"a":1}` || e.Version != 1 {
			t.Errorf("got %+v, %v", e, err)
		}
	}
	h := func(pairs ...string) (out record.Headers) {
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, record.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
		}
		return out
	}
	want(events.Decode([]byte(`{"a":1}`), h("ce_specversion", "1.0", "ce_type", "com.example.someevent", "ce_source", "/mycontext", "ce_id", "1234",
		"ce_time", "2026-01-01T12:00:00.123Z", "ce_subject", "sub", "ce_comexampleother", "5", "content-type", "application/json; charset=utf-8", "other", "x"), time.Time{}))
	want(events.Decode([]byte(`{"specversion":"1.0","type":"com.example.someevent","source":"/mycontext","id":"1234","subject":"sub",
		"comexampleother":5,"datacontenttype":"application/json","data":{"a":1},"sequence":"not a number"}`),
		h("content-type", "application/cloudevents+json; charset=UTF-8"), noon))
}

func TestBadRecordsGiveTypedErrors(t *testing.T) {
	structured := record.Headers{{Key: "content-type", Value: []byte("application/cloudevents+json")}}
	binary := func(more ...record.Header) record.Headers {
		return append(record.Headers{{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: []byte("1")}, {Key: "ce_type", Value: []byte("t")}}, more...)
	}
	for _, test := range []struct {
		name, value string
		headers     record.Headers
		field       string // of an InvalidError, or empty for ErrUndecodable
		want        string
	}{
		{"no JSON", `{"id":`, nil, "", "decode JSON"},
		{"an empty value", ``, nil, "", "0 bytes"},
		{"no object", `17`, nil, "", "JSON"},
		{"no id", `{"type":"t","time":"2026-01-01T00:00:00Z"}`, nil, "id", "needs one"},
		{"no type", `{"id":"1"}`, nil, "type", "needs one"},
		{"a negative version", `{"id":"1","type":"t","version":-2}`, nil, "version", "begin with 1, got -2"},
		{"a version that is no number", `{"id":"1","type":"t","version":"two"}`, nil, "", "version"},
		{"a negative sequence", `{"id":"1","type":"t","sequence":-1}`, nil, "sequence", "negative"},
		{"a trace that is none", `{"id":"1","type":"t","traceparent":"00-1"}`, nil, "", "traceparent"},
		{"metadata with a bad key", `{"id":"1","type":"t","metadata":{"A-b":"1"}}`, nil, "metadata", "lower-case"},
		{"a batch", `[]`, record.Headers{{Key: "content-type", Value: []byte("application/cloudevents-batch+json")}}, "", "no batches"},
		{"another version of CloudEvents", `{"specversion":"0.3"}`, structured, "", `specversion "0.3"`},
		{"an attribute that is an object", `{"specversion":"1.0","id":{}}`, structured, "", `attribute "id"`},
		{"a bad time", `{"specversion":"1.0","id":"1","type":"t","time":"noon"}`, structured, "", "time"},
		{"a bad base64", `{"specversion":"1.0","id":"1","type":"t","data_base64":"%"}`, structured, "", "base64"},
		{"no id in binary mode", `{}`, record.Headers{{Key: "ce_specversion", Value: []byte("1.0")}}, "id", "needs one"},
		{"data that is not JSON", `{`, binary(), "data", "not the JSON"},
		{"a bad version in binary mode", `{}`, binary(record.Header{Key: "ce_eventversion", Value: []byte("x")}), "", "eventversion"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := events.Decode([]byte(test.value), test.headers, noon)
			invalid, is := errors.AsType[*events.InvalidError](err)
			if test.field == "" && !errors.Is(err, events.ErrUndecodable) || test.field != "" && (!is || invalid.Field != test.field) {
				t.Fatalf("got %v, a %T", err, err)
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q in it", err, test.want)
			}
		})
	}
}

func TestAnEventThatCannotBeMadeIsRefused(t *testing.T) {
	if _, _, err := events.Encode(events.New("t", make(chan int)), events.JSON); err == nil || !strings.Contains(err.Error(), `payload of "t"`) {
		t.Errorf("got %v", err)
	}
	e := whole(t)
	e.Metadata.Extra = map[string]string{"subject": "x"}
	if _, _, err := events.Encode(e, events.CloudEventsBinary); err == nil || !strings.Contains(err.Error(), "attribute") {
		t.Errorf("got %v", err)
	}
}

func TestTraceparent(t *testing.T) {
	for text, ok := range map[string]bool{
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":      true,
		"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what": true,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what": false,
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":      false,
		"00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01":      false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01":      false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01":      false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01":      false,
		"": false,
	} {
		if _, err := events.ParseTrace(text); (err == nil) != ok {
			t.Errorf("%q: got %v", text, err)
		}
	}
	parent := whole(t).Metadata.Trace
	child := parent.Child("x")
	if child.TraceID != parent.TraceID || child.ParentSpanID != parent.SpanID || child.SpanID == parent.SpanID || child != parent.Child("x") || child == parent.Child("y") {
		t.Errorf("child of %v is %v", parent, child)
	}
	if first := (events.Trace{}).Child("x"); !first.Valid() || first.ParentSpanID != [8]byte{} {
		t.Errorf("a new trace is %v", first)
	}
}

// What can be decoded can be written in every format, and is the same then.
func FuzzDecode(f *testing.F) {
	for _, format := range formats {
		value, headers, err := events.Encode(whole(f), format)
		if err != nil {
			f.Fatal(err)
		}
		contentType, _ := headers.Get("content-type")
		f.Add(value, string(contentType), format == events.CloudEventsBinary, "e-1", "2")
	}
	f.Fuzz(func(t *testing.T, value []byte, contentType string, binary bool, id, version string) {
		headers := record.Headers{{Key: "content-type", Value: []byte(contentType)}}
		if binary {
			headers = append(headers, record.Header{Key: "ce_specversion", Value: []byte("1.0")}, record.Header{Key: "ce_id", Value: []byte(id)},
				record.Header{Key: "ce_type", Value: []byte("t")}, record.Header{Key: "ce_eventversion", Value: []byte(version)})
		}
		e, err := events.Decode(value, headers, noon)
		if err != nil {
			return
		}
		for name, format := range formats {
			value, headers, err := events.Encode(e, format)
			if err != nil {
				continue // text that JSON cannot hold
			}
			again, err := events.Decode(value, headers, noon)
			if err != nil || again.ID != e.ID || again.Type != e.Type || again.Version != e.Version || !again.Time.Equal(e.Time) || again.Metadata.Trace != e.Metadata.Trace {
				t.Fatalf("%s: %+v became %+v: %v", name, e, again, err)
			}
			if e.ContentType != "" && !bytes.Equal(again.Data, e.Data) && !bytes.Contains([]byte(e.ContentType), []byte("json")) {
				t.Fatalf("%s: data %q became %q", name, e.Data, again.Data)
			}
		}
	})
}
