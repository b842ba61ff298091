package topologytest_test

import (
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var slidingScenarios = map[string]func(b *topology.Builder, g *golden){
	"sliding-count-grace": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Sliding(5*time.Second).Grace(2*time.Second)).
			Count(topology.StoreName("cnt"), day).
			ToStream().To("out")
	},
	"sliding-count-onclose": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Sliding(2*time.Second).Grace(time.Second)).
			EmitFinal().
			Count(topology.StoreName("cnt"), day).
			ToStream().To("out")
	},
	"sliding-early-records": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Sliding(4*time.Second).Grace(10*time.Second)).
			Aggregate(func() string { return "" }, func(_, v, agg string) string { return agg + "," + v },
				topology.StoreName("lg"), day).
			ToStream().To("out")
	},
}
