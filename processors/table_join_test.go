package processors_test

import (
	"maps"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

type texts = topology.Table[string, string]

func orNone(v *string) string {
	if v == nil {
		return "none"
	}
	return *v
}

func plus(a, b string) string             { return a + "+" + b }
func plusLeft(a string, b *string) string { return plus(a, orNone(b)) }
func plusOuter(a, b *string) string       { return plus(orNone(a), orNone(b)) }

// twoSided are updates that bring a join into every state.
var twoSided = []string{
	"l a=-@1", "r a=-@2", // deletions of nothing
	"l a=1@10", "r a=x@5", // the left side is first, and later
	"r b=y@20", "l b=2@15",
	"l a=3@8", "r a=z@30",
	"r a=-@31", "r a=-@32", "r a=w@33",
	"l a=-@34", "l a=-@35", "r a=v@36", "r a=-@37",
	"l b=-@21", "r b=-@22",
}

func TestTableJoins(t *testing.T) {
	for _, c := range []struct {
		name string
		join func(l, r *texts, options ...topology.AggregateOption) *texts
		want []string
	}{
		{
			"Join",
			func(l, r *texts, options ...topology.AggregateOption) *texts { return l.Join(r, plus, options...) },
			[]string{
				"a=1+x@10", "b=2+y@20", "a=3+x@8", "a=3+z@30",
				"a=null@31", "a=null@32", "a=3+w@33",
				"a=null@34", "a=null@35",
				"b=null@21",
			},
		},
		{
			"LeftJoin",
			func(l, r *texts, options ...topology.AggregateOption) *texts {
				return l.LeftJoin(r, plusLeft, options...)
			},
			[]string{
				"a=1+none@10", "a=1+x@10", "b=2+y@20", "a=3+x@8", "a=3+z@30",
				"a=3+none@31", "a=3+none@32", "a=3+w@33",
				"a=null@34", "a=null@35",
				"b=null@21",
			},
		},
		{
			"OuterJoin",
			func(l, r *texts, options ...topology.AggregateOption) *texts {
				return l.OuterJoin(r, plusOuter, options...)
			},
			[]string{
				"a=1+none@10", "a=1+x@10", "b=none+y@20", "b=2+y@20", "a=3+x@8", "a=3+z@30",
				"a=3+none@31", "a=3+none@32", "a=3+w@33",
				"a=none+w@34", "a=none+w@35", "a=none+v@36", "a=null@37",
				"b=none+y@21", "b=null@22",
			},
		},
	} {
		for kept, options := range map[string][]topology.AggregateOption{"": nil, ", kept": {topology.StoreName("j")}} {
			t.Run(c.name+kept, func(t *testing.T) {
				b := topology.New("app")
				c.join(textTable(b, "l"), textTable(b, "r"), options...).ToStream().To("out")
				run[string, string](t, b, twoSided, c.want...)
			})
		}
	}
}

func TestAJoinOfTablesMayResultInNothing(t *testing.T) {
	b := topology.New("app")
	nothing := func(a, _ string) *string {
		if a == "1" {
			return nil
		}
		return &a
	}
	textTable(b, "l").Join(textTable(b, "r"), nothing).Filter(func(string, *string) bool { return true }).ToStream().To("out")
	run[string, *string](t, b, []string{"r a=x@1", "l a=1@2", "l a=2@3", "l a=1@4"}, "a=2@3", "a=null@4")
}

// What is behind a join and needs rows or old rows gets those of the join.
func TestRowsOfAJoinAreMadeOfThoseOfItsSides(t *testing.T) {
	for name, options := range map[string][]topology.AggregateOption{"in no store": nil, "kept": {topology.StoreName("j")}} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			j := textTable(b, "l").OuterJoin(textTable(b, "r"), plusOuter, options...)
			b.Stream[string, string]("s").Join(j, func(v, row string) string { return v + ":" + row }).To("out")
			run[string, string](
				t, b,
				[]string{"s a=1@1", "l a=1@2", "s a=2@3", "r a=x@4", "s a=3@5", "l a=-@6", "s a=4@7", "r a=-@8", "s a=5@9"},
				"a=2:1+none@3", "a=3:1+x@5", "a=4:none+x@7",
			)
		})
	}
}

