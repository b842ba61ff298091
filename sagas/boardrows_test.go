package sagas_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/status"
)

// boardOf is the board of an orchestrator with the definition payment.
func boardOf(t *testing.T) admin.Board {
	t.Helper()
	plan, err := approvals(t).Build()
	if err != nil {
		t.Fatal(err)
	}
	return plan.Attached()[0].(admin.Board)
}

func rowOf(t *testing.T, i sagas.Instance) []byte {
	t.Helper()
	i.ID, i.Definition, i.Version, i.Began, i.Changed = "a", "payment", max(1, i.Version), 1000, 2000
	row, err := i.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func TestABoardTellsWhatCanBeDoneAboutAStep(t *testing.T) {
	b := boardOf(t)
	for _, row := range []struct {
		name  string
		saga  sagas.Instance
		step  int
		state string
		can   string
		saga2 string // actions of the saga
	}{
		{"a function is under way", sagas.Instance{Status: sagas.Running, Steps: []sagas.StepState{{Name: "reserve", State: sagas.StepRunning, Attempts: 1}}}, 0, "running", "[retry]", "[cancel signal]"},
		{"between two attempts", sagas.Instance{Status: sagas.Running, Steps: []sagas.StepState{{Name: "reserve", State: sagas.StepWaiting}}}, 0, "waiting", "[retry skip fail]", "[cancel signal]"},
		{"a wait", sagas.Instance{Status: sagas.Running, Steps: []sagas.StepState{{Name: "approval", State: sagas.StepRunning}}}, 0, "running", "[]", "[cancel signal]"},
		{"a step that may still come", sagas.Instance{Status: sagas.Running}, 0, "", "[]", "[cancel signal]"},
		{"a parked compensation", sagas.Instance{Status: sagas.Parked, Back: true, Steps: []sagas.StepState{{Name: "reserve", State: sagas.StepStuck}}}, 0, "compensation parked", "[retry skip]", "[]"},
		{"parked behind the pivot", sagas.Instance{Status: sagas.Parked, Pivoted: true, Steps: []sagas.StepState{{Name: "approval", State: sagas.StepDone}, {Name: "pay", State: sagas.StepParked}}}, 1, "parked", "[retry skip fail]", "[]"},
		{"an end", sagas.Instance{Status: sagas.Completed, Steps: []sagas.StepState{{Name: "reserve", State: sagas.StepDone}}}, 0, "done", "[]", "[]"},
		{"a version that is gone", sagas.Instance{Version: 7, Status: sagas.Parked, Steps: []sagas.StepState{{Name: "old", State: sagas.StepParked}}}, 0, "parked", "[retry skip fail]", "[cancel]"},
	} {
		s, err := b.Show(rowOf(t, row.saga), nil)
		if err != nil {
			t.Fatal(err)
		}
		if step := s.Detail.Steps[row.step]; step.State != row.state || fmt.Sprint(step.Actions) != row.can || fmt.Sprint(s.Detail.Actions) != row.saga2 {
			t.Errorf("%s: step %+v, actions of the saga %v", row.name, step, s.Detail.Actions)
		}
	}
}

func TestABoardChoosesLikeAFilter(t *testing.T) {
	b := boardOf(t)
	row := rowOf(t, sagas.Instance{Status: sagas.Parked, Steps: []sagas.StepState{{Name: "reserve", State: sagas.StepDone}, {Name: "pay", State: sagas.StepParked, Error: "closed"}}})
	for want, filters := range map[bool][]status.SagaFilter{
		true:  {{}, {Statuses: []string{"parked", "running"}}, {Definition: "payment"}, {BegunBefore: time.UnixMilli(1001)}, {ChangedBefore: time.UnixMilli(2001)}},
		false: {{Statuses: []string{"running"}}, {Definition: "other"}, {BegunBefore: time.UnixMilli(1000)}, {ChangedBefore: time.UnixMilli(2000)}},
	} {
		for _, f := range filters {
			s, chosen, err := b.List(row, f)
			if err != nil || chosen != want || s.Step != "pay" || s.State != "parked" || s.Error != "closed" || s.Detail != nil {
				t.Errorf("%+v: chosen %t, %v: %+v", f, chosen, err, s)
			}
		}
	}
}

func TestABoardRefusesRowsAndRequestsThatAreNone(t *testing.T) {
	b := boardOf(t)
	good := rowOf(t, sagas.Instance{Status: sagas.Running})
	if _, _, err := b.List([]byte("{"), status.SagaFilter{}); err == nil {
		t.Error("a broken row is listed")
	}
	if _, err := b.Show(good, [][]byte{[]byte("no")}); err == nil || !strings.Contains(err.Error(), "no transition") {
		t.Errorf("a broken audit: %v", err)
	}
	for want, a := range map[string]status.SagaAsk{
		"is no JSON":       {Action: "signal", Name: "approve", Data: []byte("{")},
		"needs a name":     {Action: "signal"},
		"needs a step":     {Action: "skip"},
		"takes no data":    {Action: "cancel", Data: []byte("1")},
		"takes no id":      {Action: "retry", Step: "pay", ID: "1"},
		"takes no name":    {Action: "fail", Step: "pay", Name: "x"},
		"there are cancel": {Action: ""},
	} {
		event, err := b.Ask(good, a)
		if err == nil || event != nil || !strings.Contains(err.Error(), want) || errors.Is(err, query.ErrRefused) {
			t.Errorf("%+v: %s, %v", a, event, err)
		}
	}
	if event, err := b.Ask(good, status.SagaAsk{Action: "cancel"}); err != nil || string(event) != `{"type":"cancel","error":"cancelled by hand"}` {
		t.Errorf("%s, %v", event, err)
	}
}
