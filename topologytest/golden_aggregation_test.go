package topologytest_test

import "github.com/tidemill/tidemill/topology"

var aggregationScenarios = map[string]func(b *topology.Builder, g *golden){
	"agg-count-groupbykey": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().Count(topology.StoreName("counts")).ToStream().To("out")
	},
	"agg-reduce-concat": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			Reduce(func(agg, v string) string { return agg + "|" + v }, topology.StoreName("red")).
			ToStream().To("out")
	},
	"agg-aggregate-append-reset": func(b *topology.Builder, _ *golden) {
		b.Stream[string, string]("in").GroupByKey().
			Aggregate(caret, func(k, v string, agg *string) *string {
				if v == "RESET" {
					return nil
				}
				return new(*agg + k + v)
			}, topology.StoreName("agg")).
			ToStream().To("out")
	},
}

// caret is an aggregate to begin with, of a type that has null.
func caret() *string { return new("^") }
