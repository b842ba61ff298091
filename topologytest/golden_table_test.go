package topologytest_test

import "github.com/tidemill/tidemill/topology"

var tableScenarios = map[string]func(b *topology.Builder, g *golden){}
