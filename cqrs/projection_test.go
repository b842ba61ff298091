package cqrs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cqrs"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topologytest"
)

// Board is a row of the tests' read model: what an analyst has found.
type Board struct {
	Open, Found, Replayed int
}

func board(version int) *cqrs.Projection[Board] {
	count := func(add func(*Board, cqrs.Projected[found])) func(*cqrs.Model[Board], cqrs.Projected[found]) error {
		return func(m *cqrs.Model[Board], e cqrs.Projected[found]) error {
			return m.Update(e.AggregateID, func(b Board) Board {
				add(&b, e)
				if e.Replaying {
					b.Replayed++
				}
				return b
			})
		}
	}
	return cqrs.NewProjection[Board]("board", version).
		On("opened", count(func(b *Board, _ cqrs.Projected[found]) { b.Open++ })).
		On("found", count(func(b *Board, e cqrs.Projected[found]) { b.Found += e.Payload.Count }))
}

// feed sends n events to an input.
func feed(in *topologytest.Input[string, events.Event], from, n int) {
	for i := from; i < from+n; i++ {
		e := events.New("found", found{1}).Of("investigation", fmt.Sprint("i-", i%5))
		e.ID, e.Time = fmt.Sprint(i), noon
		in.Send(e.AggregateID, e, noon)
	}
}

// rows are the rows of a projection by its store.
func rows(t *testing.T, d *topologytest.Driver) map[string]Board {
	t.Helper()
	out, codec := map[string]Board{}, serde.JSON[Board]()
	for _, row := range d.KeyValue[string, []byte]("board-model").All() {
		if !strings.HasPrefix(row.Key, "\x00") {
			one, err := codec.Decode(row.Value[12:]) // behind what is kept with a row
			if err != nil {
				t.Fatal(err)
			}
			out[row.Key] = one
		}
	}
	return out
}

func TestAProjectionAppliesEachEventOnce(t *testing.T) {
	for seed := range uint64(4) {
		for _, options := range [][]topologytest.Option{{topologytest.ExactlyOnce()}, {}} {
			options = append(options, topologytest.Chaos(seed), topologytest.Partitions(3), topologytest.Partitions(1, "board.progress"), topologytest.Workers(2))
			d := topologytest.New(t, board(1).Topology("events"), options...)
			feed(d.Input[string, events.Event]("events", topologytest.ValueSerde(plain)), 0, 60)
			for id, row := range rows(t, d) {
				if row != (Board{Found: 12}) {
					t.Errorf("seed %d, %d options: %s is %+v", seed, len(options), id, row)
				}
			}
		}
	}
}

func TestANewVersionIsReadWhenItHasCaughtUp(t *testing.T) {
	var all []cqrs.Progress
	start := func(version int) *topologytest.Driver {
		d := topologytest.New(t, board(version).Topology("events"))
		others := d.Input[string, events.Event]("board.progress", topologytest.ValueSerde(plain))
		for _, p := range all {
			e := events.New(cqrs.ProgressType, p)
			e.ID, e.Time = "p", noon
			others.Send(fmt.Sprintf("%d/%s/%d", p.Version, p.Topic, p.Partition), e, noon)
		}
		return d
	}
	tell := func(d *topologytest.Driver) cqrs.Progress {
		d.Advance(time.Second)
		told := d.Output[string, events.Event]("board.progress").All()
		p, err := cqrs.ProgressOf(told[len(told)-1].Value)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	old := start(1)
	feed(old.Input[string, events.Event]("events", topologytest.ValueSerde(plain)), 0, 20)
	all = append(all, tell(old))
	if want := (cqrs.Progress{Projection: "board", Version: 1, Topic: "events", Offset: 19, Target: -1, CaughtUp: true}); all[0] != want {
		t.Errorf("got %+v, want %+v", all[0], want)
	}
	renewed := start(2)
	in := renewed.Input[string, events.Event]("events", topologytest.ValueSerde(plain))
	feed(in, 0, 15)
	half := append(all[:1:1], tell(renewed))
	if active, behind := cqrs.Active(half), cqrs.Behind(2, half); active != 1 || behind != 5 || half[1].CaughtUp {
		t.Errorf("half-way, version %d is active and %d events are missing: %+v", active, behind, half)
	}
	feed(in, 15, 10)
	done := append(all[:1:1], tell(renewed))
	if active, behind := cqrs.Active(done), cqrs.Behind(2, done); active != 2 || behind != 0 {
		t.Errorf("in the end, version %d is active and %d events are missing: %+v", active, behind, done)
	}
	replayed := 0
	for _, row := range rows(t, renewed) {
		replayed += row.Replayed
	}
	if replayed != 20 {
		t.Errorf("%d events were seen as replayed, want the 20 that the old version had", replayed)
	}
}

func TestAProjectionReportsWhatIsWrong(t *testing.T) {
	_, err := cqrs.NewProjection[Board]("board", 0).On[found]("", nil).Topology("events").Build()
	for _, want := range []string{"versions begin with 1", "a handler needs a type"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
	if _, err := board(1).Topology("threats.*").Build(); err == nil || !strings.Contains(err.Error(), "it reads one topic") {
		t.Errorf("got %v", err)
	}
	p := cqrs.NewProjection[Board]("board", 1).On("found", func(m *cqrs.Model[Board], e cqrs.Projected[found]) error {
		return m.Put("\x00p", Board{})
	})
	for value, want := range map[string]string{`{"id":"1","type":"found","data":{}}`: "must not be empty", `{"id":"1","type":"found","data":1}`: "payload"} {
		d, err := topologytest.Open(p.Topology("events"))
		if err != nil {
			t.Fatal(err)
		}
		d.Input[string, []byte]("events").Send("k", []byte(value), noon)
		if failed, ok := errors.AsType[*record.Error](d.Err()); !ok || !strings.Contains(failed.Error(), want) {
			t.Errorf("got %v, want %q in it", d.Err(), want)
		}
	}
}

// A pause may be interrupted by anything. What was held comes in its order, once.
func TestAPausedProjectionHoldsItsEvents(t *testing.T) {
	p := board(1)
	if err := p.Pause(); !errors.Is(err, events.ErrNoPipeline) || p.State() != events.Stopped {
		t.Errorf("before there is a topology: %v, %s", err, p.State())
	}
	d := topologytest.New(t, p.Topology("events"), topologytest.ExactlyOnce(), topologytest.Partitions(2), topologytest.Partitions(1, "board.progress"))
	in := d.Input[string, events.Event]("events", topologytest.ValueSerde(plain))
	sum := func() (n int) {
		for _, row := range rows(t, d) {
			n += row.Found
		}
		return n
	}
	feed(in, 0, 10)
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	feed(in, 10, 20)
	d.Commit()
	d.Wipe()
	feed(in, 30, 10)
	d.Crash()
	d.Advance(time.Minute)
	if n := sum(); n != 10 || p.State() != events.Stopped {
		t.Errorf("while it is paused, %d events are in the model, and it is %s", n, p.State())
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	feed(in, 40, 10)
	d.Advance(time.Minute)
	if n := sum(); n != 50 || p.State() != events.Running {
		t.Errorf("in the end, %d events are in the model, and it is %s", n, p.State())
	}
	if n := d.Dropped()["already in the model"]; n != 0 {
		t.Errorf("%d events were taken for ones that were there already", n)
	}
}
