package topology_test

import "github.com/tidemill/tidemill/topology"

// scenarios are topologies by the name that they have in testdata.
var scenarios = map[string]func(b *builder){
	"kv-count": func(b *builder) { in(b, "in").GroupByKey().Count().ToStream().To("out") },
	"groupBy-count-named-store": func(b *builder) {
		in(b, "in").GroupBy(value).Count(stored("cnt")).ToStream().To("out")
	},
	"groupBy-Grouped-as": func(b *builder) {
		in(b, "in").GroupBy(value, named("grp")).Count(named("nm"), stored("cnt")).ToStream().To("out")
	},
	"groupBy-count":  func(b *builder) { in(b, "in").GroupBy(value).Count().ToStream().To("out") },
	"groupBy-reduce": func(b *builder) { in(b, "in").GroupBy(value).Reduce(second).ToStream().To("out") },
	"groupBy-aggregate": func(b *builder) {
		in(b, "in").GroupBy(value).Aggregate(empty, same, stored("agg")).ToStream().To("out")
	},
	"groupByKey-named": func(b *builder) {
		in(b, "in").GroupByKey(named("grp")).Reduce(second, named("red"), stored("st")).ToStream(named("ts")).To("out", named("snk"))
	},
	"selectKey-groupByKey-Grouped-as": func(b *builder) {
		in(b, "in").SelectKey(value, named("sel")).GroupByKey(named("grp")).Count().ToStream().To("out")
	},
	"count-named-node": func(b *builder) { in(b, "in").GroupByKey().Count(named("nm")).ToStream().To("out") },
	"count-materialized-with": func(b *builder) {
		in(b, "in").GroupByKey().Count(numbers).ToStream().To("out")
	},
	"reduce-materialized-with": func(b *builder) {
		in(b, "in").GroupByKey().Reduce(second, text).ToStream().To("out")
	},
	"aggregate-materialized-with": func(b *builder) {
		in(b, "in").GroupByKey().Aggregate(empty, same, text).ToStream().To("out")
	},
	"grouped-as-used-twice": func(b *builder) {
		g := in(b, "in").GroupBy(value, named("grp"))
		g.Count().ToStream().To("o1")
		g.Reduce(second).ToStream().To("o2")
	},
	"grouped-unnamed-used-twice": func(b *builder) {
		g := in(b, "in").GroupBy(value)
		g.Count().ToStream().To("o1")
		g.Reduce(second).ToStream().To("o2")
	},
	"window-count": func(b *builder) {
		in(b, "in").GroupByKey().WindowedBy(tumbling).Count().ToStream().To("out")
	},
	"window-count-emitfinal": func(b *builder) {
		in(b, "in").GroupByKey().WindowedBy(tumbling).EmitFinal().Count().ToStream().To("out")
	},
	"window-count-materialized-with": func(b *builder) {
		in(b, "in").GroupByKey().WindowedBy(tumbling).Count(numbers).ToStream().To("out")
	},
	"window-groupBy-reduce": func(b *builder) {
		in(b, "in").GroupBy(value).WindowedBy(tumbling).Reduce(second).ToStream().To("out")
	},
	"window-groupBy-aggregate-named": func(b *builder) {
		in(b, "in").GroupBy(value, named("grp")).WindowedBy(tumbling).Aggregate(empty, same, named("nm"), stored("st")).ToStream().To("out")
	},
	"window-to-repartition": func(b *builder) {
		counts := in(b, "in").GroupByKey().WindowedBy(tumbling).Count().ToStream().Map(innermost)
		counts.GroupByKey().Reduce(func(x, y int64) int64 { return x + y }).ToStream().To("out")
	},
	"stateless": func(b *builder) {
		s := in(b, "in").Filter(yes).FilterNot(yes).Map(pair).MapValues(identity).FlatMap(several).
			FlatMapValues(func(v string) []string { return []string{v} }).SelectKey(value).Peek(nothing)
		s.Merge(in(b, "in2")).To("out")
		s.ForEach(nothing)
	},
	"stateless-named": func(b *builder) {
		s := in(b, "in", named("src")).Filter(yes, named("a1")).FilterNot(yes, named("a2")).Map(pair, named("a3")).
			MapValues(identity, named("a4")).FlatMap(several, named("a5")).
			FlatMapValues(func(v string) []string { return []string{v} }, named("a6")).
			SelectKey(value, named("a7")).Peek(nothing, named("a8"))
		s.Merge(in(b, "in2"), named("a9")).To("out", named("a10"))
		s.ForEach(nothing, named("a11"))
		s.Peek(nothing)
	},
	"process": func(b *builder) {
		s := in(b, "in")
		s.Process(idle).To("o1")
		s.Process(idle, named("mine")).To("o2")
		s.Peek(nothing)
	},
	"process-store": func(b *builder) {
		kept := topology.KeyValueStore[string, string]("kept")
		in(b, "in").Process(idle, topology.Stores(kept)).To("out")
		in(b, "in2").Process(idle, topology.Stores(kept))
		in(b, "in3").To("o3")
	},
	"toTable":             func(b *builder) { in(b, "in").SelectKey(value).ToTable(text).ToStream().To("out") },
	"toTable-named-store": func(b *builder) { in(b, "in").SelectKey(value).ToTable(stored("tab")).ToStream().To("out") },
	"toTable-named-node":  func(b *builder) { in(b, "in").SelectKey(value).ToTable(named("nm")).ToStream().To("out") },
	"toTable-same-key":    func(b *builder) { in(b, "in").ToTable().ToStream().To("out") },
	"table":               func(b *builder) { rows(b, "a").ToStream().To("out") },
	"table-named-store":   func(b *builder) { rows(b, "a", stored("st")).ToStream().To("out") },
	"table-named-node":    func(b *builder) { rows(b, "a", named("nm")).ToStream().To("out") },
	"table-named-both":    func(b *builder) { rows(b, "a", named("nm"), stored("st")).ToStream().To("out") },
	"stream-table-join": func(b *builder) {
		t := rows(b, "t")
		in(b, "in").Join(t, second).To("out")
	},
	"stream-table-leftjoin-named": func(b *builder) {
		t := rows(b, "t", stored("st"))
		in(b, "in").SelectKey(value).LeftJoin(t, either, named("jn")).To("out")
	},
	"stream-table-repart": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		s.LeftJoin(rows(b, "t"), either).To("o")
	},
	"stream-table-two-joins": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		t1, t2 := rows(b, "t1"), rows(b, "t2")
		s.Join(t1, second).Join(t2, second).To("o")
	},
	"stream-aggregate-join": func(b *builder) {
		t := in(b, "x").GroupByKey().Reduce(second)
		in(b, "in").Join(t, second).To("o")
	},
	"stream-toTable-join": func(b *builder) {
		t := in(b, "x").ToTable()
		in(b, "in").Join(t, second).To("o")
	},
	"repartition-split": func(b *builder) {
		split := in(b, "in").Repartition(named("rp")).Split(named("sp-"))
		split.Branch(yes, named("A")).To("out")
		split.Branch(yes, named("B"))
	},
	"split-unnamed": func(b *builder) {
		split := in(b, "in").Split()
		one, two, rest := split.Branch(yes), split.Branch(yes), split.Default()
		rest.To("o0")
		one.To("o1")
		two.To("o2")
	},
	"split-named-default": func(b *builder) {
		split := in(b, "in").Split(named("sp-"))
		one, rest := split.Branch(yes, named("one")), split.Default(named("rest"))
		one.To("o1")
		rest.To("o2")
	},
	"repartition-unnamed": func(b *builder) {
		in(b, "in").SelectKey(value).Repartition().GroupByKey().Count().ToStream().To("o")
	},
	"named-burns": func(b *builder) {
		in(b, "in").Filter(yes, named("f")).Process(idle, named("pp")).Peek(nothing).Repartition(named("rp")).Peek(nothing).To("o")
	},
	"several-topics": func(b *builder) {
		topics := []string{"orders", "returns", "payments", "a", "b", "c1", "d", "e", "f", "g", "h", "i", "j"}
		b.Streams[string, string](topics).To("o")
	},
	"pattern": func(b *builder) { b.StreamPattern[string, string](`logs\..*`).To("o") },
	"fan-out": func(b *builder) {
		s := in(b, "in")
		s.To("raw")
		s.Filter(yes).MapValues(identity).Peek(nothing).To("deep")
		s.GroupByKey().Count().ToStream().To("counts")
		s.MapValues(identity).To("flat")
		s.Filter(yes).To("some")
		s.GroupBy(value).WindowedBy(tumbling).Count().ToStream().Map(innermost).To("win")
		s.ForEach(nothing)
	},
	"merge-diamond": func(b *builder) {
		s := in(b, "in")
		x := s.Filter(yes)
		y := s.MapValues(identity).FilterNot(yes)
		z := s.Peek(nothing)
		z.Merge(x).Merge(y).To("out")
		y.To("side")
	},
	"global": func(b *builder) {
		g := b.GlobalTable[string, string]("g")
		s := in(b, "in")
		b.GlobalTable[string, string]("g2")
		s.LeftJoinGlobal(g, func(k, _ string) string { return k }, either).To("out")
	},
	"two-subtopologies": func(b *builder) {
		in(b, "z", named("zz")).To("oz")
		in(b, "y", named("aa")).To("oy")
	},
}

func rows(b *builder, topic string, options ...topology.TableOption) *topology.Table[string, string] {
	return b.Table[string, string](topic, options...)
}

func either(v string, row *string) string {
	if row == nil {
		return v
	}
	return *row
}
