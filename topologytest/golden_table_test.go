package topologytest_test

import (
	"strings"

	"github.com/tidemill/tidemill/topology"
)

var tableScenarios = map[string]func(b *topology.Builder, g *golden){
	"table-source-filter-unmaterialized": func(b *topology.Builder, _ *golden) {
		t := b.Table[string, string]("in")
		t.ToStream().To("all")
		t.Filter(func(_, v string) bool { return strings.HasPrefix(v, "k") }).ToStream().To("filtered")
		t.MapValues(strings.ToUpper).ToStream().To("upper")
	},
	"table-totable-outoforder": func(b *topology.Builder, _ *golden) {
		t := b.Stream[string, *string]("in").
			Filter(func(_ string, v *string) bool { return v == nil || *v != "skip" }).
			ToTable(topology.StoreName("tbl"))
		t.ToStream().To("out")
		t.MapValues(func(v *string) int64 { return int64(len(*v)) }).ToStream().To("len")
	},
	"table-groupby-count": func(b *topology.Builder, _ *golden) {
		b.Table[string, string]("in", topology.StoreName("src")).
			GroupBy(func(k, v string) (string, string) { return v, k }).
			Count(topology.StoreName("cnt")).
			ToStream().To("out")
	},
	"table-groupby-aggregate-log": func(b *topology.Builder, _ *golden) {
		b.Table[string, string]("in", topology.StoreName("src")).
			GroupBy(func(k, v string) (string, string) { return v[:min(1, len(v))], k + v }).
			Aggregate(
				func() string { return "" },
				func(_, v, agg string) string { return agg + "+" + v },
				func(_, v, agg string) string { return agg + "-" + v },
				topology.StoreName("log"),
			).
			ToStream().To("out")
	},
	"tt-inner": func(b *topology.Builder, _ *golden) {
		l, r := b.Table[string, string]("l"), b.Table[string, string]("r")
		l.Join(r, plus, topology.StoreName("res")).ToStream().To("out")
	},
	"tt-left": func(b *topology.Builder, _ *golden) {
		l, r := b.Table[string, string]("l"), b.Table[string, string]("r")
		l.LeftJoin(r, plusOrNull, topology.StoreName("res")).ToStream().To("out")
	},
	"tt-outer-chain": func(b *topology.Builder, _ *golden) {
		ta, tb, tc := b.Table[string, string]("a"), b.Table[string, string]("b"), b.Table[string, string]("c")
		ta.OuterJoin(tb, func(x, y *string) string { return "[" + orNull(x) + "+" + orNull(y) + "]" }).
			LeftJoin(tc, func(x string, y *string) string { return x + "/" + orNull(y) }, topology.StoreName("o2")).
			ToStream().To("out")
	},
	"fk-inner": func(b *topology.Builder, _ *golden) {
		orders, users := b.Table[string, string]("orders"), b.Table[string, string]("users")
		orders.JoinOn(users, userOf, plus, topology.StoreName("res")).ToStream().To("out")
	},
	"fk-left": func(b *topology.Builder, _ *golden) {
		orders, users := b.Table[string, string]("orders"), b.Table[string, string]("users")
		orders.LeftJoinOn(users, userOf, plusOrNull, topology.StoreName("res")).ToStream().To("out")
	},
}

// userOf is the user that an order names.
func userOf(order string) (user string, ok bool) {
	user, _, ok = strings.Cut(order, "|")
	return user, ok
}

func plusOrNull(x string, y *string) string { return plus(x, orNull(y)) }
