package upkeep

import (
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/topology"
)

// colours counts the rows of a table by their values.
func colours(options ...topology.Optimization) *topology.Builder {
	b := topology.New("colours", topology.Optimize(options...))
	b.Table[string, string]("words", topology.StoreName("rows"), topology.WithoutCache()).
		GroupBy(func(_, value string) (string, string) { return value, value }).
		Count(topology.WithoutCache()).ToStream().
		MapValues(func(n int64) string { return fmt.Sprint(n) }).
		To("totals")
	return b
}

// The local state of before the reset is still there, and must not be believed.
func TestATableIsReadAnewBehindAReset(t *testing.T) {
	for _, options := range [][]topology.Optimization{nil, {topology.ReuseSourceTopics}} {
		s := newSite(t, "words", "totals")
		for _, v := range []string{"red", "blue", "red", "green"} {
			s.produce(&kgo.Record{Topic: "words", Key: []byte("k"), Value: []byte(v)})
		}
		dir := t.TempDir()
		s.run(colours(options...), dir, func() { s.await("totals", 7) })
		plan, err := s.PlanReset(t.Context(), "colours", Earliest())
		s.must(err)
		s.must(s.Reset(t.Context(), plan))
		s.run(colours(options...), dir, func() { s.await("totals", 14) })
		if got := totals(s.read("totals")); got != "map[blue:1010 green:11 red:10101010]" {
			t.Errorf("with optimizations %v, both times together the totals are %s", options, got)
		}
	}
}
