package topology_test

import (
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var (
	limited = topology.UntilTimeLimit(5*time.Millisecond, topology.MaxRecords(10))
	closed  = topology.UntilWindowCloses(topology.Unbounded())
)

// suppressions are topologies by the name that they have in testdata.
var suppressions = map[string]func(b *builder){
	"suppress-table":       func(b *builder) { rows(b, "a").Suppress(limited).ToStream().To("out") },
	"suppress-table-named": func(b *builder) { rows(b, "a").Suppress(limited, named("sup")).ToStream().To("out") },
	"suppress-count": func(b *builder) {
		in(b, "in").GroupByKey().Count().Suppress(limited).ToStream().To("out")
	},
	"suppress-window": func(b *builder) {
		in(b, "in").GroupByKey().WindowedBy(tumbling).Count(numbers).Suppress(closed).ToStream().To("out")
	},
	"suppress-window-named": func(b *builder) {
		in(b, "in").GroupByKey().WindowedBy(tumbling).Count(stored("st")).
			Filter(func(window.Key[string], int64) bool { return true }).
			Suppress(closed, named("sup")).ToStream().To("out")
	},
	"suppress-filter-view": func(b *builder) {
		rows(b, "a").Filter(yes).Suppress(limited).MapValues(identity).ToStream().To("out")
	},
	"suppress-twice": func(b *builder) { rows(b, "a").Suppress(limited).Suppress(limited).ToStream().To("out") },
	"suppress-join": func(b *builder) {
		t := rows(b, "a").Suppress(limited)
		in(b, "in").Join(t, second).To("out")
	},
	"suppress-unlogged": func(b *builder) {
		rows(b, "a").Suppress(limited, topology.WithoutChangelog()).ToStream().To("out")
	},
}

func TestSuppressionsAreDescribedAsByKafkaStreams(t *testing.T) {
	describeEquals(t, "testdata/kafka-streams-suppress.txt", suppressions)
}
