package topologytest_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

type (
	textTable = topology.Table[string, string]
	textRows  = map[string]string
)

// tableModels are tables made of two others, l and r, and the same recomputed from
// all their rows. Rows of l are texts like b:3, which name a row of r, or 3, which
// name none.
var tableModels = []struct {
	name  string
	build func(l, r *textTable) *textTable
	model func(l, r textRows) textRows
}{
	{"count", func(l, _ *textTable) *textTable {
		return l.GroupBy(byReference).Count().MapValues(digits)
	}, func(l, _ textRows) textRows { return tallied(l, func(string) int64 { return 1 }) }},
	{"sum", func(l, _ *textTable) *textTable {
		sum := l.GroupBy(func(_, v string) (string, int64) { return referenceOf(v), numberOf(v) })
		return sum.Reduce(func(a, b int64) int64 { return a + b }, func(a, b int64) int64 { return a - b }).MapValues(digits)
	}, func(l, _ textRows) textRows { return tallied(l, numberOf) }},
	{"sum of what a filter leaves", func(l, _ *textTable) *textTable {
		sum := l.Filter(oddRow).GroupBy(byReference)
		add := func(_, v string, n int64) int64 { return n + numberOf(v) }
		subtract := func(_, v string, n int64) int64 { return n - numberOf(v) }
		return sum.Aggregate(func() int64 { return 0 }, add, subtract, topology.StoreName("result")).MapValues(digits)
	}, func(l, _ textRows) textRows { return tallied(filtered(l, oddRow), numberOf) }},
	{"join", func(l, r *textTable) *textTable { return l.Join(r, plus) }, innerModel},
	{"join, kept", func(l, r *textTable) *textTable { return l.Join(r, plus, topology.StoreName("result")) }, innerModel},
	{"left join", func(l, r *textTable) *textTable { return l.LeftJoin(r, plusOrNull) }, leftModel},
	{"left join, kept", func(l, r *textTable) *textTable { return l.LeftJoin(r, plusOrNull, topology.StoreName("result")) }, leftModel},
	{"outer join", func(l, r *textTable) *textTable { return l.OuterJoin(r, eitherOrNull) }, outerModel},
	{"outer join, kept", func(l, r *textTable) *textTable {
		return l.OuterJoin(r, eitherOrNull, topology.StoreName("result"))
	}, outerModel},
	{"count of a filtered join", func(l, r *textTable) *textTable {
		return l.OuterJoin(r, eitherOrNull).Filter(oddRow).GroupBy(byReference).Count().MapValues(digits)
	}, func(l, r textRows) textRows {
		return tallied(filtered(outerModel(l, r), oddRow), func(string) int64 { return 1 })
	}},
	{"join of joins", func(l, r *textTable) *textTable {
		return l.OuterJoin(r, eitherOrNull).LeftJoin(l.Join(r, plus), plusOrNull, topology.StoreName("result"))
	}, func(l, r textRows) textRows { return leftModel(outerModel(l, r), innerModel(l, r)) }},
	{"foreign keys", func(l, r *textTable) *textTable { return l.JoinOn(r, refers, plus) }, foreignModel},
	{"foreign keys, left", func(l, r *textTable) *textTable {
		return l.LeftJoinOn(r, refers, plusOrNull, topology.StoreName("result"))
	}, leftForeignModel},
	{"sum of foreign keys", func(l, r *textTable) *textTable {
		return l.JoinOn(r, refers, plus).GroupBy(byReference).Count().MapValues(digits)
	}, func(l, r textRows) textRows { return tallied(foreignModel(l, r), func(string) int64 { return 1 }) }},
	{"processed rows", func(l, r *textTable) *textTable {
		return l.ProcessValues(lengthened).Join(r, plus)
	}, func(l, r textRows) textRows {
		longer := textRows{}
		for k, v := range l {
			longer[k] = v + "!"
		}
		return innerModel(longer, r)
	}},
}

func referenceOf(v string) string { key, _, _ := strings.Cut(v, ":"); return key }

func refers(v string) (string, bool) { key, _, ok := strings.Cut(v, ":"); return key, ok }

func byReference(_, v string) (string, string) { return referenceOf(v), v }

// numberOf adds up the digits of a row.
func numberOf(v string) (n int64) {
	for _, c := range v {
		if c >= '0' && c <= '9' {
			n += int64(c - '0')
		}
	}
	return n
}

func oddRow(_, v string) bool { return numberOf(v)%2 == 1 }
func digits(n int64) string   { return fmt.Sprint(n) }

func eitherOrNull(x, y *string) string { return orNull(x) + "+" + orNull(y) }

func lengthened(*processors.RowContext) (processors.RowMapper[string, string, string], error) {
	return processors.RowFunc[string, string, string](func(r record.Fixed[string, string]) (string, bool, error) {
		return r.Value + "!", !r.Tombstone, nil
	}), nil
}

// tallied adds up what each row of a group is worth.
func tallied(rows textRows, worth func(string) int64) textRows {
	sums := map[string]int64{}
	for _, v := range rows {
		sums[referenceOf(v)] += worth(v)
	}
	out := textRows{}
	for key, n := range sums {
		out[key] = digits(n)
	}
	return out
}

