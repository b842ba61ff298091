package processors_test

import (
	"testing"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// stars keeps the values that begin with a star.
func stars(_, v string) bool { return v[0] == '*' }

func TestFilteredTables(t *testing.T) {
	for _, c := range []struct {
		name  string
		table func(b *topology.Builder) *topology.Table[string, string]
		want  []string
	}{
		{
			"in no store, every update that is not accepted deletes",
			func(b *topology.Builder) *topology.Table[string, string] {
				return b.Table[string, string]("in").Filter(stars)
			},
			[]string{"out k=-@1", "out k=*b@2", "out k=-@3", "out k=-@4", "out k=-@5"},
		},
		{
			"behind a store, nothing is deleted that was not there",
			func(b *topology.Builder) *topology.Table[string, string] {
				return b.Table[string, string]("in", topology.StoreName("s"), unlogged).Filter(stars)
			},
			[]string{"out k=*b@2", "out k=-@3"},
		},
		{
			"behind a view of a store too",
			func(b *topology.Builder) *topology.Table[string, string] {
				same := func(v string) string { return v }
				return b.Table[string, string]("in", topology.StoreName("s"), unlogged).MapValues(same).Filter(stars)
			},
			[]string{"out k=*b@2", "out k=-@3"},
		},
		{
			"what is left out is the opposite",
			func(b *topology.Builder) *topology.Table[string, string] {
				return b.Table[string, string]("in", topology.StoreName("s"), unlogged).FilterNot(stars)
			},
			[]string{"out k=a@1", "out k=-@2", "out k=c@3", "out k=d@4", "out k=-@5"},
		},
		{
			"a store of its own shows what the row was",
			func(b *topology.Builder) *topology.Table[string, string] {
				return b.Table[string, string]("in").Filter(stars, topology.StoreName("s"), unlogged).Filter(stars)
			},
			[]string{"out k=*b@2", "out k=-@3"},
		},
		{
			"values are mapped, deletions stay",
			func(b *topology.Builder) *topology.Table[string, string] {
				return b.Table[string, string]("in").MapValues(func(v string) string { return v + v })
			},
			[]string{"out k=aa@1", "out k=*b*b@2", "out k=cc@3", "out k=dd@4", "out k=-@5"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.table(b).ToStream().To("out")
			d := tasktest.Start(t, b, tasktest.Uncached)
			d.Send("in", "k=a@1", "k=*b@2", "k=c@3", "k=d@4", "k=-@5")
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
		})
	}
}

func TestAJoinReadsThroughDerivedTables(t *testing.T) {
	b := topology.New("app")
	twice := func(_, v string) string { return v + v }
	table := b.Table[string, string]("rows").Filter(stars).MapValuesWithKey(twice)
	b.Stream[string, string]("in").Join(table, concat).To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("rows", "k=*a@1", "l=b@1")
	d.Send("in", "k=1@2", "l=2@2")
	d.Run()
	got := d.Written()
	tasktest.Want(t, got[len(got)-1:], "out k=1*a*a@2")
}

func TestAWindowedTableIsFilteredAndMapped(t *testing.T) {
	b := topology.New("app")
	counting := b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Count(unlogged)
	counting.Filter(func(_ window.Key[string], n int64) bool { return n > 1 }).MapValues(func(n int64) int64 { return n * 10 }).ToStream().To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "k=1@21", "k=2@22", "l=1@22")
	d.Run()
	tasktest.Want(t, d.Written(), "out k[20]=20@22")
}
