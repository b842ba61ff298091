package sagas_test

import (
	"encoding/json/v2"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/sagas"
)

func TestAnEventSurvivesItsEncoding(t *testing.T) {
	for _, e := range []sagas.Event{
		sagas.Start("orders", goal), sagas.Signal("approve", "id-1", 7), sagas.Cancel("why"), sagas.RetryStep("a"), sagas.SkipStep("a"),
		sagas.FailStep("a"), sagas.Query("q"), sagas.Reply("x/a/do#1", []byte("1"), nil), sagas.Reply("x/a/do#1", nil, sagas.Business(errors.New("no"))),
	} {
		data, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sagas.ParseEvent(data); err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("%+v became %+v, %v", e, got, err)
		}
	}
}

func TestDataThatIsNoJSONMakesNoEvent(t *testing.T) {
	if data, err := json.Marshal(sagas.Start("orders", func() {})); err == nil {
		t.Errorf("a function as data became %s", data)
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"type":"reply","command":"x/create-case/do#1","outcome":"ok","data":{}}`))
	f.Add([]byte(`{"type":"start","definition":"investigation-workflow","data":{"target":"t"}}`))
	f.Add([]byte(`{"type":"undo","command":"c","parent":{"saga":"p","command":"c"}}`))
	d := workedExample().Definition()
	start := sagas.Start(d.Name(), goal)
	start.Saga = "x"
	running, _ := sagas.Step(d, sagas.Instance{}, start)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := sagas.ParseEvent(data)
		if err != nil {
			return
		}
		e.Saga = "x"
		for _, i := range []sagas.Instance{{}, running} {
			next, _ := sagas.Step(d, i, e)
			if again, err := next.Encode(); err != nil {
				t.Errorf("%s: %v", again, err)
			}
		}
	})
}

func TestADefinitionThatIsWrongSaysAllThatIs(t *testing.T) {
	s := sagas.Define[int]("").Version(0).Deadline(0).Retention(-1)
	to := sagas.Send("t", "n", func(int) int { return 0 })
	s.Step("a/b", to).Timeout(-1)
	s.Step("twice", to).Retry(sagas.Retry{})
	s.Step("twice", to).RetryCompensation(sagas.Retry{First: time.Second, Max: time.Millisecond})
	s.Step("nothing", sagas.Action[int]{}).Compensate(sagas.Action[int]{})
	s.Step("nowhere", sagas.Send("", "n", func(int) int { return 0 })).Timeout(0)
	s.Step("negative", to).Retry(sagas.Retry{First: time.Second, Max: time.Second, Attempts: -1})
	s.Await("nobody").Late(func(*int) error { return nil })
	s.Parallel("empty")
	child := sagas.Define[int]("child")
	s.Step("sub", sagas.Sub(child, func(int) int { return 0 })).Ask()
	err := s.Definition().Err()
	for _, want := range []string{
		"a definition needs a name", "version 0: give at least 1", "Deadline is 0s", "Retention is -1ns", "none of / # @", "the timeout is negative",
		`two steps are named "twice"`, "Retry.First is less than 1 ms", "Retry.Max is shorter", `step "nothing": it has no action`,
		`step "nothing": compensation: it has no action`, "a command needs a topic and a name", "the timeout is 0", "must not be negative",
		"it waits for no signal", "Late without Within", "it has no branch", "only a command can be asked after",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q in it", err, want)
		}
	}
	if err := sagas.Define[int]("x").Definition().Err(); err == nil || !strings.Contains(err.Error(), "it has no step") {
		t.Errorf("the error is %v", err)
	}
}
