//go:build integration

package integration

import (
	"encoding/json/v2"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/sagas"
	"github.com/tidemill/tidemill/topology"
)

// sagaCase is the data of the sagas here, and the commands too.
type sagaCase struct {
	Target string `json:"target"`
	Case   string `json:"case,omitzero"`
}

func sameCase(c sagaCase) sagaCase { return c }

// investigationSaga is the worked example, with short pauses. Compensations never
// give up, so that no saga is parked.
func investigationSaga(j job) *sagas.Saga[sagaCase] {
	again := sagas.Retry{First: 50 * time.Millisecond, Max: 500 * time.Millisecond, Attempts: 5}
	always := again
	always.Attempts = 0
	s := sagas.Define[sagaCase]("investigation-workflow")
	s.Step("create-case", sagas.Send(j.Topics["cases"], "create", sameCase).Reply(func(c *sagaCase, id string) { c.Case = id })).
		Compensate(sagas.Send(j.Topics["cases"], "delete", sameCase)).Retry(again).RetryCompensation(always)
	s.Step("assign-analyst", sagas.Send(j.Topics["analysts"], "assign", sameCase)).
		Compensate(sagas.Send(j.Topics["analysts"], "unassign", sameCase)).Retry(again).RetryCompensation(always)
	s.Step("notify-team", sagas.Send(j.Topics["mails"], "notify", sameCase)).Retry(again)
	return s
}

// waitingSaga waits for a signal that never comes.
func waitingSaga(job) *sagas.Saga[sagaCase] {
	s := sagas.Define[sagaCase]("waiting")
	s.Await("approval").On("approve", func(*sagaCase, string) error { return nil }).Within(sagaPatience)
	return s
}

const sagaPatience = 8 * time.Second

func orchestratorTopology(saga func(job) *sagas.Saga[sagaCase]) func(job) *topology.Builder {
	return func(j job) *topology.Builder {
		b := topology.New(j.Application)
		must(sagas.Orchestrator{
			Name: "sagas", Inbox: j.Topics["inbox"], Statuses: j.Topics["statuses"], Audit: j.Topics["audit"], Sagas: []sagas.Defined{saga(j)},
		}.AddTo(b))
		return b
	}
}

// participantsTopology has all three services. What they do is in the ledger.
func participantsTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	for service, commands := range map[string][]string{"cases": {"create", "delete"}, "analysts": {"assign", "unassign"}, "mails": {"notify"}} {
		p := sagas.Participant{Name: service, Topic: j.Topics[service], Inboxes: []string{j.Topics["inbox"]}, Emits: []string{j.Topics["ledger"]}}
		for _, c := range commands {
			p.Handlers = append(p.Handlers, sagas.Handle(c, func(job *sagas.Job, _ sagaCase) (string, error) {
				if err := sagaTrouble(job); err != nil {
					return "", err
				}
				return "case of " + job.Saga, job.Emit(j.Topics["ledger"], job.Saga, job.Name)
			}))
		}
		must(p.AddTo(b))
	}
	return b
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// sagaTrouble is by chance, but the same whenever a command is done again.
func sagaTrouble(j *sagas.Job) error {
	h := fnv.New32a()
	_, _ = h.Write([]byte(j.ID))
	switch n := h.Sum32() / 31 % 20; {
	case n < 2 && j.Kind == sagas.ToDo:
		return sagas.Business(errors.New("refused"))
	case n < 4:
		return errors.New("busy")
	case n == 4:
		return sagas.InDoubt(errors.New("cut off"))
	case n == 5:
		panic("boom")
	}
	return nil
}

// sagaTopics creates the topics of an orchestrator and its participants.
func (f *fixture) sagaTopics(partitions int32) map[string]string {
	f.t.Helper()
	topics := map[string]string{}
	for _, name := range []string{"inbox", "statuses", "audit", "cases", "analysts", "mails", "ledger"} {
		topics[name] = f.topic(name, partitions)
	}
	return topics
}

func startSaga(topic, id, definition string) *kgo.Record {
	value, err := json.Marshal(sagas.Start(definition, sagaCase{Target: id}))
	must(err)
	return &kgo.Record{Topic: topic, Key: []byte(id), Value: value}
}

// instances are the newest states of all sagas.
func (f *fixture) instances(topic string) map[string]sagas.Instance {
	f.t.Helper()
	all := map[string]sagas.Instance{}
	for _, r := range f.read(topic) {
		i, err := sagas.DecodeInstance(r.Value)
		if err != nil {
			f.t.Fatal(err)
		}
		all[string(r.Key)] = i
	}
	return all
}

