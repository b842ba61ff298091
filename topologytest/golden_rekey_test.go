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
	"rekey-session-to-totals": func(b *topology.Builder, _ *golden) {
		s := b.Stream[string, string]("in").GroupByKey().
			WindowedBySession(window.Session(time.Second).Grace(time.Second)).
			Count(day)
		s.ToStream().
			Map(func(w window.Key[string], _ int64) (string, int64) { return w.Key, w.End - w.Start }).
			GroupByKey().
			Reduce(func(x, y int64) int64 { return max(x, y) }, topology.StoreName("longest")).
			ToStream().To("out")
		s.GroupBy(func(w window.Key[string], n int64) (string, int64) { return w.Key, n }).
			Count(topology.StoreName("live-sessions")).
			ToStream().To("live")
	},
}