func filtered(rows textRows, keep func(string, string) bool) textRows {
	out := maps.Clone(rows)
	maps.DeleteFunc(out, func(k, v string) bool { return !keep(k, v) })
	return out
}

// joinModelOf joins the rows under all keys with those that other finds.
func joinModelOf(l textRows, other func(k, v string) (string, bool), left bool) textRows {
	out := textRows{}
	for k, v := range l {
		if found, ok := other(k, v); ok {
			out[k] = plus(v, found)
		} else if left {
			out[k] = plus(v, "null")
		}
	}
	return out
}

func byKey(r textRows) func(k, v string) (string, bool) {
	return func(k, _ string) (string, bool) { v, ok := r[k]; return v, ok }
}

func byForeignKey(r textRows) func(k, v string) (string, bool) {
	return func(_, v string) (string, bool) {
		key, ok := refers(v)
		found, there := r[key]
		return found, ok && there
	}
}

func innerModel(l, r textRows) textRows       { return joinModelOf(l, byKey(r), false) }
func leftModel(l, r textRows) textRows        { return joinModelOf(l, byKey(r), true) }
func foreignModel(l, r textRows) textRows     { return joinModelOf(l, byForeignKey(r), false) }
func leftForeignModel(l, r textRows) textRows { return joinModelOf(l, byForeignKey(r), true) }

func outerModel(l, r textRows) textRows {
	out := leftModel(l, r)
	for k, v := range r {
		if _, ok := l[k]; !ok {
			out[k] = plus("null", v)
		}
	}
	return out
}

// Whatever comes in whatever order, and whatever goes wrong, a table is what its
// rows make it in the end, and so is the sum of the changes that were passed on.
func TestRandomTablesEqualTheirRecomputation(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 6
	}
	for _, m := range tableModels {
		t.Run(m.name, func(t *testing.T) {
			first := rand.Uint64()
			for seed := first; seed < first+uint64(seeds); seed++ {
				c := newTableCase(seed)
				b := topology.New("app", c.building...)
				m.build(b.Table[string, string]("l"), b.Table[string, string]("r")).ToStream().To("out")
				l, r := c.run(t, b)
				want, got := m.model(l, r), topologytest.AsMap(c.d.Output[string, string]("out"))
				ignored := func(_, v string) bool { return v == "0" } // a group without rows
				maps.DeleteFunc(want, ignored)
				maps.DeleteFunc(got, ignored)
				if !maps.Equal(got, want) {
					t.Fatalf("seed %d (%s): got\n%v, want\n%v, of\n%v and\n%v", seed, c.text, got, want, l, r)
				}
			}
		})
	}
}

// tableCase is one run of random updates.
type tableCase struct {
	random   *rand.Rand
	building []topology.BuilderOption
	options  []topologytest.Option
	text     string
	d        *topologytest.Driver
	l, r     textRows
}

func newTableCase(seed uint64) *tableCase {
	c := &tableCase{random: rand.New(rand.NewPCG(seed, 1)), l: textRows{}, r: textRows{}}
	chance := func(name string, options ...topologytest.Option) {
		if c.random.IntN(2) == 0 {
			c.text += name + ", "
			c.options = append(c.options, options...)
		}
	}
	n := 1 + c.random.Int32N(4)
	c.options = append(c.options, topologytest.Partitions(n), topologytest.Seed(seed), topologytest.Workers(1+c.random.IntN(2)))
	c.text = fmt.Sprintf("%d partitions, ", n)
	chance("cache", topologytest.CacheBytes(1<<20))
	chance("commits", topologytest.CommitInterval(time.Second))
	chance("chaos", topologytest.ExactlyOnce(), topologytest.Chaos(seed), topologytest.CheckpointInterval(2*time.Second))
	if c.random.IntN(2) == 0 {
		c.text += "optimized, "
		c.building = append(c.building, topology.Optimize())
	}
	return c
}

// run makes random updates until all that follows from them is committed, and returns
// the rows that there are in the end.
func (c *tableCase) run(t *testing.T, b *topology.Builder) (l, r textRows) {
	c.d = topologytest.New(t, b, c.options...)
	for range 40 {
		switch c.random.IntN(6) {
		case 0:
			c.d.Advance(time.Second)
		case 1:
			c.d.Batch(func() {
				for range 1 + c.random.IntN(6) {
					c.update()
				}
			})
		default:
			c.update()
		}
	}
	c.d.Advance(time.Second)
	c.d.Commit()
	return c.l, c.r
}

// update changes or deletes a row.
func (c *tableCase) update() {
	keys := []string{"a", "b", "c", "d"}
	key, ts := keys[c.random.IntN(len(keys))], c.random.IntN(100)
	topic, rows := "l", c.l
	value := fmt.Sprint(c.random.IntN(10))
	if c.random.IntN(5) > 0 {
		value = keys[c.random.IntN(len(keys))] + ":" + value
	}
	if c.random.IntN(2) == 0 {
		topic, rows, value = "r", c.r, strings.Repeat("r", c.random.IntN(3))
	}
	in := c.d.Input[string, string](topic)
	if c.random.IntN(4) == 0 {
		delete(rows, key)
		in.Delete(key, ts)
		return
	}
	rows[key] = value
	in.Send(key, value, ts)
}
