package topology_test

import (
	"strings"
	"testing"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// The file holds what Topology.describe of Kafka Streams 4.3.1 prints for the
// topologies of tables below, which are the same as those it was given.
func TestDescribeOfTablesEqualsKafkaStreams(t *testing.T) {
	want := transcript(t, "testdata/kafka-streams-tables.txt")
	for name, build := range tableScenarios {
		t.Run(name, func(t *testing.T) {
			var options []topology.BuilderOption
			if strings.HasPrefix(name, "opt-") {
				options = append(options, topology.Optimize())
			}
			b := topology.New("app", options...)
			build(b)
			got, err := b.Describe()
			if err != nil {
				t.Fatal(err)
			}
			if got != want[name] {
				t.Errorf("Describe is\n%s\nwant\n%s", got, want[name])
			}
		})
	}
	for name := range want {
		if tableScenarios[name] == nil {
			t.Errorf("no topology for %q", name)
		}
	}
}

func swapped(k, v string) (string, string)                 { return v, k }
func joined(a, b string) string                            { return a + b }
func leftJoined(a string, _ *string) string                { return a }
func outerJoined(*string, *string) string                  { return "" }
func sum(a, b int64) int64                                 { return a + b }
func byKey(k string, _ int64) (string, string)             { return k, k }
func inner(w window.Key[string], _ int64) (string, string) { return w.Key, w.Key }

// tableScenarios are topologies by the name that they have in testdata.
var tableScenarios = map[string]func(b *builder){
	"table-groupby": func(b *builder) { rows(b, "a").GroupBy(swapped).Count().ToStream().To("out") },
	"table-groupby-named": func(b *builder) {
		rows(b, "a").GroupBy(swapped, named("grp")).Count(named("cnt"), stored("st")).ToStream().To("out")
	},
	"table-groupby-reduce": func(b *builder) { rows(b, "a").GroupBy(swapped).Reduce(joined, joined).ToStream().To("out") },
	"table-groupby-named-store": func(b *builder) {
		rows(b, "a").GroupBy(swapped).Reduce(joined, joined, stored("st")).ToStream().To("out")
	},
	"table-groupby-aggregate-with": func(b *builder) {
		rows(b, "a").GroupBy(swapped).Aggregate(empty, same, same, text).ToStream().To("out")
	},
	"table-groupby-named-twice": func(b *builder) {
		g := rows(b, "a").GroupBy(swapped, named("grp"))
		g.Count().ToStream().To("o1")
		g.Reduce(joined, joined, named("red")).ToStream().To("o2")
	},
	"table-groupby-unnamed-twice": func(b *builder) {
		g := rows(b, "a").GroupBy(swapped)
		g.Count().ToStream().To("o1")
		g.Reduce(joined, joined, named("red"), text).ToStream().To("o2")
	},
	"table-filter-groupby": func(b *builder) {
		counts := rows(b, "a").Filter(yes).MapValues(identity).GroupBy(swapped).Count()
		counts.Filter(func(_ string, n int64) bool { return n > 1 }).ToStream().To("out")
	},
	"window-groupby": func(b *builder) {
		in(b, "in").GroupByKey().WindowedBy(tumbling).Count().GroupBy(inner).Count().ToStream().To("out")
	},
	"tt-join":     func(b *builder) { rows(b, "a").Join(rows(b, "b"), joined).ToStream().To("out") },
	"tt-leftjoin": func(b *builder) { rows(b, "a").LeftJoin(rows(b, "b"), leftJoined).ToStream().To("out") },
	"tt-outerjoin-named-stored": func(b *builder) {
		rows(b, "a").OuterJoin(rows(b, "b"), outerJoined, named("jn"), stored("st")).ToStream().To("out")
	},
	"tt-join-mat-with": func(b *builder) {
		rows(b, "a").Join(rows(b, "b"), joined, text).Filter(yes).ToStream().To("o")
	},
	"tt-join-chain": func(b *builder) {
		l, r, x := rows(b, "a", stored("sa")), rows(b, "b"), rows(b, "c")
		l.OuterJoin(r, outerJoined).LeftJoin(x.MapValues(identity), leftJoined, stored("st")).ToStream().To("o")
	},
	"tt-join-self": func(b *builder) {
		l := rows(b, "a")
		l.Join(l.Filter(yes), joined).ToStream().To("o")
	},
	"tt-join-aggregates": func(b *builder) {
		l := in(b, "x").GroupBy(value).Count()
		r := in(b, "y").GroupByKey().Count()
		l.Join(r, sum).GroupBy(byKey).Count().ToStream().To("o")
	},
	"tt-join-windowed": func(b *builder) {
		l := in(b, "x").GroupByKey().WindowedBy(tumbling).Count()
		r := in(b, "y").GroupByKey().WindowedBy(tumbling).Count()
		l.LeftJoin(r, func(n int64, _ *int64) int64 { return n }).ToStream().SelectKey(func(w window.Key[string], _ int64) string { return w.Key }).To("o")
	},
	"tt-join-stream": func(b *builder) {
		l, r := rows(b, "a"), rows(b, "b")
		s := in(b, "in")
		s.Join(l.Join(r, joined), second).To("o")
	},
	"fk-join": func(b *builder) { rows(b, "a").JoinOn(rows(b, "b"), itself, joined).ToStream().To("out") },
	"fk-leftjoin-stored": func(b *builder) {
		rows(b, "a").LeftJoinOn(rows(b, "b"), itself, leftJoined, stored("st")).ToStream().To("out")
	},
	"fk-join-named": func(b *builder) {
		rows(b, "a", stored("sa")).JoinOn(rows(b, "b", stored("sb")), itself, joined, named("fk")).ToStream().To("out")
	},
	"fk-join-named-stored": func(b *builder) {
		l, r := rows(b, "a"), rows(b, "b").Filter(yes)
		byValue := func(_, v string) (string, bool) { return v, true }
		l.Filter(yes).JoinOnWithKey(r, byValue, joined, named("fk"), stored("st")).GroupBy(swapped).Count().ToStream().To("out")
	},
	"fk-join-self": func(b *builder) {
		l := rows(b, "a")
		l.LeftJoinOn(l, itself, leftJoined).ToStream().To("out")
	},
	"fk-join-joined": func(b *builder) {
		l, r, x := rows(b, "a"), rows(b, "b"), rows(b, "c")
		l.JoinOn(r, itself, joined, text).Join(x, joined).ToStream().To("out")
	},
	"transform-values": func(b *builder) {
		kept := topology.KeyValueStore[string, string]("kept")
		rows(b, "a").ProcessValues(sameRows, topology.Stores(kept)).ToStream().To("out")
	},
	"transform-values-stored": func(b *builder) {
		rows(b, "a").ProcessValues(sameRows, stored("st"), named("tv")).Filter(yes).ToStream().To("out")
	},
	"transform-values-with": func(b *builder) { rows(b, "a").ProcessValues(sameRows, text).ToStream().To("out") },
	"opt-table":             func(b *builder) { rows(b, "a").ToStream().To("out") },
	"opt-table-join": func(b *builder) {
		rows(b, "a").Join(rows(b, "b", stored("sb")), joined).ToStream().To("out")
	},
	"opt-merge-two": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		s.GroupByKey().Count().ToStream().To("o1")
		s.Filter(yes).GroupByKey().Reduce(joined).ToStream().To("o2")
		s.Peek(nothing).To("o3")
	},
	"opt-merge-named": func(b *builder) {
		s := in(b, "in").Map(swapped)
		s.Filter(yes).GroupByKey(named("one")).Count().ToStream().To("o1")
		s.GroupByKey(named("two")).Count().ToStream().To("o2")
	},
	"opt-merge-values-between": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		s.MapValues(identity).GroupByKey().Count().ToStream().To("o1")
		s.GroupByKey().Count().ToStream().To("o2")
	},
	"opt-merge-join": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		s.Join(rows(b, "t"), joined).To("o1")
		s.GroupByKey().Count().ToStream().To("o2")
	},
	"opt-merge-merged": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		merged := s.Merge(in(b, "in2").SelectKey(value))
		merged.GroupByKey().Count().ToStream().To("o1")
		merged.Filter(yes).GroupByKey().Count().ToStream().To("o2")
	},
	"opt-merge-one": func(b *builder) {
		in(b, "in").SelectKey(value).Filter(yes).GroupByKey().Count().ToStream().To("o1")
	},
	"opt-merge-groupby": func(b *builder) {
		s := in(b, "in")
		s.GroupBy(value).Count().ToStream().To("o1")
		g := s.GroupBy(func(k, _ string) string { return k })
		g.Count().ToStream().To("o2")
		g.Reduce(joined).ToStream().To("o3")
	},
	"opt-merge-explicit": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		s.Repartition().To("o1")
		s.GroupByKey().Count().ToStream().To("o2")
		s.ToTable(text).ToStream().To("o3")
	},
	"opt-merge-chain": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		again := s.GroupByKey().Count().ToStream().SelectKey(func(k string, _ int64) string { return k })
		again.GroupByKey().Count().ToStream().To("o1")
		s.GroupByKey().Count().ToStream().To("o2")
	},
}

func sameRows(*processors.RowContext) (processors.RowMapper[string, string, string], error) {
	return processors.RowFunc[string, string, string](func(r record.Fixed[string, string]) (string, bool, error) {
		return r.Value, !r.Tombstone, nil
	}), nil
}

func itself(v string) (string, bool) { return v, true }
