package beyond_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

const ms = time.Millisecond

func toLate(late *topology.Stream[string, string]) { late.To("late") }

func inner(value string) string { return value }

// latest keeps the last value.
func latest(_, value string) string { return value }

// grouped is a topology whose source is grouped by key.
func grouped(windows func(*topology.Grouped[string, string]) *topology.WindowedTable[string, string]) *topology.Builder {
	b := topology.New("app")
	windows(b.Stream[string, string]("in").GroupByKey()).ToStream().
		Map(func(w window.Key[string], value string) (string, string) { return w.Key, value }).
		To("out")
	return b
}

func fixed(w window.Fixed) func(*topology.Grouped[string, string]) *topology.WindowedTable[string, string] {
	return func(g *topology.Grouped[string, string]) *topology.WindowedTable[string, string] {
		return g.WindowedBy(w).OnLate(toLate).Reduce(latest)
	}
}

func TestRecordsThatCountInNoWindowAreLate(t *testing.T) {
	for _, test := range []struct {
		name    string
		windows func(*topology.Grouped[string, string]) *topology.WindowedTable[string, string]
		want    string
	}{
		{"tumbling: [0,10) has closed at 12", fixed(window.Tumbling(10 * ms).Grace(2 * ms)), "a=9@9 a=8@8"},
		{"hopping: [5,15) is open still", fixed(window.Hopping(10*ms, 5*ms).Grace(2 * ms)), ""},
		{"sliding: none that holds 9 is open", fixed(window.Sliding(3 * ms).Grace(1 * ms)), "a=9@9 a=8@8"},
		{"session: it would be over", func(g *topology.Grouped[string, string]) *topology.WindowedTable[string, string] {
			return g.WindowedBySession(window.Session(3 * ms).Grace(1 * ms)).OnLate(toLate).Reduce(latest)
		}, "a=9@9 a=8@8"},
		{"when the window closes", func(g *topology.Grouped[string, string]) *topology.WindowedTable[string, string] {
			return g.WindowedBy(window.Tumbling(10 * ms)).OnLate(toLate).EmitFinal().Reduce(latest)
		}, "a=9@9 a=8@8"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := topologytest.New(t, grouped(test.windows), topologytest.ExactlyOnce())
			in := d.Input[string, string]("in")
			in.Send("a", "1", int64(1))
			in.Send("b", "14", int64(14))
			in.Send("a", "9", int64(9))
			d.Crash() // what is late stays late
			in.Send("a", "8", int64(8))
			d.Commit()
			check(t, "late", texts(d, "late"), test.want)
		})
	}
}

func TestLateRecordsHaveTheKeyThatTheyAreGroupedBy(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").
		GroupBy(func(_, value string) string { return value[:1] }).
		WindowedBy(window.Tumbling(10*ms)).OnLate(toLate).Reduce(latest, topology.Named("sums"))
	d := topologytest.New(t, b)
	in := d.Input[string, string]("in")
	in.Send("k", "x1", int64(25))
	in.Send("k", "x2", int64(9))
	check(t, "late", texts(d, "late"), "x=x2@9")
}

// joined is an inner join of l and r whose late records go to late-l and late-r.
func joined(options ...topology.StreamJoinOption) *topology.Builder {
	b := topology.New("app")
	options = append(options,
		topology.OnLate(func(late *topology.Stream[string, string]) { late.MapValues(inner).To("late-l") }),
		topology.OnOtherLate(func(late *topology.Stream[string, string]) { late.To("late-r") }))
	plus := func(l, r string) string { return l + r }
	b.Stream[string, string]("l").JoinStream(b.Stream[string, string]("r"), window.Within(5*ms), plus, options...).To("out")
	return b
}

func TestRecordsThatAJoinCannotKeepAreLate(t *testing.T) {
	d := topologytest.New(t, joined())
	l, r := d.Input[string, string]("l"), d.Input[string, string]("r")
	l.Send("a", "1", int64(20))
	r.Send("a", "x", int64(20))
	l.Send("a", "2", int64(11)) // kept: not 10 behind
	l.Send("a", "3", int64(10))
	r.Send("a", "y", int64(9)) // meets what is there, and is not kept
	r.Send("a", "z", int64(15))
	check(t, "joined", texts(d, "out"), "a=1x@20 a=2y@11 a=2z@15 a=1z@20")
	check(t, "late on the left", texts(d, "late-l"), "a=3@10")
	check(t, "late on the right", texts(d, "late-r"), "a=y@9")
}

func TestEachStreamOfACogroupHasItsOwnLateRecords(t *testing.T) {
	for name, windowed := range map[string]func(*topology.Cogrouped[string, string]) *topology.WindowedTable[string, string]{
		"windows": func(c *topology.Cogrouped[string, string]) *topology.WindowedTable[string, string] {
			return c.WindowedBy(window.Tumbling(10 * ms).Grace(2 * ms)).Aggregate(empty)
		},
		"sessions": func(c *topology.Cogrouped[string, string]) *topology.WindowedTable[string, string] {
			return c.WindowedBySession(window.Session(3*ms).Grace(1*ms)).Aggregate(empty, func(_, a, b string) string { return a + b })
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := topologytest.New(t, cogrouped(windowed))
			l, r := d.Input[string, string]("l"), d.Input[string, int64]("r")
			l.Send("a", "x", int64(14))
			l.Send("a", "y", int64(9))
			r.Send("a", 1, int64(9)) // each stream has its own time
			r.Send("a", 2, int64(24))
			r.Send("a", 3, int64(9))
			check(t, "late on the left", texts(d, "late-l"), "a=y@9")
			check(t, "late on the right", texts(d, "late-r"), "a=3@9")
		})
	}
}

// cogrouped adds the texts of l and the numbers of r, whose late records go to late-l and
// late-r.
func cogrouped(windowed func(*topology.Cogrouped[string, string]) *topology.WindowedTable[string, string]) *topology.Builder {
	b := topology.New("app")
	plus := func(_, value, sum string) string { return sum + value }
	count := func(_ string, value int64, sum string) string { return sum + strconv.FormatInt(value, 10) }
	windowed(topology.
		Cogroup(b.Stream[string, string]("l").GroupByKey(), plus,
			topology.OnLate(func(late *topology.Stream[string, string]) { late.To("late-l") })).
		And(b.Stream[string, int64]("r").GroupByKey(), count,
			topology.OnLate(func(late *topology.Stream[string, int64]) {
				late.MapValues(func(n int64) string { return strconv.FormatInt(n, 10) }).To("late-r")
			}))).
		ToStream().
		Map(func(w window.Key[string], value string) (string, string) { return w.Key, value }).
		To("out")
	return b
}

func empty() string { return "" }

func TestOnLateIsRefusedWhereItDoesNotFit(t *testing.T) {
	b := topology.New("app")
	other := topology.OnLate(func(late *topology.Stream[string, int64]) { late.To("late") })
	b.Stream[string, string]("in").Deduplicate(near, other).To("out")
	refused(t, b, "OnLate was given a func(*topology.Stream[string,int64]), want a func(*topology.Stream[string,string])")
	refused(t, joined(topology.SingleStore()), "leave SingleStore out")
	b = topology.New("app")
	topology.Cogroup(b.Stream[string, string]("in").GroupByKey(), func(_, value, _ string) string { return value }, topology.OnLate(toLate)).
		Aggregate(empty).ToStream().To("out")
	refused(t, b, "OnLate without windows: no record is late there")
}

func refused(t *testing.T, b *topology.Builder, want string) {
	t.Helper()
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
