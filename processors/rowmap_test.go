package processors_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

type updates = topology.Store[*state.KeyValue[string, int64]]

// counted puts the number of updates of its key behind each row. A row "hide" is
// none, and a deletion counts like any update.
func counted(seen updates) processors.RowSupplier[string, string, string] {
	return func(c *processors.RowContext) (processors.RowMapper[string, string, string], error) {
		counts, err := seen.In(c.Task)
		return processors.RowFunc[string, string, string](func(r record.Fixed[string, string]) (string, bool, error) {
			n, _, err := counts.Get(r.Key())
			if err != nil {
				return "", false, err
			}
			return fmt.Sprintf("%s#%d", r.Value, n+1), !r.Tombstone && r.Value != "hide", counts.Put(r.Key(), n+1)
		}), err
	}
}

var updated = []string{"in k=a@1", "in l=b@2", "in k=c@3", "in k=hide@4", "in k=-@5", "in k=d@6"}

func TestRowsAreMadeWithTheHelpOfStores(t *testing.T) {
	for name, options := range map[string][]topology.ProcessTableOption{"in no store": nil, "kept": {topology.StoreName("rows")}} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			seen := topology.KeyValueStore[string, int64]("seen")
			textTable(b, "in").ProcessValues(counted(seen), append(options, topology.Stores(seen))...).ToStream().To("out")
			run[string, string](t, b, updated, "k=a#1@1", "l=b#1@2", "k=c#2@3", "k=null@4", "k=null@5", "k=d#5@6")
		})
	}
}

// Whatever is behind it, the mapper is called once an update.
func TestRowsThatWereMadeAreKeptForWhatNeedsThem(t *testing.T) {
	for name, c := range map[string]struct {
		behind func(b *topology.Builder, t *texts)
		want   []string
	}{
		"old rows": {
			func(_ *topology.Builder, t *texts) {
				t.GroupBy(func(_, v string) (string, string) { return v, v }).Reduce(concat, func(string, string) string { return "gone" }).ToStream().To("out")
			},
			[]string{"a#1=a#1@1", "b#1=b#1@2", "a#1=gone@3", "c#2=c#2@3", "c#2=gone@4", "d#5=d#5@6"},
		},
		"rows": {
			func(b *topology.Builder, t *texts) {
				b.Stream[string, string]("s").Join(t, concat).To("out")
			},
			[]string{"k=!d#5@7", "l=!b#1@7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			seen := topology.KeyValueStore[string, int64]("seen")
			c.behind(b, textTable(b, "in").ProcessValues(counted(seen), topology.Stores(seen)))
			d := topologytest.New(t, b)
			feedTo(t, d, updated...)
			if name == "rows" {
				feedTo(t, d, "s k=!@7", "s l=!@7", "s m=!@7")
			}
			tasktest.Want(t, written(d.Output[string, string]("out")), c.want...)
		})
	}
}

func TestRowsOfWindowsAreMadeWithPunctuations(t *testing.T) {
	b := topology.New("app")
	ticks := func(c *processors.RowContext) (processors.RowMapper[window.Key[string], int64, string], error) {
		n := 0
		_, err := c.Schedule(time.Second, processors.WallClockTime, func(int64) error { n++; return nil })
		return processors.RowFunc[window.Key[string], int64, string](func(r record.Fixed[window.Key[string], int64]) (string, bool, error) {
			return fmt.Sprintf("%s: %d after %d", c.Node(), r.Value, n), true, nil
		}), err
	}
	counts := b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Count()
	counts.ProcessValues(ticks, topology.Named("ticks")).ToStream().To("out")
	d := topologytest.New(t, b)
	feedTo(t, d, "in a=1@1")
	d.Advance(time.Second)
	feedTo(t, d, "in a=1@2")
	tasktest.Want(t, written(d.Output[window.Key[string], string]("out")), "[a@0/10]=ticks: 1 after 0@1", "[a@0/10]=ticks: 2 after 1@2")
}

// failing is a row mapper that fails, and tells when it is closed.
type failing struct{ closed *int }

var errMade = errors.New("no row can be made")

func (failing) Map(record.Fixed[string, string]) (string, bool, error) { return "", false, errMade }

func (f failing) Close() error {
	*f.closed++
	return nil
}

func TestARowMapperMayFailAndIsClosed(t *testing.T) {
	b, closed := topology.New("app"), 0
	textTable(b, "in").ProcessValues(func(*processors.RowContext) (processors.RowMapper[string, string, string], error) {
		return failing{&closed}, nil
	}).ToStream().To("out")
	d, err := topologytest.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	feed(t, d, "in", "k=a@1")
	if !errors.Is(d.Err(), errMade) {
		t.Errorf("Err is %v, want %v", d.Err(), errMade)
	}
	if d.Close(); closed != 1 {
		t.Errorf("the mapper was closed %d times, want once", closed)
	}
}

func TestARowSupplierMayFail(t *testing.T) {
	b := topology.New("app")
	textTable(b, "in").ProcessValues(counted(topology.KeyValueStore[string, int64]("seen"))).ToStream().To("out")
	if _, err := topologytest.Open(b); err == nil {
		t.Error("a mapper opens a store that it is not connected with")
	}
}
