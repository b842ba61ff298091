package sagas_test

import (
	"encoding/json/v2"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

type opened struct {
	Priority int `json:"priority"`
}

// caseHandling is triage, assignment and notification, and statistics beside them.
func caseHandling() sagas.Choreography {
	pass := func(next string) func(*sagas.Moment, opened) error {
		return func(m *sagas.Moment, e opened) error { return m.Emit(next, e) }
	}
	return sagas.Choreography{
		Name: "case-handling", Begins: []string{"case.opened"}, Ends: []string{"case.rejected", "case.notified"},
		Reactions: []sagas.Reaction{
			sagas.On("case.opened", "triage", func(m *sagas.Moment, e opened) error {
				switch {
				case e.Priority == 0:
					return m.Emit("case.rejected", e)
				case e.Priority < 0:
					return m.Emit("case.closed", e) // which it has not declared
				}
				return m.Emit("case.triaged", e)
			}).Emits("case.triaged", "case.rejected"),
			sagas.On("case.triaged", "assignment", pass("case.assigned")).Emits("case.assigned"),
			sagas.On("case.assigned", "notification", func(m *sagas.Moment, e opened) error {
				return m.EmitKeyed("case.notified", "team", e)
			}).Emits("case.notified"),
			sagas.On("case.triaged", "statistics", func(*sagas.Moment, opened) error { return nil }),
		},
	}
}

func TestAChoreographyThatFitsIsDrawn(t *testing.T) {
	c := caseHandling()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	const want = `choreography case-handling
  case.opened, from outside
    triage -> case.triaged | case.rejected
  case.triaged
    assignment -> case.assigned
    statistics
  case.rejected, an end
  case.assigned
    notification -> case.notified
  case.notified, an end
`
	if got := c.Describe(); got != want {
		t.Errorf("it is described as\n%s\nwant\n%s", got, want)
	}
	mermaid := c.Mermaid()
	for _, want := range []string{`e0(["case.opened"])`, `r0["triage"]`, "e0 --> r0", "r0 --> e1", "r3[\"statistics\"]"} {
		if !strings.Contains(mermaid, want) {
			t.Errorf("the drawing lacks %s:\n%s", want, mermaid)
		}
	}
}

func TestAChoreographyThatDoesNotFitIsRefused(t *testing.T) {
	nothing := func(*sagas.Moment, int) error { return nil }
	for _, bad := range []struct {
		c    sagas.Choreography
		want string
	}{
		{sagas.Choreography{}, "it needs a Name"},
		{sagas.Choreography{Name: "x"}, "it needs Begins"},
		{sagas.Choreography{Reactions: []sagas.Reaction{sagas.On("a", "s", nothing)}}, `nobody emits event "a"`},
		{sagas.Choreography{Reactions: []sagas.Reaction{sagas.On("a", "s", nothing).Emits("b")}}, `nobody reacts to event "b"`},
		{sagas.Choreography{Begins: []string{"a"}}, `nobody reacts to event "a"`},
		{sagas.Choreography{Ends: []string{"a"}}, `nobody emits event "a"`},
		{sagas.Choreography{Ends: []string{"a"}, Reactions: []sagas.Reaction{sagas.On("a", "s", nothing)}}, `event "a" is among Ends`},
		{sagas.Choreography{Reactions: []sagas.Reaction{sagas.On("a", "s", nothing).Emits("a")}}, `no beginning leads to event "a"`},
		{sagas.Choreography{Reactions: []sagas.Reaction{sagas.On("a", "s", nothing), sagas.On("a", "s", nothing)}}, "reacts twice"},
		{sagas.Choreography{Reactions: []sagas.Reaction{{}}}, "make it with On"},
	} {
		for _, err := range []error{bad.c.Check(), bad.c.AddTo(topology.New("app"))} {
			if err == nil || !strings.Contains(err.Error(), bad.want) {
				t.Errorf("the error is %v, want %q in it", err, bad.want)
			}
		}
	}
	if err := caseHandling().AddTo(topology.New("app"), "nobody"); err == nil || !strings.Contains(err.Error(), `no reaction of service "nobody"`) {
		t.Errorf("the error is %v", err)
	}
	err := sagas.Monitor{Choreography: caseHandling(), Retention: -1}.AddTo(topology.New("app"))
	for _, want := range []string{"needs a Topic", "the Patience must", "the Retention must"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q in it", err, want)
		}
	}
}

// flows runs the choreography on events of some priorities, and returns all events.
func flows(t *testing.T, priorities ...int) map[string][]topologytest.Record[string, []byte] {
	t.Helper()
	b := topology.New("app")
	if err := caseHandling().AddTo(b); err != nil {
		t.Fatal(err)
	}
	d := topologytest.New(t, b, topologytest.Partitions(1, "case.rejected", "case.notified"))
	in := d.Input[string, []byte]("case.opened")
	for i, p := range priorities {
		value, err := json.Marshal(opened{p})
		if err != nil {
			t.Fatal(err)
		}
		in.Send("c-"+string(rune('a'+i)), value, i)
	}
	all := map[string][]topologytest.Record[string, []byte]{}
	for _, event := range caseHandling().Events() {
		all[event] = d.Output[string, []byte](event).All()
	}
	return all
}

