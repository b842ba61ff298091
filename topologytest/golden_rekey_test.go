package topologytest_test

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var windowedRekeyScenarios = map[string]func(b *topology.Builder, g *golden){
	"rekey-tumbling-count-to-count": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Tumbling(5 * time.Second).Grace(2 * time.Second)).
			Count(day).
			ToStream().
			Map(func(w window.Key[string], n int64) (string, string) {
				return fmt.Sprintf("w%d", w.Start), fmt.Sprintf("%s%d", w.Key, n)
			}).
			GroupByKey().
			Count(topology.StoreName("by-window")).
			ToStream().To("out")
	},
}
