package topologytest_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

var versionedScenarios = map[string]func(b *topology.Builder, g *golden){
	"st-inner-versioned": func(b *topology.Builder, _ *golden) {
		table := b.Table[string, string]("t", topology.History(10*time.Second))
		b.Stream[string, string]("s").Join(table, plus).To("out")
	},
	"st-inner-versioned-grace": func(b *topology.Builder, _ *golden) {
		table := b.Table[string, string]("t", topology.History(20*time.Second))
		b.Stream[string, string]("s").Join(table, plus, topology.JoinGrace(2*time.Second)).To("out")
	},
	"versioned-store-commands": func(b *topology.Builder, _ *golden) {
		vs := topology.VersionedStore[string, *string]("vs", 8*time.Second)
		b.Stream[string, string]("in").Process(executeVersioned(vs), topology.Stores(vs)).To("out")
	},
	"versioned-table-groupby-reduce": func(b *topology.Builder, _ *golden) {
		table := b.Table[string, int64]("in", topology.StoreName("vt"), topology.History(6*time.Second))
		table.ToStream().To("raw")
		table.GroupBy(func(k string, v int64) (string, int64) { return k[:min(1, len(k))], v }).
			Reduce(
				func(sum, v int64) int64 { return sum + v },
				func(sum, v int64) int64 { return sum - v },
				topology.StoreName("sums"),
			).
			ToStream().To("sum")
	},
	"versioned-table-late-updates": func(b *topology.Builder, _ *golden) {
		table := b.Table[string, string]("in", topology.StoreName("vt"), topology.History(10*time.Second))
		table.ToStream().To("out")
		table.MapValues(strings.ToUpper).ToStream().To("upper")
	},
}

// executeVersioned does what the values say with a store, and passes on what came of
// it.
func executeVersioned(store topology.Store[*state.Versioned[string, *string]]) processors.Supplier[string, string, string, string] {
	return func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		vs, err := store.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			if r.NullKey || r.Tombstone {
				return nil
			}
			result, err := versionedCommand(vs, r.Key, r.Value, r.Timestamp)
			if err != nil {
				return err
			}
			return c.Forward(record.WithValue(r, result))
		}), err
	}
}

func versionedCommand(vs *state.Versioned[string, *string], key, text string, ts int64) (string, error) {
	name, argument, _ := strings.Cut(text, ":")
	switch name {
	case "put":
		return until(vs.Put(key, &argument, ts))
	case "nul":
		return until(vs.Put(key, nil, ts))
	case "del":
		old, had, err := vs.Delete(key, ts)
		return "old=" + versionText(old, had), err
	case "get":
		v, ok, err := vs.Get(key)
		return versionText(v, ok), err
	case "as":
		at, err := strconv.ParseInt(argument, 10, 64)
		if err != nil {
			return "", err
		}
		v, ok, err := vs.GetAsOf(key, at)
		return versionText(v, ok), err
	}
	return "", fmt.Errorf("unknown command %q", text)
}

// until says where a version ends that was put.
func until(to int64, accepted bool, err error) (string, error) {
	switch {
	case !accepted:
		return "rejected", err
	case to == state.Forever:
		return "to=latest", err
	}
	return fmt.Sprint("to=", to), err
}

func versionText(v state.Version[*string], ok bool) string {
	if !ok {
		return "null"
	}
	return fmt.Sprintf("%s@%d", *v.Value, v.From)
}

// versioned asks a store what the scenario asks. Its values may be pointers, where
// the topology needs null.
func (s goldenStore) versioned[V any](t *testing.T, d *topologytest.Driver, name string) {
	store := d.Stores[*state.Versioned[string, V]](name)[0]
	var got, want []string
	for _, q := range s.Queries {
		at := state.Forever
		if q.AsOf != nil {
			at = *q.AsOf
		}
		l := line{key: decoded(t, s.Key, q.Key), value: decoded(t, s.Value, q.Value), ts: q.TS}
		asked := fmt.Sprintf(", as of %d", at)
		want = append(want, lineOfRow(l)+asked)
		v, found, err := store.GetAsOf(l.key.(string), at)
		if err != nil {
			t.Fatal(err)
		}
		if l.value, l.ts = nil, v.From; found {
			l.value = v.Value
		}
		got = append(got, lineOfRow(l)+asked)
	}
	compare(t, "store "+name, got, want)
}
