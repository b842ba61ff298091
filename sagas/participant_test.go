package sagas_test

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// ledger is what a participant has booked: a count for each saga and command.
func ledger(name string) topology.Store[rows] {
	return topology.KeyValueStore[string, []byte](name + "-ledger")
}

// book counts a command in the ledger.
func book(l topology.Store[rows]) func(j *sagas.Job, _ caseCommand) (caseCreated, error) {
	return func(j *sagas.Job, _ caseCommand) (caseCreated, error) {
		if err := trouble(j); err != nil {
			return caseCreated{}, err
		}
		rows, err := l.In(j.Task)
		if err != nil {
			return caseCreated{}, err
		}
		have, _, err := rows.Get(j.Saga + " " + j.Name)
		if err != nil {
			return caseCreated{}, err
		}
		if err := rows.Put(j.Saga+" "+j.Name, append(have[:len(have):len(have)], '.')); err != nil {
			return caseCreated{}, err
		}
		return caseCreated{ID: "c-" + j.Saga}, j.Emit("events", j.Saga, j.Name)
	}
}

// trouble is by chance, but always the same for the same attempt. Commands of other
// sagas than t-... have none.
func trouble(j *sagas.Job) error {
	if !strings.HasPrefix(j.Saga, "t-") {
		return nil
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(j.ID))
	switch n := h.Sum32() / 7 % 10; {
	case n == 0 && j.Kind == sagas.ToDo:
		return sagas.Business(errors.New("refused"))
	case n <= 2:
		return errors.New("busy")
	case n == 3:
		return sagas.InDoubt(errors.New("cut off"))
	case n == 4:
		panic("boom")
	}
	return nil
}

func participant(name, topic string, l topology.Store[rows], commands ...string) sagas.Participant {
	p := sagas.Participant{
		Name: name, Topic: topic, Inboxes: []string{"inbox"}, Stores: []topology.StoreRef{l}, Emits: []string{"events"}, DeadLetters: "dead",
	}
	for _, c := range commands {
		p.Handlers = append(p.Handlers, sagas.Handle(c, book(l)))
	}
	return p
}

// service is one participant in a driver.
type service struct {
	t       *testing.T
	d       *topologytest.Driver
	in      *topologytest.Input[string, []byte]
	replies *topologytest.Output[string, []byte]
	cases   topologytest.KeyValue[string, []byte]
}

func newService(t *testing.T) *service {
	t.Helper()
	b := topology.New("app")
	if err := participant("cases", "commands", ledger("cases"), "create", "delete").AddTo(b); err != nil {
		t.Fatal(err)
	}
	d := topologytest.New(t, b, topologytest.Partitions(1, "inbox", "events", "dead"))
	return &service{t, d, d.Input[string, []byte]("commands"), d.Output[string, []byte]("inbox"), d.KeyValue[string, []byte]("cases-ledger")}
}

// command sends a command and returns the outcome of its reply.
func (s *service) command(kind sagas.Kind, attempt int, name, saga string) sagas.Event {
	s.t.Helper()
	key := saga + "/create-case"
	s.send(record.Headers{
		{Key: sagas.HeaderCommand, Value: fmt.Appendf(nil, "%s/%s#%d", key, kind, attempt)}, {Key: sagas.HeaderKey, Value: []byte(key)},
		{Key: sagas.HeaderKind, Value: []byte(kind)}, {Key: sagas.HeaderName, Value: []byte(name)},
		{Key: sagas.HeaderSaga, Value: []byte(saga)}, {Key: sagas.HeaderReplyTo, Value: []byte("inbox")},
	})
	r, ok := s.replies.Read()
	if !ok || r.Key != saga {
		s.t.Fatalf("no reply to %s %s, but %v", kind, name, r)
	}
	e, err := sagas.ParseEvent(r.Value)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *service) send(h record.Headers) {
	s.t.Helper()
	s.in.SendRecord(record.Record[string, []byte]{Key: "k", Value: []byte("{}"), Headers: h})
}

func (s *service) booked(what string) int {
	marks, _ := s.cases.Get(what)
	return len(marks)
}

func TestAParticipantKeepsToTheThreeGuards(t *testing.T) {
	s := newService(t)
	const do, undo, ask = sagas.ToDo, sagas.ToUndo, sagas.ToAsk
	for _, step := range []struct {
		name    string
		kind    sagas.Kind
		attempt int
		saga    string
		command string
		want    sagas.Outcome
		booked  string // how often create and delete are booked behind it
	}{
		{"a question before the command", ask, 1, "a", "create", sagas.Unseen, "0 0"},
		{"a command", do, 1, "a", "create", sagas.OK, "1 0"},
		{"the same command again", do, 1, "a", "create", sagas.OK, "1 0"},
		{"another attempt", do, 2, "a", "create", sagas.OK, "1 0"},
		{"a question behind it", ask, 2, "a", "create", sagas.OK, "1 0"},
		{"its compensation", undo, 1, "a", "delete", sagas.OK, "1 1"},
		{"its compensation again", undo, 2, "a", "delete", sagas.OK, "1 1"},
		{"an action behind its compensation", do, 3, "a", "create", sagas.Failed, "1 1"},
		{"a question behind the compensation", ask, 3, "a", "create", sagas.Failed, "1 1"},
		{"a compensation before its action", undo, 1, "b", "delete", sagas.OK, "0 0"},
		{"the action then", do, 1, "b", "create", sagas.Failed, "0 0"},
		{"an unknown command", do, 1, "c", "rename", sagas.Failed, "0 0"},
	} {
		reply := s.command(step.kind, step.attempt, step.command, step.saga)
		booked := fmt.Sprint(s.booked(step.saga+" create"), " ", s.booked(step.saga+" delete"))
		if reply.Outcome != step.want || booked != step.booked {
			t.Errorf("%s: %s (%s), booked %s; want %s, %s", step.name, reply.Outcome, reply.Error, booked, step.want, step.booked)
		}
		if step.kind == do && reply.Outcome == sagas.OK && string(reply.Data) != `{"id":"c-a"}` {
			t.Errorf("%s: the reply says %s", step.name, reply.Data)
		}
	}
	if events := s.d.Output[string, []byte]("events").ReadAll(); len(events) != 2 {
		t.Errorf("%d events for two effects", len(events))
	}
}

