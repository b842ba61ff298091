package processors_test

import (
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/topology"
)

const ms = time.Millisecond

var unlogged = topology.WithoutChangelog()

func concat(a, b string) string { return a + b }

// The result's timestamp is the highest so far, its headers are those of the
// record that changed it; records without a key or a value do not count.
func TestAggregations(t *testing.T) {
	records := []string{"a=x@10 h:1", "b=y@5", "a=z@20 h:2", "a=w@15 h:3", "a=-@30", "-=v@40"}
	for _, c := range []struct {
		name  string
		apply func(g *topology.Grouped[string, string])
		want  []string
	}{
		{"Count", func(g *topology.Grouped[string, string]) { g.Count(unlogged).ToStream().To("out") }, []string{
			"out a=1@10 h:1", "out b=1@5", "out a=2@20 h:2", "out a=3@20 h:3",
		}},
		{"Reduce begins with the first value", func(g *topology.Grouped[string, string]) {
			g.Reduce(concat, unlogged).ToStream().To("out")
		}, []string{"out a=x@10 h:1", "out b=y@5", "out a=xz@20 h:2", "out a=xzw@20 h:3"}},
		{"Aggregate begins with what initial returns", func(g *topology.Grouped[string, string]) {
			g.Aggregate(func() string { return ":" }, func(k, v, a string) string { return a + k + v }, unlogged).ToStream().To("out")
		}, []string{"out a=:ax@10 h:1", "out b=:by@5", "out a=:axaz@20 h:2", "out a=:axazaw@20 h:3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.apply(b.Stream[string, string]("in").GroupByKey())
			d := tasktest.Start(t, b, tasktest.Uncached)
			d.Send("in", records...)
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
			if n := d.Dropped()["null key or value"]; n != 2 {
				t.Errorf("%d records are dropped, want 2", n)
			}
		})
	}
}

func TestANilAggregateIsDeletedAndBeginsAnew(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().
		Aggregate(func() []byte { return []byte{} }, func(_, v string, a []byte) []byte {
			if v == "reset" {
				return nil
			}
			return append(a[:len(a):len(a)], v...)
		}, topology.StoreName("s")).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "a=x@1", "a=y@2", "a=reset@3", "a=z@4", "b=reset@5")
	d.Run()
	tasktest.Want(t, d.Written(),
		"app-s-changelog a=x@1", "out a=x@1", "app-s-changelog a=xy@2", "out a=xy@2",
		"app-s-changelog a=-@3", "out a=-@3", "app-s-changelog a=z@4", "out a=z@4",
		"app-s-changelog b=-@5", "out b=-@5")
}
