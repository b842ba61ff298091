package cqrs_test

import (
	"encoding/json/v2"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cqrs"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/events/upcast"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

var noon = time.Date(2026, time.January, 1, 12, 0, 0, 0, time.UTC)

// Investigation is the state of the tests' aggregates.
type Investigation struct {
	Analyst string
	Found   int
	Closed  bool
}

type open struct {
	Analyst string `json:"analyst" validate:"required,max=20"`
	Email   string `json:"email" validate:"omitempty,email"`
}

type find struct {
	Count int `json:"count" validate:"min=1"`
}

type found struct {
	Count int `json:"count"`
}

func investigations() *cqrs.Aggregate[Investigation] {
	return cqrs.NewAggregate[Investigation]("investigation").
		Decide("open", func(s Investigation, c cqrs.Received[open]) ([]events.Event, error) {
			if s.Analyst != "" {
				return nil, cqrs.Reject("analyst", "%s has it already", s.Analyst)
			}
			return []events.Event{events.New("opened", c.Payload)}, nil
		}).
		Decide("find", func(s Investigation, c cqrs.Received[find]) ([]events.Event, error) {
			if s.Closed || s.Analyst == "" {
				return nil, fmt.Errorf("it is not open")
			}
			var out []events.Event
			for range c.Payload.Count {
				out = append(out, events.New("found", found{1}))
			}
			return out, nil
		}, func(f find) []cqrs.Fault {
			if f.Count > 50 {
				return []cqrs.Fault{{Field: "count", Message: "more than 50"}}
			}
			return nil
		}).
		Decide("erase", func(Investigation, cqrs.Received[struct{}]) ([]events.Event, error) { return cqrs.Erase(), nil }).
		Evolve("opened", func(s Investigation, e events.Received[open]) Investigation {
			s.Analyst = e.Payload.Analyst
			return s
		}).
		Evolve("found", func(s Investigation, e events.Received[found]) Investigation {
			s.Found += e.Payload.Count
			return s
		})
}

var topics = cqrs.Topics{Commands: "commands", Events: "events", Replies: "replies"}

// loaded is what loading an aggregate gave, told by a processor beside it.
type loaded struct {
	State    Investigation
	Version  int64
	Replayed int
	Erased   bool
	Events   int
}

// app serves an aggregate and loads those whose ids come on the topic loads.
func app(a *cqrs.Aggregate[Investigation]) *topology.Builder {
	b := topology.New("app")
	a.Serve(b, topics)
	b.Stream[string, string]("loads").Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		repository, err := a.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			got, err := repository.Load(r.Key)
			if err != nil {
				return err
			}
			out := loaded{State: got.State, Version: got.Version, Replayed: got.Replayed, Erased: got.Erased}
			for _, err := range repository.Events(r.Key, 1) {
				if err != nil {
					return err
				}
				out.Events++
			}
			text, err := json.Marshal(out)
			if err != nil {
				return err
			}
			return c.Forward(record.Record[string, string]{Key: r.Key, Value: string(text), Timestamp: r.Timestamp})
		}), err
	}, topology.Stores(a.Rows())).To("loaded")
	return b
}

// bench is an app under test.
type bench struct {
	t       *testing.T
	d       *topologytest.Driver
	in      *topologytest.Input[string, events.Event]
	replies *topologytest.Output[string, events.Event]
	n       int
}

func start(t *testing.T, a *cqrs.Aggregate[Investigation], options ...topologytest.Option) *bench {
	d := topologytest.New(t, app(a), options...)
	asJSON := topologytest.ValueSerde(plain)
	return &bench{t: t, d: d, in: d.Input[string, events.Event]("commands", asJSON), replies: d.Output[string, events.Event]("replies")}
}

func (b *bench) send(c cqrs.Command) {
	b.t.Helper()
	if c.ID == "" {
		b.n++
		c.ID = fmt.Sprint("auto-", b.n)
	}
	c.Time = noon
	b.in.Send(c.AggregateID, c.Event(), noon)
}