func TestAParticipantForgetsCommandsAfterTheRetention(t *testing.T) {
	s := newService(t)
	s.command(sagas.ToDo, 1, "create", "a")
	s.d.Advance(7*24*time.Hour - time.Minute)
	s.command(sagas.ToDo, 2, "create", "a")
	if n := s.booked("a create"); n != 1 {
		t.Fatalf("booked %d times within the retention", n)
	}
	s.d.Advance(2 * time.Minute)
	s.command(sagas.ToDo, 3, "create", "a")
	if n := s.booked("a create"); n != 2 {
		t.Fatalf("booked %d times, want a second time behind the retention", n)
	}
}

func TestWhatIsNoCommandIsLeftBehind(t *testing.T) {
	s := newService(t)
	dead := s.d.Output[string, []byte]("dead")
	good := record.Headers{
		{Key: sagas.HeaderCommand, Value: []byte("x/a/do#1")}, {Key: sagas.HeaderKey, Value: []byte("x/a")}, {Key: sagas.HeaderSaga, Value: []byte("x")},
	}
	for _, bad := range []struct {
		headers record.Headers
		want    string
	}{
		{nil, "no command"},
		{good, `its reply goes to ""`},
		{good.With(sagas.HeaderReplyTo, []byte("elsewhere")), `its reply goes to "elsewhere"`},
		{good.With(sagas.HeaderReplyTo, []byte("inbox")).With(sagas.HeaderKind, []byte("dance")), `unknown kind of command "dance"`},
	} {
		s.send(bad.headers)
		if r, ok := dead.Read(); !ok || !strings.Contains(header(r.Headers, sagas.HeaderError), bad.want) {
			t.Errorf("the dead letter is %v, want one with %q", r, bad.want)
		}
	}
}

func TestAParticipantThatIsIncompleteIsRefused(t *testing.T) {
	nothing := func(*sagas.Job, int) (int, error) { return 0, nil }
	err := sagas.Participant{
		Handlers: []sagas.Handler{sagas.Handle("a", nothing), sagas.Handle("a", nothing), {}}, Retention: -1,
	}.AddTo(topology.New("app"))
	for _, want := range []string{"needs a Name", "needs a Topic", "needs Inboxes", `two handlers of commands named "a"`, "at least 1 ms", "make it with Handle"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q in it", err, want)
		}
	}
}

// TestLedgersBalance has many sagas run in a whole system, in which participants fail
// and workers crash by chance, and looks at what was booked in the end.
func TestLedgersBalance(t *testing.T) {
	for seed := range uint64(6) {
		b := topology.New("app")
		err := errors.Join(
			orchestrator(workedExample()).AddTo(b),
			participant("case-service", "cases", ledger("case-service"), "create", "delete").AddTo(b),
			participant("analyst-service", "analysts", ledger("analyst-service"), "assign", "unassign").AddTo(b),
			participant("mail-service", "mails", ledger("mail-service"), "notify").AddTo(b),
		)
		if err != nil {
			t.Fatal(err)
		}
		d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.Partitions(2), topologytest.Workers(2), topologytest.Seed(seed), topologytest.Chaos(seed))
		in := d.Input[string, []byte]("inbox")
		const n = 40
		for i := range n {
			start, err := json.Marshal(sagas.Start("investigation-workflow", goal))
			if err != nil {
				t.Fatal(err)
			}
			in.Send(fmt.Sprint("t-", i), start, 0)
		}
		for range 400 {
			d.Advance(500 * time.Millisecond)
		}
		statuses, ended := topologytest.AsMap(d.Output[string, []byte]("statuses")), map[sagas.Status]int{}
		booked := map[string]int{}
		for _, name := range []string{"case-service", "analyst-service", "mail-service"} {
			for _, row := range d.KeyValue[string, []byte](name + "-ledger").All() {
				booked[row.Key] = len(row.Value)
			}
		}
		for i := range n {
			id := fmt.Sprint("t-", i)
			saga, err := sagas.DecodeInstance(statuses[id])
			if err != nil {
				t.Fatal(err)
			}
			ended[saga.Status]++
			created, assigned := booked[id+" create"]-booked[id+" delete"], booked[id+" assign"]-booked[id+" unassign"]
			want := map[sagas.Status]int{sagas.Completed: 1, sagas.Compensated: 0}
			if rest, over := want[saga.Status]; !over && saga.Status != sagas.Parked || over && (created != rest || assigned != rest) {
				t.Errorf("seed %d: saga %s is %s, with %d created and %d assigned", seed, id, saga.Status, created, assigned)
			}
			for _, command := range []string{" create", " delete", " assign", " unassign", " notify"} {
				if booked[id+command] > 1 {
					t.Errorf("seed %d: %s%s was done %d times", seed, id, command, booked[id+command])
				}
			}
		}
		t.Logf("seed %d: %v", seed, ended)
		if ended[sagas.Completed] == 0 || ended[sagas.Compensated] == 0 {
			t.Errorf("seed %d: the sagas ended as %v", seed, ended)
		}
	}
}
