package sagas_test

import (
	"encoding/json/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// inTrace checks that headers carry a span of its own in the trace of the tests.
func inTrace(t *testing.T, what string, h record.Headers) (span string) {
	t.Helper()
	got := header(h, "traceparent")
	if len(got) != 55 || got[:36] != traceparent[:36] || got == traceparent || got[52:] != "-01" || header(h, "tracestate") != "vendor=1" {
		t.Errorf("%s: traceparent is %q, tracestate %q", what, got, header(h, "tracestate"))
		return ""
	}
	return got[36:52]
}

// Commands belong to the trace in which their saga was started, those that a timer leads to
// after a loss of all state as well, and whatever the trace of the reply was.
func TestCommandsBelongToTheTraceOfTheirSaga(t *testing.T) {
	w := newBench(t, []sagas.Defined{workedExample()})
	value, err := json.Marshal(sagas.Start("investigation-workflow", goal))
	if err != nil {
		t.Fatal(err)
	}
	w.inbox.SendRecord(record.Record[string, []byte]{
		Key: "case-1", Value: value, Timestamp: w.d.Now().UnixMilli(),
		Headers: record.Headers{{Key: "traceparent", Value: []byte(traceparent)}, {Key: "tracestate", Value: []byte("vendor=1")}},
	})
	first := inTrace(t, "the first attempt", w.command("cases").Headers)
	w.d.Wipe()
	for range 30 {
		w.d.Advance(500 * time.Millisecond)
	}
	again := inTrace(t, "the second attempt, which a timer has led to", w.command("cases").Headers)
	if first == again {
		t.Errorf("both attempts are span %s", first)
	}
	w.send("case-1", sagas.Reply("case-1/create-case/do#2", []byte(`{"id":"c-1"}`), nil))
	inTrace(t, "the next step", w.command("analysts").Headers)
}

func TestASagaWithoutATraceHasNone(t *testing.T) {
	for _, bad := range []string{"", "00-1-2-3", strings.ToUpper(traceparent), "00-00000000000000000000000000000000-00f067aa0ba902b7-01", strings.Replace(traceparent, "4b", "xx", 1)} {
		w := newBench(t, []sagas.Defined{workedExample()})
		value, err := json.Marshal(sagas.Start("investigation-workflow", goal))
		if err != nil {
			t.Fatal(err)
		}
		w.inbox.SendRecord(record.Record[string, []byte]{
			Key: "case-1", Value: value, Timestamp: w.d.Now().UnixMilli(), Headers: record.Headers{{Key: "traceparent", Value: []byte(bad)}},
		})
		if got, ok := w.command("cases").Headers.Get("traceparent"); ok {
			t.Errorf("out of %q came %q", bad, got)
		}
	}
}

func TestRepliesAndWhatParticipantsEmitBelongToTheTraceOfTheCommand(t *testing.T) {
	s := newService(t)
	s.send(record.Headers{
		{Key: sagas.HeaderCommand, Value: []byte("case-1/create-case/do#1")}, {Key: sagas.HeaderKey, Value: []byte("case-1/create-case")},
		{Key: sagas.HeaderKind, Value: []byte(sagas.ToDo)}, {Key: sagas.HeaderName, Value: []byte("create")},
		{Key: sagas.HeaderSaga, Value: []byte("case-1")}, {Key: sagas.HeaderReplyTo, Value: []byte("inbox")},
		{Key: "traceparent", Value: []byte(traceparent)}, {Key: "tracestate", Value: []byte("vendor=1")},
	})
	reply, ok := s.replies.Read()
	emitted, told := s.d.Output[string, []byte]("events").Read()
	if !ok || !told {
		t.Fatalf("there is a reply: %v, and an event: %v", ok, told)
	}
	if inTrace(t, "the reply", reply.Headers) == inTrace(t, "what was emitted", emitted.Headers) {
		t.Error("the reply and what was emitted are one span")
	}
}

func TestEventsOfAChoreographyStayInTheirTrace(t *testing.T) {
	b := topology.New("app")
	if err := caseHandling().AddTo(b); err != nil {
		t.Fatal(err)
	}
	d := topologytest.New(t, b, topologytest.Partitions(1, "case.rejected", "case.notified"))
	value, err := json.Marshal(opened{1})
	if err != nil {
		t.Fatal(err)
	}
	d.Input[string, []byte]("case.opened").SendRecord(record.Record[string, []byte]{
		Key: "c-1", Value: value, Headers: record.Headers{{Key: "traceparent", Value: []byte(traceparent)}, {Key: "tracestate", Value: []byte("vendor=1")}},
	})
	spans := map[string]bool{}
	for _, event := range []string{"case.triaged", "case.assigned", "case.notified"} {
		r, ok := d.Output[string, []byte](event).Read()
		if !ok {
			t.Fatalf("there is no event %s", event)
		}
		spans[inTrace(t, event, r.Headers)] = true
	}
	if len(spans) != 3 {
		t.Errorf("three events are %d spans", len(spans))
	}
}
