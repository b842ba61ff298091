package topologytest_test

import (
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var sessionScenarios = map[string]func(b *topology.Builder, g *golden){
	"session-count-grace0": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBySession(window.Session(time.Second)).
			Count(topology.StoreName("cnt"), day).
			ToStream().To("out")
	},
	"session-sum-reduce-grace": func(b *topology.Builder, _ *golden) {
		b.Stream[string, int64]("in").GroupByKey().
			WindowedBySession(window.Session(1500*time.Millisecond).Grace(500*time.Millisecond)).
			Reduce(func(agg, v int64) int64 { return agg + v }, topology.StoreName("sm"), day).
			ToStream().To("out")
	},
	"session-max-onclose-grace0": func(b *topology.Builder, _ *golden) {
		b.Stream[string, *int64]("in").GroupByKey().
			WindowedBySession(window.Session(3*time.Second)).
			EmitFinal().
			Aggregate(func() int64 { return -5 }, func(_ string, v *int64, agg int64) int64 {
				if v == nil {
					return agg + 100
				}
				return max(agg, *v)
			}, func(_ string, x, y int64) int64 { return max(x, y) + 1 }, topology.StoreName("mx"), day).
			ToStream().To("out")
	},
}