func TestAFilterBehindAJoinDeletesWhatWasThereOnly(t *testing.T) {
	b := topology.New("app")
	ofTwo := func(_, v string) bool { return v == "2+x" }
	textTable(b, "l").Join(textTable(b, "r"), plus).Filter(ofTwo).ToStream().To("out")
	run[string, string](t, b, []string{"r a=x@1", "l a=1@2", "l a=2@3", "l a=3@4", "l a=-@5"}, "a=2+x@3", "a=null@4")
}

func TestWindowedTablesAreJoined(t *testing.T) {
	b := topology.New("app")
	count := func(topic string) *topology.WindowedTable[string, int64] {
		return b.Stream[string, string](topic).GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Count()
	}
	l, r := count("l"), count("r")
	sum := func(a, b int64) int64 { return a + b }
	sumLeft := func(a int64, b *int64) int64 {
		if b == nil {
			return a
		}
		return a + *b
	}
	l.Join(r, sum).ToStream().To("out")
	l.LeftJoin(r, sumLeft, topology.StoreName("left")).ToStream().To("lefts")
	l.OuterJoin(r, func(a, b *int64) bool { return a != nil && b != nil }).ToStream().To("outers")
	d := topologytest.New(t, b)
	feedTo(t, d, "l a=1@1", "r a=1@2", "r a=1@3", "l a=1@15")
	tasktest.Want(t, written(d.Output[window.Key[string], int64]("out")), "[a@0/10]=2@2", "[a@0/10]=3@3")
	tasktest.Want(t, written(d.Output[window.Key[string], int64]("lefts")), "[a@0/10]=1@1", "[a@0/10]=2@2", "[a@0/10]=3@3", "[a@10/20]=1@15")
	tasktest.Want(t, written(d.Output[window.Key[string], bool]("outers")), "[a@0/10]=false@1", "[a@0/10]=true@2", "[a@0/10]=true@3", "[a@10/20]=false@15")
}

// The sides of a join are told of one by one, however much is cached.
func TestAJoinOfCachedTablesIsRight(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(l, r *texts) *topology.Table[string, int64]
		want  map[string]int64
	}{
		{"a group of what is in no store", func(l, r *texts) *topology.Table[string, int64] {
			return l.Join(r, plus).GroupBy(func(_, v string) (string, string) { return v, v }).Count()
		}, map[string]int64{"1+x": 0, "2+x": 0, "2+y": 0}},
		{"a group of what is kept", func(l, r *texts) *topology.Table[string, int64] {
			return l.Join(r, plus, topology.StoreName("j"), topology.WithoutCache()).GroupBy(func(_, v string) (string, string) { return v, v }).Count()
		}, map[string]int64{"1+x": 0, "2+x": 0, "2+y": 0}},
		{"an inner join whose sides vanish together", func(l, r *texts) *topology.Table[string, int64] {
			return l.Join(r, func(a, b string) int64 { return int64(len(a + b)) })
		}, map[string]int64{}},
		{"and a kept one", func(l, r *texts) *topology.Table[string, int64] {
			return l.Join(r, func(a, b string) int64 { return int64(len(a + b)) }, topology.StoreName("j"))
		}, map[string]int64{}},
		{"an outer join", func(l, r *texts) *topology.Table[string, int64] {
			return l.OuterJoin(r, func(_, _ *string) int64 { return 1 })
		}, map[string]int64{}},
		{"a join of a join", func(l, r *texts) *topology.Table[string, int64] {
			return l.OuterJoin(r, plusOuter).Join(l.LeftJoin(r, plusLeft), func(_, _ string) int64 { return 1 })
		}, map[string]int64{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.build(textTable(b, "l"), textTable(b, "r", topology.WithoutCache())).ToStream().To("out")
			d := topologytest.New(t, b, cached...)
			for _, records := range [][]string{{"l a=1@1", "r a=x@2"}, {"l a=2@3", "r a=y@4"}, {"l a=-@5", "r a=-@6"}, {"l b=1@7", "r b=x@8", "l b=-@9", "r b=-@10"}} {
				feedTo(t, d, records...)
				d.Advance(time.Second)
			}
			d.Commit()
			got := topologytest.AsMap(d.Output[string, int64]("out"))
			if !maps.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
