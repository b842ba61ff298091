package topologytest_test

import (
	"fmt"
	"testing"

	"github.com/tidemill/tidemill/topologytest"
)

// notTheSameAgain are scenarios that a restart changes by right: punctuations begin
// anew with their task.
var notTheSameAgain = map[string]bool{
	"processor-punctuate-both":        true,
	"processor-punctuate-stream-time": true,
}

// Whatever crashes, is lost or moves, the outputs and stores under exactly-once are
// those of a run without faults.
func TestGoldenScenariosDoNotChangeUnderFaults(t *testing.T) {
	for _, g := range readGolden(t) {
		if notTheSameAgain[g.Name] {
			continue
		}
		g.Traces = nil // side effects are repeated
		for seed := range uint64(5) {
			t.Run(fmt.Sprintf("%s/seed %d", g.Name, seed), func(t *testing.T) {
				g.run(t, topologyOf(g.Name), topologytest.ExactlyOnce(), topologytest.Workers(2), topologytest.Chaos(seed))
			})
		}
	}
}
