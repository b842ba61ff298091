package topologytest_test

import (
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var hoppingScenarios = map[string]func(b *topology.Builder, g *golden){
	"hopping-count-grace": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Hopping(10*time.Second, 4*time.Second).Grace(time.Second)).
			Count(topology.StoreName("cnt"), day).
			ToStream().To("out")
	},
	"hopping-count-onclose-grace": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Hopping(6*time.Second, 2*time.Second).Grace(time.Second)).
			EmitFinal().
			Count(topology.StoreName("cnt"), day).
			ToStream().To("out")
	},
}