func TestServicesReactToEachOther(t *testing.T) {
	all := flows(t, 1, 0)
	for event, want := range map[string]int{"case.triaged": 1, "case.assigned": 1, "case.notified": 1, "case.rejected": 1} {
		if len(all[event]) != want {
			t.Fatalf("%d events %s, want %d", len(all[event]), event, want)
		}
	}
	last := all["case.notified"][0]
	for key, want := range map[string]string{sagas.HeaderFlow: "c-a", sagas.HeaderCause: "case.assigned-0-0", sagas.HeaderService: "notification"} {
		if got := header(last.Headers, key); got != want || len(last.Headers) != 3 {
			t.Errorf("header %s is %q, want %q (%v)", key, got, want, last.Headers)
		}
	}
	if last.Key != "team" {
		t.Errorf("the key is %q", last.Key)
	}
}

func TestAnUndeclaredEventIsNotEmitted(t *testing.T) {
	b := topology.New("app")
	if err := caseHandling().AddTo(b, "triage"); err != nil {
		t.Fatal(err)
	}
	d, err := topologytest.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Input[string, []byte]("case.opened").Send("c", []byte(`{"priority":-1}`), 0)
	if d.Err() == nil || !strings.Contains(d.Err().Error(), `does not declare that it emits event "case.closed"`) {
		t.Errorf("the error is %v", d.Err())
	}
}

// monitor is a monitor in a driver.
type monitor struct {
	t         *testing.T
	d         *topologytest.Driver
	positions *topologytest.Output[string, []byte]
}

func newMonitor(t *testing.T) *monitor {
	t.Helper()
	b := topology.New("monitor")
	if err := (sagas.Monitor{Choreography: caseHandling(), Topic: "positions", Patience: time.Minute}).AddTo(b); err != nil {
		t.Fatal(err)
	}
	d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.Partitions(1, "positions"))
	return &monitor{t, d, d.Output[string, []byte]("positions")}
}

func (m *monitor) meet(event string, r topologytest.Record[string, []byte]) {
	m.t.Helper()
	m.d.Input[string, []byte](event).SendRecord(record.Record[string, []byte]{Key: r.Key, Value: r.Value, Headers: r.Headers})
}

func (m *monitor) expect(flow, want string) {
	m.t.Helper()
	data, ok := topologytest.AsMap(m.positions)[flow]
	if !ok {
		if want != "" {
			m.t.Errorf("there is no position of %s", flow)
		}
		return
	}
	var p sagas.Position
	if err := json.Unmarshal(data, &p); err != nil {
		m.t.Fatal(err)
	}
	got := string(p.Status)
	for _, w := range p.Waiting {
		got += " " + w.Service
	}
	if got != want {
		m.t.Errorf("flow %s is %q, want %q", flow, got, want)
	}
}

func TestAMonitorShowsWhereAFlowIsAndWhetherItIsStuck(t *testing.T) {
	all := flows(t, 1)
	m := newMonitor(t)
	m.meet("case.opened", all["case.opened"][0])
	m.expect("c-a", "moving triage")
	m.meet("case.triaged", all["case.triaged"][0])
	m.expect("c-a", "moving assignment")
	m.d.Advance(59 * time.Second)
	m.expect("c-a", "moving assignment")
	m.d.Crash()
	m.d.Advance(2 * time.Second)
	m.expect("c-a", "stuck assignment")
	m.meet("case.assigned", all["case.assigned"][0])
	m.expect("c-a", "moving notification")
	m.meet("case.notified", all["case.notified"][0])
	m.expect("c-a", "over")
	m.d.Advance(25 * time.Hour)
	m.expect("c-a", "")
}

func TestAMonitorMayMeetAnEffectBeforeItsCause(t *testing.T) {
	all := flows(t, 0, 1)
	m := newMonitor(t)
	m.meet("case.rejected", all["case.rejected"][0])
	m.expect("c-a", "over")
	m.meet("case.opened", all["case.opened"][0])
	m.expect("c-a", "over")
	m.meet("case.opened", all["case.opened"][1])
	m.expect("c-b", "moving triage")
}

func TestReactionsThatFailAreHandledByThePolicy(t *testing.T) {
	boom := errors.New("boom")
	c := sagas.Choreography{Name: "x", Begins: []string{"a"}, Reactions: []sagas.Reaction{
		sagas.On("a", "s", func(*sagas.Moment, int) error { return boom }),
	}}
	b := topology.New("app")
	if err := c.AddTo(b); err != nil {
		t.Fatal(err)
	}
	d, err := topologytest.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	d.Input[string, []byte]("a").Send("k", []byte("1"), 0)
	if !errors.Is(d.Err(), boom) {
		t.Errorf("the error is %v", d.Err())
	}
}
