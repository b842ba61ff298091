package topologytest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// item is a record of a random chain. from is the number of the input that led to it.
type item struct {
	key   string
	value int64
	ts    int64
	from  int
}

type (
	numbers = topology.Stream[string, int64]
	// link is one operator of a random chain: as it is built, and as it is recomputed
	// from everything that reaches it.
	link struct {
		name  string
		build func(*numbers) *numbers
		model func([]item) []item
	}
)

// Chains of operators that chance has chosen give what a recomputation gives, each
// operator by itself over all of its input, in the same order, faults or not.
func TestRandomChainsEqualTheirRecomputation(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for n := range uint64(150) {
		c := chains{rand.New(rand.NewPCG(seed, n))}
		links := c.links(1+c.IntN(6), true)
		inputs := c.inputs(120)
		var names []string
		b := topology.New("chain")
		stream := b.Stream[string, int64]("in")
		want := inputs
		for _, l := range links {
			stream, want, names = l.build(stream), l.model(want), append(names, l.name)
		}
		stream.To("out")
		name := fmt.Sprintf("case %d: %v", n, names)
		options := []topologytest.Option{topologytest.ExactlyOnce()}
		if c.IntN(2) == 0 {
			options = append(options, topologytest.Workers(2), topologytest.Chaos(n))
		}
		d := topologytest.New(t, b, options...)
		in := d.Input[string, int64]("in")
		for _, i := range inputs {
			in.Send(i.key, i.value, i.ts)
		}
		d.Commit()
		var got, expected []string
		for _, r := range d.Output[string, int64]("out").All() {
			got = append(got, fmt.Sprintf("%s = %d @%d", r.Key, r.Value, r.Timestamp))
		}
		for _, i := range want {
			expected = append(expected, fmt.Sprintf("%s = %d @%d", i.key, i.value, i.ts))
		}
		compare(t, name, got, expected)
		if t.Failed() {
			t.FailNow()
		}
	}
}

// chains makes random ones.
type chains struct{ *rand.Rand }

// inputs are records that are mostly in the order of time, often at the bounds of windows.
func (c chains) inputs(n int) []item {
	items := make([]item, n)
	now := int64(1000)
	for i := range items {
		now += 100 * c.Int64N(5)
		items[i] = item{string(rune('a' + c.IntN(5))), c.Int64N(100), max(0, now-100*c.Int64N(15)), i}
	}
	return items
}

// links chooses operators; those that write through a topic only if that is allowed.
func (c chains) links(n int, stateful bool) []link {
	stateless := []func() link{c.filter, c.filterNot, c.rekey, c.mapped, c.values, c.flat, c.flatValues, c.peek}
	if stateful {
		stateless = append(stateless, c.merged)
	}
	aggregates := []func() link{c.count, c.reduce, c.aggregate, c.windowed, c.sessions}
	var all []link
	for range n {
		choices := stateless
		if stateful && c.IntN(3) == 0 {
			choices = aggregates
		}
		all = append(all, choices[c.IntN(len(choices))]())
	}
	return all
}

// each recomputes an operator without state.
func each(f func(item) []item) func([]item) []item {
	return func(in []item) (out []item) {
		for _, i := range in {
			out = append(out, f(i)...)
		}
		return out
	}
}

func (c chains) filter() link {
	m := 2 + c.Int64N(3)
	keep := func(_ string, v int64) bool { return v%m != 0 }
	return link{"filter", func(s *numbers) *numbers { return s.Filter(keep) }, each(func(i item) []item {
		if keep(i.key, i.value) {
			return []item{i}
		}
		return nil
	})}
}

func (c chains) filterNot() link {
	drop := func(key string, _ int64) bool { return key == "c" }
	return link{"filterNot", func(s *numbers) *numbers { return s.FilterNot(drop) }, each(func(i item) []item {
		if drop(i.key, i.value) {
			return nil
		}
		return []item{i}
	})}
}

func (c chains) rekey() link {
	m := 1 + c.Int64N(4)
	key := func(_ string, v int64) string { return fmt.Sprint("k", v%m) }
	return link{"selectKey", func(s *numbers) *numbers { return s.SelectKey(key) }, each(func(i item) []item {
		i.key = key(i.key, i.value)
		return []item{i}
	})}
}

func (c chains) mapped() link {
	f := func(key string, v int64) (string, int64) { return key[:1], v + int64(len(key)) }
	return link{"map", func(s *numbers) *numbers { return s.Map(f) }, each(func(i item) []item {
		i.key, i.value = f(i.key, i.value)
		return []item{i}
	})}
}

func (c chains) values() link {
	by := 1 + c.Int64N(3)
	f := func(v int64) int64 { return v*by + 1 }
	return link{"mapValues", func(s *numbers) *numbers { return s.MapValues(f) }, each(func(i item) []item {
		i.value = f(i.value)
		return []item{i}
	})}
}

// parts are the values that flatMap and flatMapValues make of one.
func parts(v int64) (all []int64) {
	for n := range v % 3 {
		all = append(all, v+n)
	}
	return all
}

func (c chains) flat() link {
	f := func(key string, v int64, emit func(string, int64)) {
		for _, p := range parts(v) {
			emit(fmt.Sprint(key[:1], p%2), p)
		}
	}
	return link{"flatMap", func(s *numbers) *numbers { return s.FlatMap(f) }, each(func(i item) (out []item) {
		f(i.key, i.value, func(key string, v int64) { out = append(out, item{key, v, i.ts, i.from}) })
		return out
	})}
}

