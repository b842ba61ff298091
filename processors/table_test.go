package processors_test

import (
	"testing"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// versions are updates of a table: a new row, a change, an older record, a delete,
// a delete of nothing, and one without a key.
var versions = []string{"k=1@10 h:x", "k=2@20", "k=old@5 h:y", "k=-@30", "n=-@40", "-=4@50"}

func TestTableFollowsItsTopic(t *testing.T) {
	changes := []string{"out k=1@10 h:x", "out k=2@20", "out k=old@5 h:y", "out k=-@30", "out n=-@40"}
	for name, options := range map[string][]topology.TableOption{
		"kept in a store": {topology.StoreName("rows"), topology.WithoutChangelog()},
		"not kept":        nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			b.Table[string, string]("in", options...).ToStream().To("out")
			d := tasktest.Start(t, b, tasktest.Uncached)
			d.Send("in", versions...)
			d.Run()
			tasktest.Want(t, d.Written(), changes...)
			if n := d.Dropped()["null key"]; n != 1 {
				t.Errorf("%d records without a key are dropped, want 1", n)
			}
		})
	}
}

func TestACachedTableForwardsTheLastVersionAtTheCommit(t *testing.T) {
	b := topology.New("app")
	b.Table[string, string]("in", topology.StoreName("rows")).ToStream().To("out")
	d := tasktest.Start(t, b)
	d.Send("in", "k=1@10", "k=2@20 h:x", "l=1@25", "gone=1@30", "gone=-@40")
	d.Run()
	tasktest.Want(t, d.Written())
	d.Commit()
	tasktest.Want(t, d.Log(1), "app-rows-changelog k=2@20", "app-rows-changelog l=1@25")
	tasktest.Want(t, d.Results(), "out k=2@20 h:x", "out l=1@25")
}

// seen is a processor that notes the changes of a table.
func TestATableTellsWhatARowWas(t *testing.T) {
	var got []string
	note := func(c *processors.Context[string, string]) (processors.Processor[string, processors.Change[string]], error) {
		return processors.Func[string, processors.Change[string]](func(r record.Record[string, processors.Change[string]]) error {
			got = append(got, r.Value.Old+"->"+r.Value.New)
			return c.Forward(record.WithValue(r, r.Value.New))
		}), nil
	}
	rows := processors.Table[string, string]("rows")
	b := topology.New("app")
	store := topology.KeyValueStore[string, string]("rows", topology.WithoutChangelog())
	b.Stream[string, string]("in").Process(rows, topology.Stores(store)).Process(note)
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "k=1@1", "k=2@2", "k=-@3", "k=3@4")
	d.Run()
	tasktest.Want(t, got, "->1", "1->2", "2->", "->3")
}

func TestAJoinSeesTheRowOfThatMoment(t *testing.T) {
	for name, c := range map[string]struct {
		join func(s *topology.Stream[string, string], t *topology.Table[string, string]) *topology.Stream[string, string]
		want []string
	}{
		"Join": {
			func(s *topology.Stream[string, string], t *topology.Table[string, string]) *topology.Stream[string, string] {
				return s.Join(t, func(v, row string) string { return v + "+" + row })
			},
			[]string{"out k=b+1@15 h:x", "out k=d+2@26"},
		},
		"LeftJoin": {
			func(s *topology.Stream[string, string], t *topology.Table[string, string]) *topology.Stream[string, string] {
				return s.LeftJoin(t, func(v string, row *string) string {
					if row == nil {
						return v + "+nothing"
					}
					return v + "+" + *row
				})
			},
			[]string{"out k=a+nothing@5", "out k=b+1@15 h:x", "out n=c+nothing@16", "out -=e+nothing@17", "out k=d+2@26", "out k=f+nothing@35"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			rows := b.Table[string, string]("t", topology.WithoutChangelog())
			c.join(b.Stream[string, string]("s"), rows).To("out")
			d := tasktest.Start(t, b)
			d.Send("t", "k=1@10", "k=2@25 h:y", "k=-@30")
			d.Send("s", "k=a@5", "k=b@15 h:x", "n=c@16", "-=e@17", "k=-@18", "k=d@26", "k=f@35")
			d.Run()
			tasktest.Want(t, d.Written(), c.want...)
		})
	}
}

func TestAJoinMayResultInNull(t *testing.T) {
	b := topology.New("app")
	rows := b.Table[string, string]("t", topology.WithoutChangelog())
	b.Stream[string, string]("s").Join(rows, func(_, _ string) []byte { return nil }).To("out")
	d := tasktest.Start(t, b)
	d.Send("t", "k=1@10")
	d.Send("s", "k=a@15")
	d.Run()
	tasktest.Want(t, d.Written(), "out k=-@15")
}
