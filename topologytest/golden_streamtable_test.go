package topologytest_test

import "github.com/tidemill/tidemill/topology"

var streamTableScenarios = map[string]func(b *topology.Builder, g *golden){
	"st-inner": func(b *topology.Builder, _ *golden) {
		table := b.Table[string, string]("t", topology.StoreName("tbl"))
		b.Stream[string, string]("s").Join(table, plus).To("out")
	},
}

// plus joins two texts.
func plus(x, y string) string { return x + "+" + y }
