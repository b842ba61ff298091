package topologytest_test

import (
	"strings"
	"testing"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// A filter behind a join asks what its rows were, and the join asks its sides, with a
// store of its own or without: a row that never passed the filter of a side changes
// nothing then. Kafka Streams 4.3.1 gives the same for these inputs.
func TestAJoinsSidesLeaveOutWhatChangesNothing(t *testing.T) {
	for name, options := range map[string][]topology.AggregateOption{
		"with a store": {topology.StoreName("joined")}, "without": nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			short := func(_, v string) bool { return len(v) < 3 }
			left := b.Table[string, string]("l").Filter(short)
			right := b.Table[string, string]("r").Filter(short)
			left.LeftJoin(right, plusOrNull, options...).
				Filter(func(_, v string) bool { return strings.Contains(v, "+") }).
				ToStream().To("out")
			d := topologytest.New(t, b)
			l, r := d.Input[string, string]("l"), d.Input[string, string]("r")
			r.Send("a", "long", 0)
			l.Send("a", "x", 2)
			r.Send("a", "longer", 4)
			r.Send("a", "y", 5)
			r.Send("a", "long", 6)
			r.Send("a", "longer", 7)
			want := []string{`"a" = "x+null" @2, step 1`, `"a" = "x+y" @5, step 3`, `"a" = "x+null" @6, step 4`}
			compare(t, "topic out", plainOutput[string, string](d, "out"), want)
		})
	}
}
