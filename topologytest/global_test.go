package topologytest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

type readLengths = state.Reader[string, int64]

// lengths keeps the length of each value that the topic "names" has for a key.
func lengths(b *topology.Builder) topology.Store[*readLengths] {
	kept := topology.KeyValueStore[string, int64]("lengths")
	return b.GlobalStore[string, string]("names", kept, func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		rows, err := kept.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			if r.Value == "bad" {
				return errors.New("no")
			}
			return rows.Put(r.Key, int64(len(r.Value)))
		}), err
	})
}

// reading answers each record with what the store has for its value.
func reading(b *topology.Builder, store topology.Store[*readLengths]) {
	b.Stream[string, string]("in").Process(func(c *processors.Context[string, int64]) (processors.Processor[string, string], error) {
		rows, err := store.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			n, _, err := rows.Get(r.Value)
			if err != nil {
				return err
			}
			return c.Forward(record.WithValue(r, n))
		}), err
	}, topology.Stores(store)).To("out")
}

func TestAGlobalStoreIsWholeInEveryWorker(t *testing.T) {
	b := topology.New("app")
	reading(b, lengths(b))
	d := topologytest.New(t, b, topologytest.Partitions(4), topologytest.Workers(2))
	names, in, out := d.Input[string, string]("names"), d.Input[string, string]("in"), d.Output[string, int64]("out")
	for _, name := range []string{"ann", "bartholomew", "chris", "dot"} {
		names.Send(name, name, 0)
	}
	ask := func() {
		t.Helper()
		for _, name := range []string{"ann", "bartholomew", "chris", "dot"} {
			in.Send("asked for "+name, name, 1)
		}
		have := topologytest.AsMap(out)
		for _, name := range []string{"ann", "bartholomew", "chris", "dot"} {
			if n := have["asked for "+name]; n != int64(len(name)) {
				t.Errorf("%s has %d letters in the store, want %d", name, n, len(name))
			}
		}
	}
	ask()
	d.Crash()
	ask()
	d.Wipe(1)
	ask()
	d.Move("1_0", 2)
	ask()
	if n, ok := d.KeyValue[string, int64]("lengths").Get("ann"); !ok || n != 3 {
		t.Errorf("the store has %d for ann", n)
	}
}

func TestARecordThatAGlobalStoreCannotTakeFollowsThePolicy(t *testing.T) {
	b := topology.New("app")
	reading(b, lengths(b))
	d := topologytest.New(t, b, topologytest.OnError(task.DeadLetter("dead")))
	d.Input[string, string]("names").Send("k", "bad", 5)
	letter, ok := d.Output[string, string]("dead").Read()
	if !ok || letter.Key != "k" || letter.Value != "bad" {
		t.Errorf("the dead letter is %v", letter)
	}
}

func TestAGlobalStoreOfAnotherBuilderIsAFault(t *testing.T) {
	store := lengths(topology.New("other"))
	b := topology.New("app")
	reading(b, store)
	if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), "another builder") {
		t.Errorf("Build returned %v", err)
	}
}
