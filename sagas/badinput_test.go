package sagas_test

import (
	"context"
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

func TestBadInputIsLeftBehind(t *testing.T) {
	w := newBench(t, []sagas.Defined{workedExample()})
	long := func(e sagas.Event) string {
		value, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return string(value)
	}
	for _, bad := range []struct{ name, value, want string }{
		{"no JSON", "{", "not an event"},
		{"an unknown type", `{"type":"begin"}`, `unknown type of event "begin"`},
		{"a start without a definition", `{"type":"start"}`, "needs a definition"},
		{"a reply without a command", `{"type":"reply"}`, "needs a command"},
		{"a signal without a name", `{"type":"signal"}`, "needs a name"},
		{"a retry without a step", `{"type":"retry-step"}`, "needs a step"},
		{"a timer from outside", `{"type":"timer"}`, "unknown type"},
		{"an unknown definition", long(sagas.Start("nothing", goal)), `no definition "nothing"`},
		{"data of another type", long(sagas.Start("investigation-workflow", []int{1})), "its data"},
		{"a reply to nobody", long(sagas.Reply("x/a/do#1", nil, nil)), "no saga x"},
		{"a signal to nobody", long(sagas.Signal("approve", "", 1)), "no saga x"},
	} {
		w.inbox.Send("x", []byte(bad.value), 0)
		letter, ok := w.letters.Read()
		if why := header(letter.Headers, sagas.HeaderError); !ok || !strings.Contains(why, bad.want) || string(letter.Value) != bad.value {
			t.Errorf("%s: the dead letter is %s, because %q; want %q in it", bad.name, letter.Value, why, bad.want)
		}
	}
	w.inbox.SendRecord(record.Record[string, []byte]{Value: []byte("{}"), NullKey: true})
	if letter, ok := w.letters.Read(); !ok || !strings.Contains(header(letter.Headers, sagas.HeaderError), "no key") {
		t.Error("a record without a key is not left behind")
	}
	counted, logged := w.d.Dropped(), w.d.Reports()
	if counted["saga event malformed"] != 8 || counted["saga not known"] != 4 || len(logged) != 12 || logged[0].Policy != "dead letter" {
		t.Errorf("counted are %v, logged %d: %v", counted, len(logged), logged)
	}
	w.send("good", sagas.Start("investigation-workflow", goal))
	w.expect("good", sagas.Running)
}

func TestWithoutDeadLettersBadInputIsLoggedAllTheSame(t *testing.T) {
	o := orchestrator(workedExample())
	o.DeadLetters = ""
	b := topology.New("app")
	if err := o.AddTo(b); err != nil {
		t.Fatal(err)
	}
	d := topologytest.New(t, b, topologytest.ExactlyOnce())
	d.Input[string, []byte]("inbox").Send("x", []byte("{"), 0)
	logged := d.Reports()
	if len(logged) != 1 || logged[0].Policy != "skip" || !strings.Contains(logged[0].Err.Error(), "not an event") {
		t.Errorf("logged are %v", logged)
	}
}

func TestEventsOfNoUseAreCountedAndTold(t *testing.T) {
	w := newBench(t, []sagas.Defined{workedExample()})
	w.send("x", sagas.Start("investigation-workflow", goal))
	w.audit.ReadAll()
	for _, e := range []sagas.Event{
		sagas.Reply("x/create-case/do#2", nil, nil),
		sagas.Reply("x/nothing/do#1", nil, nil),
		sagas.Reply("y/create-case/do#1", nil, nil),
		sagas.Reply("nonsense", nil, errors.New("bad")),
		sagas.Signal("hello", "", 0),
		sagas.FailStep("create-case"),
		sagas.SkipStep("create-case"),
		sagas.SkipStep("nothing"),
	} {
		w.ofNoUse("x", e)
	}
	w.expect("x", sagas.Running)
	if n := w.d.Dropped()["saga event of no use"]; n != 8 {
		t.Errorf("%d events of no use are counted, want 8", n)
	}
}

// ofNoUse sends an event that must leave a word in the audit, and nothing else.
func (w *bench) ofNoUse(saga string, e sagas.Event) {
	w.t.Helper()
	before := w.instance(saga)
	w.send(saga, e)
	if r, ok := w.audit.Read(); !ok || !strings.Contains(string(r.Value), string(e.Type)+" of no use") {
		w.t.Errorf("%v: the audit says %s", e, r.Value)
	}
	if after := w.instance(saga); after.Status != before.Status || after.Changed != before.Changed {
		w.t.Errorf("%v changed the saga from %+v to %+v", e, before, after)
	}
}

func TestWhatComesAfterTheEndIsOfNoUse(t *testing.T) {
	w := newBench(t, []sagas.Defined{workedExample()})
	w.send("x", sagas.Start("investigation-workflow", goal))
	create := w.reply("cases", nil)
	w.reply("analysts", nil)
	w.reply("mails", nil)
	w.expect("x", sagas.Completed)
	w.audit.ReadAll()
	w.d.Advance(time.Minute)
	for _, e := range []sagas.Event{
		sagas.Reply(create, nil, nil), sagas.Reply(create, nil, errors.New("late")), sagas.Cancel("late"),
		sagas.Signal("hello", "", 0), sagas.RetryStep("create-case"), sagas.Start("investigation-workflow", goal),
	} {
		w.ofNoUse("x", e)
	}
	if n := w.d.Dropped()["saga event of no use"]; n != 6 {
		t.Errorf("%d events of no use are counted, want 6", n)
	}
}

func TestAPanicParksItsSagaAndStopsNoOther(t *testing.T) {
	s := sagas.Define[investigation]("panics")
	s.Step("open", sagas.Send("cases", "create", target)).Pivot()
	s.Step("boom", sagas.Do(func(_ context.Context, i *investigation) error {
		if i.Target == "bad" {
			panic("boom")
		}
		return nil
	})).Retry(sagas.Once())
	w := newBench(t, []sagas.Defined{s})
	w.send("bad", sagas.Start("panics", investigation{Target: "bad"}))
	w.send("good", sagas.Start("panics", investigation{Target: "good"}))
	w.reply("cases", nil)
	w.reply("cases", nil)
	w.expect("bad", sagas.Parked)
	w.expect("good", sagas.Completed)
	if step, _ := w.stepOf("bad", "boom"); !strings.Contains(step.Error, "panic: boom") || !step.Doubt {
		t.Errorf("the step is %+v", step)
	}
	w.send("bad", sagas.SkipStep("boom"))
	w.expect("bad", sagas.Completed)
}
