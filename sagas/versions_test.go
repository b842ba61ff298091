package sagas_test

import (
	"encoding/json/v2"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// restarted starts a saga by a definition, has the definition changed, and starts the
// application anew.
func restarted(t *testing.T, saga *sagas.Saga[investigation], change func()) error {
	t.Helper()
	b := topology.New("app")
	if err := (sagas.Orchestrator{Name: "sagas", Inbox: "inbox", Sagas: []sagas.Defined{saga}}).AddTo(b); err != nil {
		t.Fatal(err)
	}
	d, err := topologytest.Open(b, topologytest.ExactlyOnce())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	start, err := json.Marshal(sagas.Start(saga.Definition().Name(), goal))
	if err != nil {
		t.Fatal(err)
	}
	d.Input[string, []byte]("inbox").Send("x", start, 0)
	if d.Err() != nil {
		t.Fatal(d.Err())
	}
	change()
	d.Crash()
	return d.Err()
}

func TestAnIncompatibleChangeIsRefusedAtTheStart(t *testing.T) {
	saga := workedExample()
	err := restarted(t, saga, func() {
		saga.Step("close-case", sagas.Send("cases", "close", ofCase))
	})
	if err == nil || !strings.Contains(err.Error(), "1 sagas go by definition investigation-workflow/1, whose steps have changed since: give it a new version") {
		t.Errorf("the error is %v", err)
	}
}

func TestACompatibleChangeIsNotRefused(t *testing.T) {
	saga := workedExample()
	if err := restarted(t, saga, func() { saga.Deadline(5) }); err != nil {
		t.Error(err)
	}
}

func TestSagasKeepTheVersionThatTheyWereStartedWith(t *testing.T) {
	newer := sagas.Define[investigation]("investigation-workflow").Version(2)
	newer.Step("only", sagas.Send("mails", "notify", ofCase))
	w := newBench(t, []sagas.Defined{workedExample(), newer})
	old := sagas.Start("investigation-workflow", goal)
	old.Version = 1
	w.send("old", old)
	w.send("new", sagas.Start("investigation-workflow", goal))
	w.d.Crash()
	if v := w.instance("old").Version; v != 1 {
		t.Errorf("the old one has version %d", v)
	}
	if v := w.instance("new").Version; v != 2 {
		t.Errorf("the new one has version %d", v)
	}
	w.reply("cases", nil)
	w.reply("analysts", nil)
	w.reply("mails", nil)
	w.reply("mails", nil)
	w.expect("old", sagas.Completed)
	w.expect("new", sagas.Completed)
}
