package beyond_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// idle is a builder whose time goes on after 10 ms of silence.
func idle() *topology.Builder { return topology.New("app", topology.AdvanceWhenIdle(10*ms)) }

func toOut(t *topology.WindowedTable[string, string]) {
	t.ToStream().Map(func(w window.Key[string], value string) (string, string) { return w.Key, value }).To("out")
}

func text(v *string) string {
	if v == nil {
		return "-"
	}
	return *v
}

func pair(l, r *string) string { return text(l) + text(r) }

func leftPair(l string, r *string) string { return l + text(r) }

// waiting are topologies in which a=1@1 on topic in waits for time to go on, which is
// when it reaches 12.
var waiting = []struct {
	name  string
	build func(b *topology.Builder)
	want  string
}{
	{"a tumbling window, emitted when it closes", func(b *topology.Builder) {
		toOut(b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms).Grace(2 * ms)).EmitFinal().Reduce(latest))
	}, "a=1@1"},
	{"a session, emitted when it closes", func(b *topology.Builder) {
		toOut(b.Stream[string, string]("in").GroupByKey().WindowedBySession(window.Session(8 * ms).Grace(2 * ms)).EmitFinal().Reduce(latest))
	}, "a=1@1"},
	{"a sliding window, emitted when it closes", func(b *topology.Builder) {
		toOut(b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Sliding(8 * ms).Grace(10 * ms)).EmitFinal().Reduce(latest))
	}, "a=1@1"},
	{"Suppress until the window closes", func(b *topology.Builder) {
		toOut(b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms).Grace(2 * ms)).Reduce(latest).
			Suppress(topology.UntilWindowCloses(topology.Unbounded())))
	}, "a=1@1"},
	{"Suppress until a time", func(b *topology.Builder) {
		b.Stream[string, string]("in").GroupByKey().Reduce(latest).
			Suppress(topology.UntilTimeLimit(11*ms, topology.Unbounded())).ToStream().To("out")
	}, "a=1@1"},
	{"a left join", func(b *topology.Builder) {
		b.Stream[string, string]("in").LeftJoinStream(b.Stream[string, string]("other"), window.Within(8*ms).Grace(2*ms), leftPair).To("out")
	}, "a=1-@1"},
	{"an outer join", func(b *topology.Builder) {
		b.Stream[string, string]("other").OuterJoinStream(b.Stream[string, string]("in"), window.Within(8*ms).Grace(2*ms), pair).To("out")
	}, "a=-1@1"},
	{"a join that waits for late rows of a table", func(b *topology.Builder) {
		rows := b.Table[string, string]("rows", topology.StoreName("rows"), topology.History(time.Hour))
		b.Stream[string, string]("in").LeftJoin(rows, leftPair, topology.JoinGrace(11*ms)).To("out")
	}, "a=1-@1"},
}

func TestWhatWaitsForTimeComesWithoutRecords(t *testing.T) {
	for _, c := range waiting {
		for _, commit := range []time.Duration{0, time.Hour} {
			t.Run(c.name, func(t *testing.T) {
				b := idle()
				c.build(b)
				d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.CommitInterval(commit))
				in := d.Input[string, string]("in")
				in.Send("a", "1", int64(1))
				d.Commit()
				d.Advance(9 * ms)
				check(t, "in less than the idle time", texts(d, "out"), "")
				d.Advance(1 * ms) // 11
				check(t, "at 11", texts(d, "out"), "")
				d.Advance(10 * ms) // 21
				d.Commit()
				check(t, "at 21", texts(d, "out"), c.want)
				d.Crash()
				in.Send("b", "2", int64(22))
				d.Advance(1 * ms)
				d.Commit()
				check(t, "after a crash", texts(d, "out"), c.want)
			})
		}
	}
}

func TestWhatWaitsForTimeComesWithTheClock(t *testing.T) {
	for _, c := range waiting {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app", topology.AdvanceWithClock(100*ms))
			c.build(b)
			d := topologytest.New(t, b, topologytest.StartAt(int64(50)))
			d.Input[string, string]("in").Send("a", "1", int64(1))
			d.Advance(60 * ms) // 110, so that time is 10
			d.Commit()
			check(t, "at 110", texts(d, "out"), "")
			d.Advance(10 * ms)
			d.Commit()
			check(t, "at 120", texts(d, "out"), c.want)
		})
	}
}

