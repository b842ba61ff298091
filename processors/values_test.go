package processors_test

import (
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

type numbers = state.KeyValue[string, int64]

// numbering puts the number of its value behind each value of a key.
func numbering(kept topology.Store[*numbers]) processors.ValueSupplier[string, string, string] {
	return func(c *processors.ValueContext[string, string]) (processors.ValueProcessor[string, string], error) {
		seen, err := kept.In(c.Task)
		return processors.ValueFunc[string, string](func(r record.Fixed[string, string]) error {
			n, _, err := seen.Get(r.Key())
			if err != nil {
				return err
			}
			if err := seen.Put(r.Key(), n+1); err != nil {
				return err
			}
			return c.Forward(record.WithFixedValue(r, r.Value+strings.Repeat("!", int(n))))
		}), err
	}
}

func TestAProcessorOfValuesKeepsKeys(t *testing.T) {
	b := topology.New("app")
	kept := topology.KeyValueStore[string, int64]("seen", topology.WithoutChangelog())
	values := b.Stream[string, string]("in").ProcessValues(numbering(kept), topology.Stores(kept))
	values.GroupByKey().Count(unlogged).ToStream().To("counts")
	values.To("out")
	d := tasktest.Start(t, b, tasktest.Uncached)
	d.Send("in", "k=a@1 h:x", "l=b@2", "k=c@3")
	d.Run()
	tasktest.Want(t, d.Written(), "counts k=1@1 h:x", "out k=a@1 h:x", "counts l=1@2", "out l=b@2", "counts k=2@3", "out k=c!@3")
	if plan, _ := b.Build(); len(plan.Subtopologies) != 1 {
		t.Error("the values are repartitioned, although their keys are the same")
	}
}
