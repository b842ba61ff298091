package topologytest_test

import (
	"strconv"
	"strings"

	"github.com/tidemill/tidemill/topology"
)

var globalScenarios = map[string]func(b *topology.Builder, g *golden){
	"global-inner": func(b *topology.Builder, _ *golden) {
		table := b.GlobalTable[string, string]("g")
		b.Stream[string, string]("s").JoinGlobal(table, func(_, v string) string {
			before, _, _ := strings.Cut(v, ":")
			return before
		}, plus).To("out")
	},
	"global-left-bykey": func(b *topology.Builder, _ *golden) {
		table := b.GlobalTable[string, int64]("g")
		b.Stream[*string, string]("s").LeftJoinGlobal(table, func(k *string, _ string) string {
			if k == nil {
				return "no such row"
			}
			return *k
		}, func(v string, row *int64) string {
			if row == nil {
				return v + "+null"
			}
			return v + "+" + strconv.FormatInt(*row, 10)
		}).To("out")
	},
}
