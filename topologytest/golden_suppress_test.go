package topologytest_test

import (
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var suppressScenarios = map[string]func(b *topology.Builder, g *golden){
	"suppress-timelimit-bounded-table": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().Count().
			Suppress(topology.UntilTimeLimit(5*time.Second, topology.MaxRecords(3))).
			ToStream().To("out")
	},
	"suppress-timelimit-unbounded-and-zero": func(b *topology.Builder, _ *golden) {
		t := b.Table[string, string]("in")
		t.Suppress(topology.UntilTimeLimit(2*time.Second, topology.Unbounded())).ToStream().To("out")
		t.Suppress(topology.UntilTimeLimit(0, topology.Unbounded())).ToStream().To("zero")
	},
	"suppress-tumbling-close": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBy(window.Tumbling(5*time.Second).Grace(time.Second)).
			Count(topology.StoreName("cnt"), day).
			Suppress(topology.UntilWindowCloses(topology.Unbounded())).
			ToStream().To("out")
	},
	"suppress-session-close-smallgrace": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			WindowedBySession(window.Session(2500 * time.Millisecond).Grace(500 * time.Millisecond)).
			Count(day).
			Suppress(topology.UntilWindowCloses(topology.Unbounded())).
			ToStream().To("out")
	},
}
