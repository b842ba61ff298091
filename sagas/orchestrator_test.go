package sagas_test

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// bench is an orchestrator in a driver. The participants are the test's.
// rows is the type of all stores here, so that little has to be compiled.
type rows = *state.KeyValue[string, []byte]

type bench struct {
	t        *testing.T
	d        *topologytest.Driver
	inbox    *topologytest.Input[string, []byte]
	commands map[string]*topologytest.Output[string, []byte]
	audit    *topologytest.Output[string, []byte]
	statuses *topologytest.Output[string, []byte]
	letters  *topologytest.Output[string, []byte]
}

func orchestrator(all ...sagas.Defined) sagas.Orchestrator {
	return sagas.Orchestrator{
		Name: "sagas", Inbox: "inbox", Sagas: all, Audit: "audit", Statuses: "statuses", Answers: "answers", DeadLetters: "dead",
	}
}

func newBench(t *testing.T, all []sagas.Defined, options ...topologytest.Option) *bench {
	t.Helper()
	b := topology.New("app")
	if err := orchestrator(all...).AddTo(b); err != nil {
		t.Fatal(err)
	}
	// A topic that nothing writes to is there all the same.
	options = append([]topologytest.Option{topologytest.ExactlyOnce(), topologytest.Partitions(1, "cases", "analysts", "mails", "audit", "statuses", "answers", "dead")}, options...)
	w := &bench{t: t, d: topologytest.New(t, b, options...), commands: map[string]*topologytest.Output[string, []byte]{}}
	w.inbox = w.d.Input[string, []byte]("inbox")
	w.audit, w.statuses, w.letters = w.output("audit"), w.output("statuses"), w.output("dead")
	return w
}

func (w *bench) output(topic string) *topologytest.Output[string, []byte] {
	if w.commands[topic] == nil {
		w.commands[topic] = w.d.Output[string, []byte](topic)
	}
	return w.commands[topic]
}

func (w *bench) send(saga string, e sagas.Event) {
	w.t.Helper()
	value, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	w.inbox.Send(saga, value, w.d.Now())
}

// command is the next command of a topic.
func (w *bench) command(topic string) topologytest.Record[string, []byte] {
	w.t.Helper()
	r, ok := w.output(topic).Read()
	if !ok {
		w.t.Fatalf("topic %q has no further command", topic)
	}
	return r
}

// reply answers the next command of a topic.
func (w *bench) reply(topic string, err error) string {
	w.t.Helper()
	r := w.command(topic)
	id := header(r.Headers, sagas.HeaderCommand)
	w.send(header(r.Headers, sagas.HeaderSaga), sagas.Reply(id, nil, err))
	return id
}

func header(h record.Headers, key string) string {
	value, _ := h.Get(key)
	return string(value)
}

// instance is the newest state of a saga, as its topic has it.
func (w *bench) instance(saga string) (i sagas.Instance) {
	w.t.Helper()
	data, ok := topologytest.AsMap(w.statuses)[saga]
	if !ok {
		return i
	}
	i, err := sagas.DecodeInstance(data)
	if err != nil {
		w.t.Fatal(err)
	}
	return i
}

func (w *bench) expect(saga string, want sagas.Status) {
	w.t.Helper()
	if got := w.instance(saga).Status; got != want {
		w.t.Fatalf("saga %q is %q, want %q", saga, got, want)
	}
}

var goal = investigation{Target: "10.0.0.7"}