func (c chains) flatValues() link {
	return link{"flatMapValues", func(s *numbers) *numbers { return s.FlatMapValues(parts) }, each(func(i item) (out []item) {
		for _, p := range parts(i.value) {
			out = append(out, item{i.key, p, i.ts, i.from})
		}
		return out
	})}
}

func (c chains) peek() link {
	return link{"peek", func(s *numbers) *numbers { return s.Peek(func(string, int64) {}) }, func(in []item) []item { return in }}
}

// merged sends every record down two chains and merges what comes: for each record
// that of the first comes before that of the second.
func (c chains) merged() link {
	left, right := c.links(1+c.IntN(2), false), c.links(1+c.IntN(2), false)
	along := func(s *numbers, links []link) *numbers {
		for _, l := range links {
			s = l.build(s)
		}
		return s
	}
	return link{"merge", func(s *numbers) *numbers {
		return along(s, left).Merge(along(s, right))
	}, each(func(i item) (out []item) {
		for _, side := range [][]link{left, right} {
			items := []item{i}
			for _, l := range side {
				items = l.model(items)
			}
			out = append(out, items...)
		}
		return out
	})}
}

// folded recomputes an aggregation by key: next is given what there is, if anything.
func folded(next func(have *int64, i item) int64) func([]item) []item {
	return func(in []item) (out []item) {
		rows, times := map[string]*int64{}, map[string]int64{}
		for _, i := range in {
			v := next(rows[i.key], i)
			times[i.key] = max(times[i.key], i.ts)
			rows[i.key] = &v
			out = append(out, item{i.key, v, times[i.key], i.from})
		}
		return out
	}
}

func (c chains) count() link {
	return link{"count", func(s *numbers) *numbers { return s.GroupByKey().Count().ToStream() }, folded(func(have *int64, _ item) int64 {
		if have == nil {
			return 1
		}
		return *have + 1
	})}
}

func (c chains) reduce() link {
	f := func(a, b int64) int64 { return (a*3 + b) % 1000 }
	return link{"reduce", func(s *numbers) *numbers { return s.GroupByKey().Reduce(f).ToStream() }, folded(func(have *int64, i item) int64 {
		if have == nil {
			return i.value
		}
		return f(*have, i.value)
	})}
}

func (c chains) aggregate() link {
	m := 2 + c.Int64N(3)
	group := func(_ string, v int64) string { return fmt.Sprint("g", v%m) }
	start := func() int64 { return 7 }
	f := func(_ string, v, sum int64) int64 { return (sum + 2*v) % 1000 }
	aggregated := folded(func(have *int64, i item) int64 {
		if have == nil {
			return f(i.key, i.value, start())
		}
		return f(i.key, i.value, *have)
	})
	return link{"groupBy aggregate", func(s *numbers) *numbers {
		return s.GroupBy(group).Aggregate(start, f).ToStream()
	}, func(in []item) []item {
		in = slices.Clone(in)
		for i := range in {
			in[i].key = group(in[i].key, in[i].value)
		}
		return aggregated(in)
	}}
}

func inWindow(w window.Key[string], n int64) (string, int64) {
	return fmt.Sprintf("%s@%d-%d", w.Key, w.Start, w.End), n
}

// windowed counts in windows that overlap or do not, and drops what is late.
func (c chains) windowed() link {
	advance := 500 * (1 + c.Int64N(3))
	size := advance * (1 + c.Int64N(2))
	grace := 300 * c.Int64N(4)
	windows := window.Hopping(time.Duration(size)*time.Millisecond, time.Duration(advance)*time.Millisecond).Grace(time.Duration(grace) * time.Millisecond)
	return link{"windowed count", func(s *numbers) *numbers {
		return s.GroupByKey().WindowedBy(windows).Count().ToStream().Map(inWindow)
	}, func(in []item) (out []item) {
		type place struct {
			key   string
			start int64
		}
		counts, times, seen := map[place]int64{}, map[place]int64{}, int64(0)
		for _, i := range in {
			seen = max(seen, i.ts)
			for start := max(0, i.ts-size+advance) / advance * advance; start <= i.ts; start += advance {
				if start+size <= seen-grace {
					continue
				}
				at := place{i.key, start}
				counts[at]++
				times[at] = max(times[at], i.ts)
				key, n := inWindow(window.Key[string]{Key: i.key, Start: start, End: start + size}, counts[at])
				out = append(out, item{key, n, times[at], i.from})
			}
		}
		return out
	}}
}

// sessions counts in sessions, of which none is ever late.
func (c chains) sessions() link {
	gap := 100 * (1 + c.Int64N(8))
	windows := window.Session(time.Duration(gap) * time.Millisecond).Grace(24 * time.Hour)
	return link{"session count", func(s *numbers) *numbers {
		return s.GroupByKey().WindowedBySession(windows).Count().ToStream().Map(inWindow)
	}, func(in []item) (out []item) {
		type session struct{ start, end, n int64 }
		all := map[string][]session{}
		for _, i := range in {
			merged := session{i.ts, i.ts, 1}
			var others []session
			for _, s := range all[i.key] {
				if s.end < i.ts-gap || s.start > i.ts+gap {
					others = append(others, s)
					continue
				}
				merged = session{min(merged.start, s.start), max(merged.end, s.end), merged.n + s.n}
			}
			all[i.key] = append(others, merged)
			key, n := inWindow(window.Key[string]{Key: i.key, Start: merged.start, End: merged.end}, merged.n)
			out = append(out, item{key, n, merged.end, i.from})
		}
		return out
	}}
}
