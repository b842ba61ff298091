package topologytest_test

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var cogroupScenarios = map[string]func(b *topology.Builder, g *golden){
	"cogroup-two-streams": func(b *topology.Builder, _ *golden) {
		orders := b.Stream[string, string]("orders").GroupByKey()
		clicks := b.Stream[string, int64]("clicks").GroupByKey()
		topology.Cogroup(orders, func(_, v string, agg *string) *string { return new(*agg + "o" + v) }).
			And(clicks, func(_ string, v int64, agg *string) *string {
				if v < 0 {
					return nil
				}
				return new(*agg + "c" + strconv.FormatInt(v, 10))
			}).
			Aggregate(func() *string { return new("") }, topology.StoreName("cg")).
			ToStream().To("out")
	},
	"cogroup-tumbling-grace": func(b *topology.Builder, _ *golden) {
		left := b.Stream[string, *string]("l").GroupByKey()
		right := b.Stream[string, *string]("r").GroupByKey()
		topology.Cogroup(left, func(_ string, v *string, agg string) string { return agg + "<" + orNull(v) }).
			And(right, func(_ string, v *string, agg string) string { return agg + ">" + orNull(v) }).
			WindowedBy(window.Tumbling(5*time.Second).Grace(time.Second)).
			Aggregate(func() string { return "" }, day).
			ToStream().To("out")
	},
	"cogroup-session-nograce": func(b *topology.Builder, _ *golden) {
		or := func(v *string, null string) string {
			if v == nil {
				return null
			}
			return *v
		}
		left := b.Stream[string, *string]("l").GroupByKey()
		right := b.Stream[string, *string]("r").GroupByKey()
		topology.Cogroup(left, func(_ string, v *string, agg string) string { return agg + or(v, "_") }).
			And(right, func(_ string, v *string, agg string) string { return agg + strings.ToUpper(or(v, "~")) }).
			WindowedBySession(window.Session(3*time.Second)).
			Aggregate(func() string { return "" }, func(_, x, y string) string { return x + "&" + y }, day).
			ToStream().To("out")
	},
}