func TestAnOrchestratorRunsTheWorkedExample(t *testing.T) {
	w := newBench(t, []sagas.Defined{workedExample()})
	w.send("case-1", sagas.Start("investigation-workflow", goal))
	w.send("case-1", sagas.Start("investigation-workflow", goal)) // counts once
	create := w.command("cases")
	if create.Key != "case-1" || string(create.Value) != `{"target":"10.0.0.7"}` {
		t.Errorf("the command is %v", create)
	}
	for key, want := range map[string]string{
		sagas.HeaderCommand: "case-1/create-case/do#1", sagas.HeaderKey: "case-1/create-case", sagas.HeaderKind: "do",
		sagas.HeaderName: "create", sagas.HeaderAttempt: "1", sagas.HeaderReplyTo: "inbox", sagas.HeaderStep: "create-case",
		sagas.HeaderDefinition: "investigation-workflow/1",
	} {
		if got := header(create.Headers, key); got != want {
			t.Errorf("header %s is %q, want %q", key, got, want)
		}
	}
	w.send("case-1", sagas.Reply("case-1/create-case/do#1", []byte(`{"id":"c-1"}`), nil))
	w.reply("analysts", nil)
	w.reply("mails", nil)
	w.expect("case-1", sagas.Completed)
	if data := string(w.instance("case-1").Data); !strings.Contains(data, `"case":"c-1"`) {
		t.Errorf("the data is %s", data)
	}
	if n := w.output("cases").Len(); n != 1 {
		t.Errorf("%d commands for two starts, want 1", n)
	}
	var steps []string
	for _, r := range w.audit.All() {
		steps = append(steps, string(r.Value))
	}
	if all := strings.Join(steps, "\n"); !strings.Contains(all, `"to":"completed"`) || !strings.Contains(all, "of no use") {
		t.Errorf("the audit is\n%s", all)
	}
}

func TestTimersSurviveACrashAndTheLossOfAllState(t *testing.T) {
	for _, wipe := range []bool{false, true} {
		w := newBench(t, []sagas.Defined{workedExample()})
		w.send("case-1", sagas.Start("investigation-workflow", goal))
		w.command("cases")
		w.d.Advance(9 * time.Second)
		if wipe {
			w.d.Wipe()
		} else {
			w.d.Crash()
		}
		w.d.Advance(900 * time.Millisecond)
		if s, _ := w.stepOf("case-1", "create-case"); s.State != sagas.StepRunning {
			t.Fatalf("before its time the step is %s", s.State)
		}
		w.d.Advance(200 * time.Millisecond)
		w.d.Advance(200 * time.Millisecond)
		if s, _ := w.stepOf("case-1", "create-case"); s.State != sagas.StepWaiting || !s.Doubt {
			t.Fatalf("behind its time the step is %s", s.State)
		}
		w.d.Advance(2 * time.Second)
		if id := header(w.command("cases").Headers, sagas.HeaderCommand); id != "case-1/create-case/do#2" {
			t.Fatalf("command %s, want the second attempt", id)
		}
		w.d.Advance(time.Second)
		if n := w.output("cases").Len(); n != 2 {
			t.Fatalf("%d commands, want 2: the timer came due once", n)
		}
	}
}

func (w *bench) stepOf(saga, step string) (sagas.StepState, bool) {
	i := w.instance(saga)
	return i.Step(step)
}

func TestFunctionsAreCalledAndTheirResultsKept(t *testing.T) {
	calls := map[string]int{}
	w := newBench(t, []sagas.Defined{functions(calls)})
	w.send("x", sagas.Start("functions", goal))
	w.expect("x", sagas.Completed)
	if data := string(w.instance("x").Data); data != `{"analyst":"kim","case":"c-1","target":"10.0.0.7","told":true}` {
		t.Errorf("the data is %s", data)
	}
	if len(calls) != 3 || calls["x/open"] != 1 || calls["x/assign"] != 1 || calls["x/tell"] != 1 {
		t.Errorf("the calls by key are %v", calls)
	}
}

func TestFinishedSagasAreForgotten(t *testing.T) {
	calls := map[string]int{}
	s := functions(calls).Retention(time.Hour)
	w := newBench(t, []sagas.Defined{s})
	w.send("x", sagas.Start("functions", goal))
	w.d.Advance(59 * time.Minute)
	w.expect("x", sagas.Completed)
	w.d.Advance(time.Minute)
	w.expect("x", "")
	if rows := w.d.KeyValue[string, []byte]("sagas-timers").All(); len(rows) != 0 {
		t.Errorf("%d timers are left", len(rows))
	}
	w.send("x", sagas.Start("functions", goal))
	w.expect("x", sagas.Completed)
}