func TestSagasEndWellWhoeverIsKilled(t *testing.T) {
	const n, kills = 1000, 20
	f := newFixture(t)
	j := job{
		Topology: "sagas", Brokers: f.brokers, ExactlyOnce: true, Topics: f.sagaTopics(4),
		SessionTimeout: 3 * time.Second, TransactionTimeout: 3 * time.Second,
	}
	j.Application = f.app + ".orchestrator"
	orchestrators := newChaos(f, j)
	j.Application, j.Topology = f.app+".participants", "participants"
	participants := newChaos(f, j)
	began := time.Now()
	for kill := range kills {
		for i := range n / kills {
			id := fmt.Sprintf("saga-%d", kill*n/kills+i)
			f.produce(startSaga(j.Topics["inbox"], id, "investigation-workflow"), startSaga(j.Topics["inbox"], id, "investigation-workflow"))
		}
		victim := orchestrators
		if orchestrators.random.IntN(2) == 0 {
			victim = participants
		}
		victim.between(100*time.Millisecond, 1200*time.Millisecond)
		i := victim.random.IntN(2)
		victim.kill(i)
		victim.start(i)
	}
	ended := map[sagas.Status]int{}
	var all map[string]sagas.Instance
	await(t, "all sagas have ended", func() bool {
		all, ended = f.instances(j.Topics["statuses"]), map[sagas.Status]int{}
		for _, i := range all {
			ended[i.Status]++
		}
		return ended[sagas.Completed]+ended[sagas.Compensated] == n
	})
	t.Logf("%d sagas in %v: %v", n, time.Since(began).Round(time.Second), ended)
	orchestrators.end()
	participants.end()
	f.balance(j, all)
	ids := map[string]bool{}
	for _, r := range f.read(j.Topics["cases"], j.Topics["analysts"], j.Topics["mails"]) {
		id := sagaHeader(r, sagas.HeaderCommand)
		if ids[id] {
			t.Errorf("command %s was sent twice", id)
		}
		ids[id] = true
	}
	t.Logf("%d commands", len(ids))
}

// balance compares what was done with where the sagas ended.
func (f *fixture) balance(j job, all map[string]sagas.Instance) {
	f.t.Helper()
	done := map[string]int{}
	for _, r := range f.read(j.Topics["ledger"]) {
		var command string
		must(json.Unmarshal(r.Value, &command))
		done[string(r.Key)+" "+command]++
	}
	for what, times := range done {
		if times != 1 {
			f.t.Errorf("%s was done %d times", what, times)
		}
	}
	for id, i := range all {
		created, assigned := done[id+" create"]-done[id+" delete"], done[id+" assign"]-done[id+" unassign"]
		want := 0
		if i.Status == sagas.Completed {
			want = 1
		}
		if created != want || assigned != want || done[id+" notify"] != want {
			f.t.Errorf("saga %s is %s, and its ledger says %d created, %d assigned, %d notified", id, i.Status, created, assigned, done[id+" notify"])
		}
	}
}

func sagaHeader(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func TestATimerSurvivesAKillAndTheLossOfAllState(t *testing.T) {
	f := newFixture(t)
	j := job{
		Application: f.app, Topology: "waiting", Brokers: f.brokers, ExactlyOnce: true, Topics: f.sagaTopics(1), StateDir: t.TempDir(),
		SessionTimeout: 3 * time.Second, TransactionTimeout: 3 * time.Second,
	}
	w := startWorker(t, "waiting-0", j)
	f.produce(startSaga(j.Topics["inbox"], "x", "waiting"))
	await(t, "the saga waits", func() bool { return f.instances(j.Topics["statuses"])["x"].Status == sagas.Running })
	w.kill()
	if err := os.RemoveAll(j.StateDir); err != nil {
		t.Fatal(err)
	}
	w = startWorker(t, "waiting-1", j)
	await(t, "the timer comes due", func() bool { return f.instances(j.Topics["statuses"])["x"].Status.Ended() })
	x := f.instances(j.Topics["statuses"])["x"]
	late := time.Duration(x.Ended-x.Began)*time.Millisecond - sagaPatience
	if late < 0 || late > time.Second {
		t.Errorf("the timer came due %v behind its time", late)
	}
	t.Logf("the timer came due %v behind its time", late)
	w.stop(t)
	failures := 0
	for _, r := range f.read(j.Topics["audit"]) {
		var tr sagas.Transition
		must(json.Unmarshal(r.Value, &tr))
		if tr.Step == "approval" && tr.To == string(sagas.StepRefused) {
			failures++
		}
	}
	if failures != 1 {
		t.Errorf("the timer came due %d times", failures)
	}
}
