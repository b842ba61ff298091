package sagas_test

import (
	"encoding/json/v2"
	"strconv"
	"testing"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// twoSteps are two commands.
func twoSteps() *sagas.Saga[investigation] {
	s := sagas.Define[investigation]("two-steps")
	s.Step("create-case", sagas.Send("cases", "create", target).
		Reply(func(d *investigation, r caseCreated) { d.Case = r.ID })).Compensate(sagas.Send("cases", "delete", ofCase))
	s.Step("assign-analyst", sagas.Send("cases", "assign", ofCase)).Compensate(sagas.Send("cases", "unassign", ofCase))
	return s
}

// BenchmarkStep is a saga of two command steps in the pure core: three events.
func BenchmarkStep(b *testing.B) {
	d := twoSteps().Definition()
	start := sagas.Start(d.Name(), goal)
	start.Saga = "saga-1"
	created := sagas.Reply("saga-1/create-case/do#1", []byte(`{"id":"c-1"}`), nil)
	assigned := sagas.Reply("saga-1/assign-analyst/do#1", nil, nil)
	b.ReportAllocs()
	for b.Loop() {
		i, _ := sagas.Step(d, sagas.Instance{}, start)
		i, _ = sagas.Step(d, i, created)
		if i, _ = sagas.Step(d, i, assigned); i.Status != sagas.Completed {
			b.Fatal(i.Status)
		}
	}
}

// BenchmarkSaga is the same with an orchestrator, a participant, their stores and all
// encoding, but without a broker.
func BenchmarkSaga(b *testing.B) {
	build := topology.New("app")
	if err := (sagas.Orchestrator{Name: "sagas", Inbox: "inbox", Sagas: []sagas.Defined{twoSteps()}}).AddTo(build); err != nil {
		b.Fatal(err)
	}
	done := func(*sagas.Job, caseCommand) (caseCreated, error) { return caseCreated{"c-1"}, nil }
	p := sagas.Participant{
		Name: "cases", Topic: "cases", Inboxes: []string{"inbox"},
		Handlers: []sagas.Handler{sagas.Handle("create", done), sagas.Handle("assign", done)},
	}
	if err := p.AddTo(build); err != nil {
		b.Fatal(err)
	}
	d := topologytest.New(b, build, topologytest.ExactlyOnce())
	in := d.Input[string, []byte]("inbox")
	start, err := json.Marshal(sagas.Start("two-steps", goal))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		in.Send("saga-"+strconv.Itoa(n), start, 0)
		n++
	}
	if got := d.Output[string, []byte]("cases").Len(); got != 2*n {
		b.Fatalf("%d commands for %d sagas", got, n)
	}
}
