//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// sighting is the payload of the tests: what another system says of a threat.
type sighting struct {
	Number   int
	Severity int
}

// intelligenceTopology takes in what another system says, tells of it, raises alerts,
// keeps an audit trail, and carries the newest state of each threat to two replicas. One
// of its pipelines is stopped and started all the time.
func intelligenceTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	t := j.Topics
	events.Adopt(b, t["feed"], func(x events.External) ([]events.Event, error) {
		s, err := x.JSON[sighting]()
		if err != nil {
			return nil, err
		}
		return []events.Event{events.New("threat.sighted", s).Of("threat", x.Key)}, nil
	}, events.OnInvalid(events.DeadLetter(t["dead"])), events.Into(t["external"]))

	alerts := events.Read(b, t["external"], events.Named("sightings")).
		Subscribe("alerting", events.Audit(t["audit"])).
		React("threat.sighted", func(_ context.Context, e events.Received[sighting]) ([]events.Event, error) {
			if e.Payload.Severity < 8 {
				return nil, nil
			}
			return []events.Event{events.New("alert.raised", e.Payload)}, nil
		})
	events.Publish(alerts.Reactions(), t["alerts"])

	threats := b.Stream[string, sighting](t["threats"])
	for _, topic := range []string{"state", "everywhere"} { // one for each replica: a program reads a topic once
		events.Changes(threats, "threat", t[topic], func(_ string, e events.Entity[sighting]) events.Entity[sighting] {
			e.Version = int64(e.State.Number)
			return e
		})
	}
	replica := events.ReplicaEverywhere[sighting](b, "threat", t["everywhere"], events.Named("everywhere"))
	events.Replica[sighting](b, "threat", t["state"]).ToStream().
		MapValues(func(e events.Entity[sighting]) string { return fmt.Sprint(e.State.Number) }).To(t["replica"])

	pipelines := events.NewPipelines(b)
	questions := pipelines.Define[string, string]("questions", t["questions"])
	events.JoinReplica(questions, replica, func(_, id string) string { return id }, func(question string, e *events.Entity[sighting]) string {
		if e == nil {
			return question + " none"
		}
		return fmt.Sprint(question, " ", e.State.Number)
	}).To(t["answers"])
	go func() {
		for stopped := false; ; stopped = !stopped {
			<-time.After(300 * time.Millisecond)
			if stopped {
				_ = pipelines.Start("questions")
			} else {
				_ = pipelines.Stop("questions")
			}
		}
	}()
	return b
}

// intelligence is the system under test, and what has to come of what it was told.
type intelligence struct {
	*fixture
	topics         map[string]string
	n              int
	good, bad      map[string]bool
	alerts         map[string]string // traces by the number of the sighting
	state          map[string]int
	questionsAsked int
}

func (s *intelligence) tell(n int) {
	var records []*kgo.Record
	for range n {
		s.n++
		threat := fmt.Sprint("t-", s.n%40)
		trace := fmt.Sprintf("00-%032x-%016x-01", s.n, s.n)
		text := fmt.Sprintf(`{"Number":%d,"Severity":%d}`, s.n, s.n%11)
		switch {
		case s.n%23 == 0:
			text = fmt.Sprint("no JSON ", s.n)
			s.bad[text] = true
		default:
			s.good[fmt.Sprint(s.n)] = true
			if s.n%11 >= 8 {
				s.alerts[fmt.Sprint(s.n)] = trace[3:35]
			}
		}
		state := &kgo.Record{Topic: s.topics["threats"], Key: []byte(threat), Timestamp: time.UnixMilli(int64(s.n))}
		if s.n%37 == 0 {
			delete(s.state, threat)
		} else {
			state.Value = fmt.Appendf(nil, `{"Number":%d}`, s.n)
			s.state[threat] = s.n
		}
		records = append(records, state,
			&kgo.Record{Topic: s.topics["feed"], Key: []byte(threat), Value: []byte(text), Headers: []kgo.RecordHeader{{Key: "traceparent", Value: []byte(trace)}}},
			&kgo.Record{Topic: s.topics["questions"], Key: fmt.Appendf(nil, "q-%d", s.n), Value: []byte(threat)})
		s.questionsAsked++
	}
	s.produce(records...)
}