func TestAQueryIsAnswered(t *testing.T) {
	w := newBench(t, []sagas.Defined{workedExample()})
	w.send("x", sagas.Start("investigation-workflow", goal))
	w.send("x", sagas.Query("q-1"))
	w.send("y", sagas.Query("q-2"))
	answers := w.output("answers").ReadAll()
	if len(answers) != 2 || header(answers[0].Headers, sagas.HeaderQuery) != "q-1" || !answers[1].Tombstone {
		t.Fatalf("the answers are %v", answers)
	}
	if i, err := sagas.DecodeInstance(answers[0].Value); err != nil || i.Status != sagas.Running || i.ID != "x" {
		t.Errorf("the answer is %+v, %v", i, err)
	}
}

func TestAnOrchestratorThatIsIncompleteIsRefused(t *testing.T) {
	twice := sagas.Define[int]("twice")
	child := sagas.Define[int]("child")
	child.Step("a", sagas.Send("t", "a", func(int) int { return 0 }))
	parent := sagas.Define[int]("parent")
	parent.Step("run", sagas.Sub(child, func(int) int { return 0 }))
	err := sagas.Orchestrator{Sagas: []sagas.Defined{twice, twice, parent}, Tick: -1}.AddTo(topology.New("app"))
	for _, want := range []string{
		"needs a Name", "needs an Inbox", "at least 1 ms", "it has no step", "twice with version 1", `saga "child", which the orchestrator does not have`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q in it", err, want)
		}
	}
}

func TestAnOrchestratorNeedsExactlyOnce(t *testing.T) {
	b := topology.New("app")
	if err := orchestrator(workedExample()).AddTo(b); err != nil {
		t.Fatal(err)
	}
	d, err := topologytest.Open(b)
	if err == nil {
		d.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "give the worker, or the test driver, the option ExactlyOnce") {
		t.Errorf("the error is %v", err)
	}
}

func TestCrashesAtAnyMomentLeaveOneTranscript(t *testing.T) {
	for seed := range uint64(8) {
		w := newBench(t, []sagas.Defined{workedExample()}, topologytest.Partitions(2, "inbox"), topologytest.Chaos(seed))
		const n = 20
		for i := range n {
			w.send(fmt.Sprint("case-", i), sagas.Start("investigation-workflow", goal))
		}
		for i := range n {
			w.reply("cases", nil)
			var refused error
			if i%3 == 0 {
				refused = sagas.Business(errors.New("nobody is free"))
			}
			w.reply("analysts", refused)
		}
		for range n / 3 * 2 {
			if _, ok := w.output("mails").Read(); !ok {
				break
			}
		}
		w.finish()
		ids := map[string]bool{}
		for _, topic := range []string{"cases", "analysts", "mails"} {
			for _, r := range w.output(topic).All() {
				id := header(r.Headers, sagas.HeaderCommand)
				if ids[id] {
					t.Fatalf("seed %d: command %s was sent twice", seed, id)
				}
				ids[id] = true
			}
		}
		for i := range n {
			want := sagas.Completed
			if i%3 == 0 {
				want = sagas.Compensated
			}
			w.expect(fmt.Sprint("case-", i), want)
		}
	}
}

// finish answers whatever is still open with success.
func (w *bench) finish() {
	w.t.Helper()
	for _, topic := range []string{"mails", "cases", "analysts"} {
		for _, r := range w.output(topic).All() {
			w.send(header(r.Headers, sagas.HeaderSaga), sagas.Reply(header(r.Headers, sagas.HeaderCommand), nil, nil))
		}
	}
}
