package events_test

import (
	"context"
	"encoding/json/v2"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/events/upcast"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

func Example() {
	b := topology.New("alerting")
	sub := events.Read(b, "threats.*").Subscribe("alerts").
		React("threat.detected", func(_ context.Context, e events.Received[Threat]) ([]events.Event, error) {
			if e.Payload.Severity < 8 {
				return nil, nil
			}
			return []events.Event{events.New("alert.raised", "look at "+e.Payload.Target).Of("alert", e.AggregateID)}, nil
		})
	events.Publish(sub.Reactions(), "alerts")

	d, err := topologytest.Open(b, topologytest.Partitions(1, "threats.eu"))
	if err != nil {
		fmt.Println(err)
		return
	}
	in := d.Input[string, string]("threats.eu")
	in.Send("t-1", `{"id":"1","type":"threat.detected","aggregateId":"t-1","data":{"target":"db1","severity":9}}`, noon)
	in.Send("t-2", `{"id":"2","type":"threat.detected","aggregateId":"t-2","data":{"target":"db2","severity":2}}`, noon)
	in.Send("t-1", `{"id":"3","type":"threat.closed","aggregateId":"t-1"}`, noon)
	for _, r := range d.Output[string, events.Event]("alerts").ReadAll() {
		fmt.Println(r.Key, r.Value.ID, r.Value.Type, string(r.Value.Data), "because of", r.Value.Metadata.CausationID)
	}
	// Output: t-1 alerting/publish-alerts/threats.eu-0-0 alert.raised "look at db1" because of 1
}

// send writes an event to an input that takes what is on the wire.
func send(t *testing.T, in *topologytest.Input[string, []byte], e events.Event, f events.Format) {
	t.Helper()
	value, headers, err := events.Encode(e, f)
	if err != nil {
		t.Fatal(err)
	}
	in.SendRecord(record.Record[string, []byte]{Key: e.AggregateID, Value: value, Headers: headers, Timestamp: noon.UnixMilli()})
}

func detected(id string, severity int) events.Event {
	e := events.New("threat.detected", Threat{"db1", severity}).Of("threat", "t-1")
	e.ID, e.Time, e.Source = id, noon, "sensors"
	return e
}

func TestHandlersOfATypeAreCalledInOrderForEveryFormat(t *testing.T) {
	b := topology.New("app")
	var calls []string
	note := func(who string) func(context.Context, events.Received[Threat]) error {
		return func(_ context.Context, e events.Received[Threat]) error {
			calls = append(calls, fmt.Sprintf("%s %s %d %s@%d", who, e.ID, e.Payload.Severity, e.Key, e.At.Offset))
			return nil
		}
	}
	in := events.Read(b, "threats")
	in.Subscribe("first").On("threat.detected", note("a")).On("threat.detected", note("b")).On("other", note("c"))
	in.Subscribe("second").On("threat.detected", note("d"))
	d := topologytest.New(t, b)
	input := d.Input[string, []byte]("threats")
	send(t, input, detected("1", 5), events.JSON)
	send(t, input, detected("2", 6), events.CloudEventsBinary)
	send(t, input, detected("3", 7), events.CloudEventsStructured)
	want := []string{}
	for i, id := range []string{"1", "2", "3"} {
		for _, who := range []string{"a", "b", "d"} {
			want = append(want, fmt.Sprintf("%s %s %d t-1@%d", who, id, 5+i, i))
		}
	}
	if !slices.Equal(calls, want) {
		t.Errorf("calls are\n%s\nwant\n%s", strings.Join(calls, "\n"), strings.Join(want, "\n"))
	}
}

func TestDeadLettersKeepTheRecordAndSayWhy(t *testing.T) {
	b := topology.New("app")
	events.Read(b, "threats", events.OnUndecodable(events.DeadLetter("bad")), events.Upcast(upcast.New().Add("threat.detected", 1, 2))).
		Subscribe("alerts", events.OnUnknown(events.DeadLetter("unknown")), events.OnBadPayload(events.DeadLetter("payloads"))).
		On("threat.detected", func(context.Context, events.Received[Threat]) error { return nil })
	d := topologytest.New(t, b)
	in := d.Input[string, string]("threats")
	in.Send("k", "not an event", noon)
	in.Send("k", `{"type":"threat.detected"}`, noon)
	in.Send("k", `{"id":"3","type":"threat.detected","version":9}`, noon)
	in.Send("k", `{"id":"4","type":"threat.lost"}`, noon)
	in.Send("k", `{"id":"5","type":"threat.detected","version":2,"data":[1]}`, noon)
	in.Send("k", `{"id":"6","type":"threat.detected","data":{}}`, noon)
	for topic, want := range map[string][]string{
		"bad":      {"not an event|0|decode JSON", `{"type":"threat.detected"}|1|id`, `{"id":"3","type":"threat.detected","version":9}|2|newer`},
		"unknown":  {`{"id":"4","type":"threat.lost"}|3|nothing handles "threat.lost"`},
		"payloads": {`{"id":"5","type":"threat.detected","version":2,"data":[1]}|4|payload of`},
	} {
		letters := d.Output[string, string](topic).ReadAll()
		if len(letters) != len(want) {
			t.Errorf("%s has %d letters, want %d", topic, len(letters), len(want))
			continue
		}
		for i, r := range letters {
			parts := strings.Split(want[i], "|")
			offset, _ := r.Headers.Get("__streams.errors.offset")
			message, _ := r.Headers.Get("__streams.errors.message")
			if r.Key != "k" || r.Value != parts[0] || string(offset) != parts[1] || !strings.Contains(string(message), parts[2]) {
				t.Errorf("%s: got %s, offset %s, %s, want %s", topic, r, offset, message, want[i])
			}
		}
	}
}

func TestWithoutAPolicyABadEventEndsTheWorker(t *testing.T) {
	for name, value := range map[string]string{"undecodable": "x", "payload": `{"id":"1","type":"a","data":"text"}`} {
		b := topology.New("app")
		events.Read(b, "threats").Subscribe("s").On("a", func(context.Context, events.Received[Threat]) error { return nil })
		d, err := topologytest.Open(b)
		if err != nil {
			t.Fatal(err)
		}
		d.Input[string, string]("threats").Send("k", value, noon)
		if failed, ok := errors.AsType[*record.Error](d.Err()); !ok || failed.Stage != record.Decode || !errors.Is(failed, events.ErrUndecodable) {
			t.Errorf("%s: got %v", name, d.Err())
		}
	}
}

func TestTheAuditTrailSaysWhatBecameOfEachEvent(t *testing.T) {
	b := topology.New("app")
	events.Read(b, "threats").Subscribe("alerts", events.Audit("audit"), events.OnBadPayload(events.Ignore())).
		On("threat.detected", func(context.Context, events.Received[Threat]) error { return nil })
	d := topologytest.New(t, b, topologytest.StartAt(noon.Add(time.Second)))
	in := d.Input[string, string]("threats")
	in.Send("k", `{"id":"1","type":"threat.detected","data":{}}`, noon)
	in.Send("k", `{"id":"2","type":"other"}`, noon)
	in.Send("k", `{"id":"3","type":"threat.detected","data":1}`, noon)
	var got []string
	for _, r := range d.Output[string, events.Event]("audit").ReadAll() {
		var entry events.AuditEntry
		if err := json.Unmarshal(r.Value.Data, &entry); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %s %d %d %s", entry.EventID, entry.Outcome, entry.Handlers, entry.Offset, r.Value.Metadata.CausationID))
	}
	if want := []string{"1 handled 1 0 1", "2 unknown 0 1 2", "3 undecodable 0 2 3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTraceAndCorrelationPassThroughReactions(t *testing.T) {
	b := topology.New("app")
	sub := events.Read(b, "threats").Subscribe("s").React("threat.detected", func(_ context.Context, e events.Received[Threat]) ([]events.Event, error) {
		return []events.Event{events.New("a", 1), events.New("b", 2)}, nil
	})
	events.Publish(sub.Reactions(), "out", events.CloudEventsBinary, events.From("unit"))
	d := topologytest.New(t, b)
	cause := whole(t)
	cause.Version, cause.Data = 1, []byte("{}")
	send(t, d.Input[string, []byte]("threats"), cause, events.CloudEventsStructured)
	ids := map[string]bool{}
	for _, r := range d.Output[string, []byte]("out").ReadAll() {
		e, err := events.Decode(r.Value, r.Headers, noon)
		m := e.Metadata
		if err != nil || m.CausationID != "e-1" || m.CorrelationID != "c-1" || m.Trace.TraceID != cause.Metadata.Trace.TraceID || m.Trace.ParentSpanID != cause.Metadata.Trace.SpanID || e.Source != "unit" || !e.Time.Equal(r.Time()) {
			t.Errorf("got %+v, %v", e, err)
		}
		if r.Key != "t-1" {
			t.Errorf("an event of no aggregate is keyed %q, want the stream's key", r.Key)
		}
		for _, h := range r.Headers {
			ids[h.Key] = true
		}
		ids[e.ID] = true
	}
	for _, id := range []string{"app/publish-out/threats-0-0", "app/publish-out/threats-0-0.1", "ce_id", "traceparent"} {
		if !ids[id] {
			t.Errorf("there is no %q among %v", id, ids)
		}
	}
}

func TestAReadEventIsPublishedAgainUnderTheSameID(t *testing.T) {
	run := func(options ...topologytest.Option) (ids []string) {
		b := topology.New("app")
		raw := b.Stream[string, int64]("raw")
		events.Publish(raw.MapValues(func(n int64) events.Event { return events.New("n", n) }), "out")
		d := topologytest.New(t, b, options...)
		in := d.Input[string, int64]("raw")
		for n := range int64(40) {
			in.Send(fmt.Sprint("k", n%7), n, noon)
		}
		for _, r := range d.Output[string, events.Event]("out").All() {
			ids = append(ids, r.Value.ID+string(r.Value.Data))
		}
		slices.Sort(ids)
		return ids
	}
	calm := run(topologytest.Partitions(3))
	fire := run(topologytest.Partitions(3), topologytest.ExactlyOnce(), topologytest.Chaos(7), topologytest.Workers(2))
	if len(calm) != 40 || !slices.Equal(calm, fire) || len(slices.Compact(slices.Clone(calm))) != 40 {
		t.Errorf("ids are %q, under fire %q", calm, fire)
	}
}

func TestBadEventsAndNamesAreReported(t *testing.T) {
	b := topology.New("app")
	s := events.Read(b, "in", events.OnUndecodable(events.DeadLetter("")), events.Upcast(upcast.New().Add("a", 2, 1))).
		Subscribe("s", events.OnUnknown(events.DeadLetter("")))
	s.On("", func(context.Context, events.Received[Threat]) error { return nil })
	events.Publish(s.Stream(), "bad topic!")
	_, err := b.Build()
	for _, want := range []string{"dead-letter policy needs", "is a cycle", "a handler needs a type", `sink topic "bad topic!"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestPublishRefusesWhatIsNoEventByThePolicyForProducing(t *testing.T) {
	b := topology.New("app")
	events.Publish(b.Stream[string, int64]("raw").MapValues(func(n int64) events.Event { return events.New("n", n).Versioned(int(n)) }), "out")
	d, err := topologytest.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	d.Input[string, int64]("raw").Send("k", 0, noon)
	if failed, ok := errors.AsType[*record.Error](d.Err()); !ok || failed.Stage != record.Produce || !strings.Contains(d.Err().Error(), "version") {
		t.Errorf("got %v", d.Err())
	}
}

func TestTopicPatterns(t *testing.T) {
	b := topology.New("app")
	n := 0
	events.Read(b, "threats.*").Subscribe("s").On("a", func(context.Context, events.Received[int]) error { n++; return nil })
	d := topologytest.New(t, b, topologytest.Partitions(1, "threats.eu", "threats.us", "threats.eu.old", "threats"))
	for _, topic := range []string{"threats.eu", "threats.us"} {
		d.Input[string, string](topic).Send("k", `{"id":"1","type":"a","data":1}`, noon)
	}
	if n != 2 {
		t.Errorf("%d events were handled, want 2", n)
	}
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	source := plan.Subtopologies[0].Sources[0]
	for topic, want := range map[string]bool{"threats.eu": true, "threats.eu.old": false, "threats": false, "threatsxeu": false} {
		if source.Matches(topic) != want {
			t.Errorf("threats.* matches %s: %v", topic, !want)
		}
	}
}