// outcome is the reply to one command.
func (b *bench) outcome(c cqrs.Command) cqrs.Outcome {
	b.t.Helper()
	b.send(c)
	r, ok := b.replies.Read()
	if !ok {
		b.t.Fatal("there is no reply")
	}
	o, err := cqrs.OutcomeOf(r.Value)
	if err != nil || (r.Value.Type == cqrs.Accepted) != o.Accepted || r.Value.Metadata.CausationID != o.CommandID {
		b.t.Fatalf("the reply is %+v, %v", r.Value, err)
	}
	return o
}

func (b *bench) load(id string) (out loaded) {
	b.t.Helper()
	b.d.Input[string, string]("loads").Send(id, "", noon)
	all := b.d.Output[string, string]("loaded").All()
	if err := json.Unmarshal([]byte(all[len(all)-1].Value), &out); err != nil {
		b.t.Fatal(err)
	}
	return out
}

func TestCommandsBecomeEventsStateAndReplies(t *testing.T) {
	b := start(t, investigations())
	opened := cqrs.NewCommand("open", "c-1", "i-1", open{Analyst: "ada"}).Expecting(cqrs.Absent)
	if got, want := b.outcome(opened), (cqrs.Outcome{CommandID: "c-1", AggregateID: "i-1", Accepted: true, Version: 1, Events: []string{"investigation/i-1/1"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for _, test := range []struct {
		name string
		c    cqrs.Command
		want string // the faults, or the version
	}{
		{"an expected version", cqrs.NewCommand("find", "c-2", "i-1", find{3}).Expecting(1), "4"},
		{"another version than expected", cqrs.NewCommand("find", "", "i-1", find{3}).Expecting(1), "expectedVersion: expected version 1, it is 4"},
		{"one that must not exist", cqrs.NewCommand("find", "", "i-1", find{3}).Expecting(cqrs.Absent), "expectedVersion: it exists already, in version 4"},
		{"an error of Decide", cqrs.NewCommand("find", "", "i-2", find{3}), "it is not open"},
		{"a rejection", cqrs.NewCommand("open", "", "i-1", open{Analyst: "bob"}), "analyst: ada has it already"},
		{"every fault at once", cqrs.NewCommand("open", "", "i-1", open{Email: "x"}), "analyst: it is required; email: \"x\" does not meet email"},
		{"a validator of the command", cqrs.NewCommand("find", "", "i-1", find{51}), "count: more than 50"},
		{"an unknown type", cqrs.NewCommand("lose", "", "i-1", 1), `type: nothing handles "lose"`},
		{"a payload of another type", cqrs.NewCommand("find", "", "i-1", "text"), "data: decode JSON"},
		{"an erasure of what is not erasable", cqrs.NewCommand("open", "", "i-3", open{Analyst: strings.Repeat("a", 21)}), "does not meet max=20"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := b.outcome(test.c)
			got := fmt.Sprint(o.Version)
			if !o.Accepted {
				var texts []string
				for _, f := range o.Faults {
					texts = append(texts, f.String())
				}
				got = strings.Join(texts, "; ")
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if got, want := b.load("i-1"), (loaded{Investigation{Analyst: "ada", Found: 3}, 4, 4, false, 4}); got != want {
		t.Errorf("loaded %+v, want %+v", got, want)
	}
	told := b.d.Output[string, events.Event]("events").ReadAll()
	for i, r := range told {
		if e := r.Value; r.Key != "i-1" || e.Sequence != int64(i+1) || e.AggregateType != "investigation" || e.Metadata.CausationID == "" || !e.Metadata.Trace.Valid() {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if len(told) != 4 {
		t.Errorf("%d events were told, want 4", len(told))
	}
}

func TestADuplicateIsAnsweredWithTheFirstOutcome(t *testing.T) {
	b := start(t, investigations())
	first := b.outcome(cqrs.NewCommand("open", "same", "i-1", open{Analyst: "ada"}))
	rejected := b.outcome(cqrs.NewCommand("find", "bad", "i-1", find{0}))
	b.d.Crash()
	again := b.outcome(cqrs.NewCommand("open", "same", "i-1", open{Analyst: "ada"}))
	still := b.outcome(cqrs.NewCommand("find", "bad", "i-1", find{1}))
	first.Duplicate, rejected.Duplicate = true, true
	if !reflect.DeepEqual(again, first) || !reflect.DeepEqual(still, rejected) || b.d.Output[string, events.Event]("events").Len() != 1 {
		t.Errorf("got %+v and %+v, want %+v and %+v", again, still, first, rejected)
	}
}

func TestACommandThatIsNotKeyedByItsAggregateIsRejected(t *testing.T) {
	b := start(t, investigations())
	c := cqrs.NewCommand("open", "c", "i-1", open{Analyst: "ada"})
	c.Time = noon
	b.in.Send("other", c.Event(), noon)
	e := c.Expecting(5).Event()
	e.ID, e.Metadata.Extra = "d", map[string]string{"expectedversion": "many"}
	b.in.Send("i-1", e, noon)
	for _, want := range []string{"aggregateId: it must be the key", "expectedVersion: want a number"} {
		r, _ := b.replies.Read()
		if o, err := cqrs.OutcomeOf(r.Value); err != nil || len(o.Faults) != 1 || !strings.Contains(o.Faults[0].String(), want) {
			t.Errorf("got %+v, %v, want %q", o, err, want)
		}
	}
}

func TestSnapshotsBoundWhatIsReplayed(t *testing.T) {
	b := start(t, investigations().Snapshots(10, 1))
	b.send(cqrs.NewCommand("open", "", "i-1", open{Analyst: "ada"}))
	random := rand.New(rand.NewPCG(1, 1))
	version := int64(1)
	for range 60 {
		n := 1 + random.IntN(13)
		b.send(cqrs.NewCommand("find", "", "i-1", find{n}))
		version += int64(n)
		if got := b.load("i-1"); got.Replayed > 9 || got.Version != version || got.State.Found != int(version-1) || got.Events != int(version) {
			t.Fatalf("loaded %+v at version %d", got, version)
		}
	}
}

func TestASnapshotOfAnOldSchemaIsNotUsed(t *testing.T) {
	schema := uint32(1)
	// Each task is made anew after a crash, and sees the schema as it is then.
	build := func() *cqrs.Aggregate[Investigation] { return investigations().Snapshots(5, schema) }
	a := build()
	b := start(t, a)
	b.send(cqrs.NewCommand("open", "", "i-1", open{Analyst: "ada"}))
	b.send(cqrs.NewCommand("find", "", "i-1", find{20}))
	if got := b.load("i-1"); got.Replayed != 0 {
		t.Errorf("%d events were replayed behind a snapshot of the last", got.Replayed)
	}
	a.Snapshots(5, 2)
	if got := b.load("i-1"); got.Replayed != 21 || got.State.Found != 20 {
		t.Errorf("loaded %+v, want all 21 events replayed", got)
	}
	b.d.Crash() // forgets the states in memory
	b.send(cqrs.NewCommand("find", "", "i-1", find{1}))
	if got := b.load("i-1"); got.Replayed != 0 || got.State.Found != 21 {
		t.Errorf("loaded %+v, want a new snapshot", got)
	}
}

func TestOldEventsAreUpcastWhenTheyAreLoaded(t *testing.T) {
	a := investigations()
	b := start(t, a)
	b.send(cqrs.NewCommand("open", "", "i-1", open{Analyst: "ada"}))
	a.Upcast(upcast.New().Add("opened", 1, 2, upcast.MapValue("analyst", func(s string) (string, error) { return strings.ToUpper(s), nil })))
	if got := b.load("i-1"); got.State.Analyst != "ADA" {
		t.Errorf("loaded %+v", got)
	}
}

func TestWhatIsErasedLeavesNoPayload(t *testing.T) {
	b := start(t, investigations().Erasable().Snapshots(2, 1), topologytest.Partitions(3))
	b.send(cqrs.NewCommand("open", "", "i-1", open{Analyst: "ada"}))
	b.send(cqrs.NewCommand("find", "", "i-1", find{4}))
	b.send(cqrs.NewCommand("open", "", "i-2", open{Analyst: "bob"}))
	b.send(cqrs.NewCommand("erase", "", "i-1", struct{}{}))
	b.send(cqrs.NewCommand("erase", "", "i-9", struct{}{}))
	b.send(cqrs.NewCommand("open", "", "i-1", open{Analyst: "eve"}))
	if got, want := b.load("i-1"), (loaded{Version: 6, Erased: true}); got != want {
		t.Errorf("loaded %+v, want %+v", got, want)
	}
	kept := topologytest.AsMap(b.d.Output[string, events.Event]("events"))
	if len(kept) != 2 || kept["i-1/6"].Type != "investigation.erased" || len(kept["i-1/6"].Data) != 0 || kept["i-2/1"].Type != "opened" {
		t.Errorf("after compaction the topic has %+v", kept)
	}
	partitions := map[int32]bool{}
	for _, r := range b.d.Output[string, events.Event]("events").All() {
		if strings.HasPrefix(r.Key, "i-1/") {
			partitions[r.Partition] = true
		}
	}
	if len(partitions) != 1 {
		t.Errorf("the events of one aggregate are in partitions %v", partitions)
	}
	for _, row := range topologytest.AsMap(b.d.Output[string, []byte]("app-investigation-aggregates-changelog")) {
		if strings.Contains(string(row), "ada") {
			t.Errorf("the changelog keeps %q", row)
		}
	}
	last := b.replies.ReadAll()
	o, _ := cqrs.OutcomeOf(last[len(last)-1].Value)
	if o.Accepted || !strings.Contains(fmt.Sprint(o.Faults), "was erased") {
		t.Errorf("a command for what is erased got %+v", o)
	}
}

// Totals under crashes at any place equal a recomputation of the events.
func TestEventsStateAndRepliesAreOneTransaction(t *testing.T) {
	for seed := range uint64(6) {
		b := start(t, investigations().Snapshots(7, 1), topologytest.ExactlyOnce(), topologytest.Chaos(seed), topologytest.Workers(2), topologytest.Partitions(3))
		random := rand.New(rand.NewPCG(seed, 3))
		sent := 0
		for range 150 {
			id := fmt.Sprint("i-", random.IntN(8))
			c := cqrs.NewCommand("find", fmt.Sprint("c-", random.IntN(120)), id, find{1 + random.IntN(3)})
			if random.IntN(5) == 0 {
				c = cqrs.NewCommand("open", fmt.Sprint("o-", random.IntN(120)), id, open{Analyst: "ada"})
			}
			b.send(c)
			sent++
		}
		want := map[string]loaded{}
		var ids []string
		for _, r := range b.d.Output[string, events.Event]("events").All() {
			one := want[r.Key]
			if one.Version++; r.Value.Sequence != one.Version {
				t.Fatalf("seed %d: event %s comes as number %d", seed, r.Value.ID, one.Version)
			}
			if r.Value.Type == "opened" {
				one.State.Analyst = "ada"
			} else {
				one.State.Found++
			}
			want[r.Key] = one
			ids = append(ids, r.Value.ID)
		}
		slices.Sort(ids)
		if n := len(ids); len(slices.Compact(ids)) != n || b.replies.Len() != sent {
			t.Errorf("seed %d: %d events, %d replies to %d commands", seed, n, b.replies.Len(), sent)
		}
		for id, one := range want {
			if got := b.load(id); got.State != one.State || got.Version != one.Version || got.Replayed > 6 {
				t.Errorf("seed %d: %s is %+v, the events make it %+v", seed, id, got, one)
			}
		}
	}
}

func TestWhatIsWrongWithAnAggregateIsReported(t *testing.T) {
	b := topology.New("app")
	investigations().
		Decide("open", func(Investigation, cqrs.Received[open]) ([]events.Event, error) { return nil, nil }).
		Decide[open]("", nil).
		Evolve("opened", func(s Investigation, _ events.Received[open]) Investigation { return s }).
		Snapshots(0, 1).
		Upcast(upcast.New().Add("opened", 1, 1)).
		Serve(b, topics, cqrs.Remember(0))
	_, err := b.Build()
	for _, want := range []string{`"open" has two handlers`, "a handler needs a type", "Evolve needs a type that has none", "every 0 events", "is a cycle", "answers are kept for 0s"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}
