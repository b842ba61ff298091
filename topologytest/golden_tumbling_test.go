package topologytest_test

import (
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// day is how long the windowed stores of the scenarios keep a window.
var day = topology.Retention(24 * time.Hour)

var tumblingScenarios = map[string]func(b *topology.Builder, g *golden){
	"tumbling-count-grace0": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Tumbling(10*time.Second)).
			Count(topology.StoreName("cnt"), day).
			ToStream().To("out")
	},
	"tumbling-count-onclose-grace0": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Tumbling(10*time.Second)).
			EmitFinal().
			Count(topology.StoreName("cnt"), day).
			ToStream().To("out")
	},
	"tumbling-aggregate-reset-grace": func(b *topology.Builder, _ *golden) {
		b.Stream[string, *string]("in").GroupByKey().
			WindowedBy(window.Tumbling(7*time.Second).Grace(2*time.Second)).
			Aggregate(caret, func(_ string, v, agg *string) *string {
				switch {
				case v == nil:
					return new(*agg + "_")
				case *v == "X":
					return nil
				default:
					return new(*agg + *v)
				}
			}, topology.StoreName("agg"), day).
			ToStream().To("out")
	},
}