func TestRecordsBehindAnIdleTimeAreLate(t *testing.T) {
	b := idle()
	toOut(b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms)).OnLate(toLate).EmitFinal().Reduce(latest))
	d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.CommitInterval(time.Hour))
	in := d.Input[string, string]("in")
	in.Send("a", "1", int64(1))
	d.Commit()
	d.Advance(30 * ms)
	d.Commit()
	d.Crash() // time is committed, although no record has moved it
	in.Send("a", "2", int64(2))
	in.Send("a", "3", int64(30))
	d.Commit()
	check(t, "late", texts(d, "late"), "a=2@2")
	check(t, "results", texts(d, "out"), "a=1@1")
}

func TestTimeStandsStillWhileARecordWaits(t *testing.T) {
	b := idle()
	busy := true
	stream := b.Stream[string, string]("in")
	toOut(stream.GroupByKey().WindowedBy(window.Tumbling(10 * ms)).EmitFinal().Reduce(latest))
	stream.MapValues(func(v string) string {
		if busy && v == "2" {
			panic(errors.New("busy"))
		}
		return v
	}).To("copies")
	d := topologytest.New(t, b, topologytest.OnProcessError(task.Retry(100, 20*ms, task.Fail())))
	in := d.Input[string, string]("in")
	in.Send("a", "1", int64(1))
	in.Send("b", "2", int64(2))
	for range 10 {
		d.Advance(15 * ms)
	}
	check(t, "while a record is retried", texts(d, "out"), "")
	busy = false
	d.Advance(20 * ms)
	check(t, "when it succeeds", texts(d, "copies"), "a=1@1 b=2@2")
	d.Advance(20 * ms)
	check(t, "after it", texts(d, "out"), "a=1@1 b=2@2")
}

func TestAnOperatorWithoutRecordsFollowsItsTask(t *testing.T) {
	b := idle()
	stream := b.Stream[string, string]("in")
	toOut(stream.Filter(func(key, _ string) bool { return key == "rare" }).
		GroupByKey().WindowedBy(window.Tumbling(10 * ms)).EmitFinal().Reduce(latest))
	d := topologytest.New(t, b)
	in := d.Input[string, string]("in")
	in.Send("rare", "1", int64(1))
	for at := int64(2); at < 12; at++ {
		in.Send("often", "x", at)
		d.Advance(2 * ms)
	}
	check(t, "at 11, after 20 ms", texts(d, "out"), "rare=1@1")
}

func TestADueRecordThatFailsIsLeftBehind(t *testing.T) {
	b := idle()
	b.Stream[string, string]("in").LeftJoinStream(b.Stream[string, string]("other"), window.Within(5*ms), leftPair).
		Peek(func(_, v string) {
			if v == "bad-" {
				panic(errors.New("bad"))
			}
		}).To("out")
	d := topologytest.New(t, b, topologytest.OnProcessError(task.Skip()))
	in := d.Input[string, string]("in")
	in.Send("a", "bad", int64(1))
	in.Send("a", "good", int64(2))
	d.Advance(30 * ms)
	d.Advance(30 * ms)
	check(t, "results", texts(d, "out"), "a=good-@2")
	if n := len(d.Reports()); n != 1 {
		t.Errorf("%d reports, want one", n)
	}
}

func TestAdvanceNeedsADuration(t *testing.T) {
	for want, option := range map[string]topology.BuilderOption{
		"AdvanceWhenIdle needs at least 1 ms, got 0s":               topology.AdvanceWhenIdle(0),
		"AdvanceWithClock needs whole milliseconds, 0 or more, got": topology.AdvanceWithClock(-time.Second),
	} {
		b := topology.New("app", option)
		b.Stream[string, string]("in").To("out")
		refused(t, b, want)
	}
}

func TestSuppressNeedsATableWithoutHistory(t *testing.T) {
	b := topology.New("app")
	b.Table[string, string]("in", topology.StoreName("rows"), topology.History(time.Hour)).
		Suppress(topology.UntilTimeLimit(time.Second, topology.Unbounded())).ToStream().To("out")
	refused(t, b, "Suppress cannot stand behind a table with History")
}