// Notification, an anti-corruption layer, state transfer to a replica of each kind, an
// audit trail and a pipeline, whose two workers are killed twenty times.
func TestEventPatternsAreExactThroughKills(t *testing.T) {
	f := newFixture(t)
	s := &intelligence{fixture: f, topics: map[string]string{}, good: map[string]bool{}, bad: map[string]bool{}, alerts: map[string]string{}, state: map[string]int{}}
	for _, name := range []string{"feed", "external", "dead", "alerts", "audit", "threats", "replica", "questions", "answers"} {
		s.topics[name] = f.topic(name, 3)
	}
	compact := "compact"
	for _, name := range []string{"state", "everywhere"} {
		s.topics[name] = f.app + "." + name
		f.create(s.topics[name], 3, map[string]*string{"cleanup.policy": &compact})
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	j := job{
		Application: f.app, Topology: "intelligence", Brokers: f.brokers, ExactlyOnce: true, Topics: s.topics,
		SessionTimeout: 3 * time.Second, TransactionTimeout: 3 * time.Second, CheckpointInterval: time.Second,
	}
	var workers [2]*process
	var states [2]string
	for i := range workers {
		states[i] = filepath.Join(t.TempDir(), fmt.Sprint(i))
	}
	begin := func(i int) {
		j.StateDir = states[i]
		workers[i] = startWorker(t, fmt.Sprint("worker-", i), j)
	}
	begin(0)
	begin(1)
	for range 20 {
		s.tell(100)
		<-time.After(time.Duration(300+random.IntN(1200)) * time.Millisecond)
		i := random.IntN(2)
		workers[i].kill()
		begin(i)
	}
	defer func() {
		if t.Failed() {
			t.Log(s.progress())
		}
	}()
	await(t, "all is told, and every question answered", func() bool {
		for _, w := range workers {
			if ended(w.ended) {
				t.Fatalf("worker %s has ended\n%s", w.name, w.logTail())
			}
		}
		return len(s.read(s.topics["audit"])) >= len(s.good) && len(s.read(s.topics["answers"])) >= s.questionsAsked &&
			len(s.read(s.topics["alerts"])) >= len(s.alerts) && len(s.read(s.topics["dead"])) >= len(s.bad) && maps.Equal(s.rows(), s.state)
	})
	s.check()
	for _, w := range workers {
		w.stop(t)
	}
	t.Logf("%d sightings, %d alerts, %d dead letters, %d entities, %d answers", len(s.good), len(s.alerts), len(s.bad), len(s.state), s.questionsAsked)
}

// progress says how much of everything there is.
func (s *intelligence) progress() string {
	return fmt.Sprintf("%d of %d audited, %d of %d answers, %d of %d alerts, %d of %d letters, rows %v of %v",
		len(s.read(s.topics["audit"])), len(s.good), len(s.read(s.topics["answers"])), s.questionsAsked,
		len(s.read(s.topics["alerts"])), len(s.alerts), len(s.read(s.topics["dead"])), len(s.bad), s.rows(), s.state)
}

// rows are the replica's, from the stream of its changes.
func (s *intelligence) rows() map[string]int {
	out := map[string]int{}
	for _, r := range s.read(s.topics["replica"]) {
		if r.Value == nil {
			delete(out, string(r.Key))
			continue
		}
		var n int
		if _, err := fmt.Sscan(string(r.Value), &n); err != nil {
			s.t.Fatal(err)
		}
		out[string(r.Key)] = n
	}
	return out
}

// events are the decoded events of a topic, with the number in each payload.
func (s *intelligence) events(topic string) (out []events.Event, numbers []string) {
	s.t.Helper()
	for _, r := range s.read(s.topics[topic]) {
		var headers record.Headers
		for _, h := range r.Headers {
			headers = append(headers, record.Header{Key: h.Key, Value: h.Value})
		}
		e, err := events.Decode(r.Value, headers, r.Timestamp)
		payload, wrong := e.Payload[sighting]()
		if err := errors.Join(err, wrong); err != nil {
			s.t.Fatal(err)
		}
		out, numbers = append(out, e), append(numbers, fmt.Sprint(payload.Number))
	}
	return out, numbers
}

func (s *intelligence) check() {
	s.t.Helper()
	published, numbers := s.events("external")
	ids := map[string]bool{}
	for i, e := range published {
		if ids[e.ID] || !s.good[numbers[i]] {
			s.t.Errorf("event %s of sighting %s is told twice, or comes of none", e.ID, numbers[i])
		}
		ids[e.ID] = true
	}
	if len(published) != len(s.good) {
		s.t.Errorf("%d events are published, want %d", len(published), len(s.good))
	}
	alerts, numbers := s.events("alerts")
	for i, e := range alerts {
		if want := s.alerts[numbers[i]]; !ids[e.Metadata.CausationID] || fmt.Sprintf("%x", e.Metadata.Trace.TraceID) != want {
			s.t.Errorf("the alert of sighting %s is caused by %s in trace %x, want trace %s", numbers[i], e.Metadata.CausationID, e.Metadata.Trace.TraceID, want)
		}
	}
	if slices.Sort(numbers); len(slices.Compact(numbers)) != len(s.alerts) || len(alerts) != len(s.alerts) {
		s.t.Errorf("%d alerts, want %d", len(alerts), len(s.alerts))
	}
	if n := len(s.read(s.topics["audit"])); n != len(s.good) {
		s.t.Errorf("the audit trail has %d entries, want %d", n, len(s.good))
	}
	letters := s.read(s.topics["dead"])
	for _, r := range letters {
		if !s.bad[string(r.Value)] {
			s.t.Errorf("a letter for %q", r.Value)
		}
	}
	answered := map[string]bool{}
	for _, r := range s.read(s.topics["answers"]) {
		if answered[string(r.Key)] || !strings.HasPrefix(string(r.Value), "t-") {
			s.t.Errorf("question %s is answered twice, or by %q", r.Key, r.Value)
		}
		answered[string(r.Key)] = true
	}
	if len(letters) != len(s.bad) || len(answered) != s.questionsAsked {
		s.t.Errorf("%d letters, want %d; %d answers, want %d", len(letters), len(s.bad), len(answered), s.questionsAsked)
	}
}
