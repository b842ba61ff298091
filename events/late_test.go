package events_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

const (
	firstTrace  = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	secondTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
)

// burst is what a window collects, with the trace of its newest event.
type burst struct {
	Count int          `json:"count"`
	Trace events.Trace `json:"trace"`
}

// lateTopologies tell of windows and patterns when their time is up.
var lateTopologies = map[string]func(b *topology.Builder, in *topology.Stream[string, events.Event]){
	"a window that closes": func(_ *topology.Builder, in *topology.Stream[string, events.Event]) {
		bursts := windowed(in).EmitFinal().Aggregate(func() burst { return burst{} }, collect).ToStream()
		publishBursts(bursts)
	},
	"a window that is suppressed": func(_ *topology.Builder, in *topology.Stream[string, events.Event]) {
		bursts := windowed(in).Aggregate(func() burst { return burst{} }, collect).
			Suppress(topology.UntilWindowCloses(topology.Unbounded())).ToStream()
		publishBursts(bursts)
	},
	"a pattern that runs out of time": func(_ *topology.Builder, in *topology.Stream[string, events.Event]) {
		_, late := cep.DetectTimedOut(in, cep.Begin[events.Event]("first").Where(func(e events.Event) bool { return e.Type == "seen" }).
			FollowedBy("never").Where(func(e events.Event) bool { return e.Type == "never" }).Within(10*time.Second))
		events.Publish(late.MapValues(func(m cep.Match[events.Event]) events.Event { return events.New("late", m.Count()).Of("threat", "t-1") }), "out")
	},
	"an absence at the end": func(_ *topology.Builder, in *topology.Stream[string, events.Event]) {
		matches := cep.Detect(in, cep.Begin[events.Event]("first").Where(func(e events.Event) bool { return e.Type == "seen" }).
			NotFollowedBy("never").Where(func(e events.Event) bool { return e.Type == "never" }).Within(10*time.Second))
		events.Publish(matches.MapValues(func(m cep.Match[events.Event]) events.Event { return events.New("late", m.Count()).Of("threat", "t-1") }), "out")
	},
}

func windowed(in *topology.Stream[string, events.Event]) *topology.Windowed[string, events.Event] {
	return in.GroupByKey().WindowedBy(window.Tumbling(10 * time.Second).Grace(0))
}

func collect(_ string, e events.Event, b burst) burst {
	return burst{b.Count + 1, e.Metadata.Trace}
}

func publishBursts(s *topology.WindowedStream[string, burst]) {
	told := s.Map(func(k window.Key[string], b burst) (string, events.Event) {
		return k.Key, events.New("late", b.Count).Of("threat", k.Key).Under(b.Trace)
	})
	events.Publish(told, "out")
}

// What is told when its time is up belongs to the trace of the events that it comes of,
// not to that of the record which made the time pass.
func TestWhatIsToldLateBelongsToItsOwnTrace(t *testing.T) {
	for name, build := range lateTopologies {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			build(b, events.Read(b, "in").Stream())
			d := topologytest.New(t, b, topologytest.ExactlyOnce())
			in := d.Input[string, []byte]("in")
			tell := func(id, key, trace string, at time.Time) {
				in.SendRecord(record.Record[string, []byte]{
					Key: key, Value: []byte(`{"id":"` + id + `","type":"seen","data":1,"traceparent":"` + trace + `"}`), Timestamp: at.UnixMilli(),
					Headers: record.Headers{{Key: "traceparent", Value: []byte(trace)}},
				})
			}
			start := noon.Truncate(10 * time.Second)
			tell("1", "t-1", firstTrace, start)
			d.Wipe() // the trace is kept with what is collected
			tell("2", "other", secondTrace, start.Add(time.Minute))
			d.Commit()
			var found bool
			for _, r := range d.Output[string, []byte]("out").ReadAll() {
				if r.Key != "t-1" {
					continue
				}
				found = true
				e, err := events.Decode(r.Value, r.Headers, noon)
				if err != nil {
					t.Fatal(err)
				}
				parent, _ := r.Headers.Get("traceparent")
				want, err := events.ParseTrace(firstTrace)
				if err != nil {
					t.Fatal(err)
				}
				got := e.Metadata.Trace
				if got.TraceID != want.TraceID || got.ParentSpanID != want.SpanID || got.SpanID == want.SpanID || string(parent) != got.String() {
					t.Errorf("the envelope says %+v, the header %s, want a span under %s", got, parent, firstTrace)
				}
				if strings.Count(string(r.Value), "traceparent") != 1 {
					t.Errorf("got %s", r.Value)
				}
			}
			if !found {
				t.Error("nothing was told of t-1")
			}
		})
	}
}
