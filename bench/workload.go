package main

import (
	"context"

	"github.com/tidemill/tidemill/bench/input"
	"github.com/tidemill/tidemill/bench/raw"
	"github.com/tidemill/tidemill/topology"
)

// workload is one line of the budget, as both sides do it.
type workload struct {
	name, title string
	// keys is how many keys the input has; rows says that a table goes with it.
	keys int
	rows bool
	// repartitioned says that records go through a topic on their way.
	repartitioned bool
	build         func(*topology.Builder, job)
	raw           func(context.Context, raw.Config) error
	// outputs is how many results there have to be, or nil where results are
	// counts that have to add up to the number of records.
	outputs func(input.Facts) int
	budget  budget
}

// The numbers of keys that the budget names.
const (
	manyKeys = 100_000
	fewKeys  = 10_000
)

// workloads are the lines of the budget, in its order.
func workloads() []workload {
	return []workload{
		{
			name: "filter", title: "filter, pass bytes (80 % pass)", keys: manyKeys,
			build: buildFilter, raw: raw.Filter,
			outputs: func(f input.Facts) int { return f.Passing },
			budget:  budget{atLeastOnce: limits{1.6, 1.3, 1.2}, exactlyOnce: limits{1.6, 1.3, 1.1}},
		}, {
			name: "json", title: "filter + JSON decode + encode (20 % pass)", keys: manyKeys,
			build: buildJSON, raw: raw.JSON,
			outputs: func(f input.Facts) int { return f.Severe },
			budget:  budget{atLeastOnce: limits{2.8, 2.2, 2.3}, exactlyOnce: limits{2.8, 2.2, 2.3}},
		}, {
			name: "count", title: "groupByKey.count, 100k keys", keys: manyKeys,
			build: buildCount, raw: raw.Count,
			budget: budget{atLeastOnce: limits{2.0, 1.2, 0.75}, exactlyOnce: limits{3.5, 2.2, 0}, mib: 250},
		}, {
			name: "tumbling", title: "1-minute tumbling count, 10k keys, 1 h", keys: fewKeys,
			build: buildTumbling, raw: raw.Tumbling,
			budget: budget{atLeastOnce: limits{2.5, 1.5, 0}, exactlyOnce: limits{3.5, 2.2, 0}},
		}, {
			name: "join", title: "stream-table join, 100k rows", keys: manyKeys, rows: true,
			build: buildJoin, raw: raw.Join,
			outputs: func(f input.Facts) int { return f.Records },
			budget:  budget{atLeastOnce: limits{3, 2, 0}, exactlyOnce: limits{3, 2, 0}},
		}, {
			name: "repartition", title: "selectKey + repartition + count", keys: manyKeys, repartitioned: true,
			build: buildRepartition, raw: raw.Repartition,
			budget: budget{atLeastOnce: limits{5, 3, 0}, exactlyOnce: limits{6, 4, 0}},
		},
	}
}

// relay is what latency is measured with: every record passes.
var relay = workload{name: "relay", build: buildRelay, raw: raw.Relay}

// restored is what a restore is measured with.
var restored = workload{name: "restore", build: buildCount, raw: raw.Fetch}

// workloadNamed finds a workload by its name, those of the other modes included.
func workloadNamed(name string) (workload, bool) {
	for _, w := range append(workloads(), relay, restored, sagaRun, bridges[0], bridges[1]) {
		if w.name == name {
			return w, true
		}
	}
	return workload{}, false
}

func workloadNames() []string {
	var names []string
	for _, w := range workloads() {
		names = append(names, w.name)
	}
	return names
}
