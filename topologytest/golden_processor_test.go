package topologytest_test

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

var processorScenarios = map[string]func(b *topology.Builder, g *golden){
	"processor-dedup-kv": func(b *topology.Builder, _ *golden) {
		seen := topology.KeyValueStore[string, string]("seen")
		b.Stream[string, string]("in").Process(deduplicate(seen), topology.Stores(seen)).To("out")
	},
	"processor-kv-commands": func(b *topology.Builder, _ *golden) {
		kv := topology.KeyValueStore[string, *string]("kv")
		b.Stream[string, string]("in").Process(execute(kv), topology.Stores(kv)).To("out")
	},
	"processor-punctuate-stream-time": func(b *topology.Builder, _ *golden) {
		sums := topology.KeyValueStore[string, int64]("sums")
		b.Stream[string, int64]("in").Process(summing(sums, time.Second, 0), topology.Stores(sums)).To("out")
	},
	"processor-punctuate-both": func(b *topology.Builder, _ *golden) {
		sums := topology.KeyValueStore[string, int64]("sums")
		b.Stream[string, int64]("in").Process(summing(sums, 2*time.Second, time.Second), topology.Stores(sums)).To("out")
	},
}

// deduplicate drops repetitions of a value.
func deduplicate(store topology.Store[*state.KeyValue[string, string]]) processors.Supplier[string, string, string, string] {
	return func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		seen, err := store.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			if r.NullKey {
				return nil
			}
			if r.Tombstone {
				_, had, err := seen.Delete(r.Key)
				if err != nil || !had {
					return err
				}
				return c.Forward(r)
			}
			last, ok, err := seen.Get(r.Key)
			if err != nil || ok && last == r.Value {
				return err
			}
			if err := seen.Put(r.Key, r.Value); err != nil {
				return err
			}
			return c.Forward(r)
		}), err
	}
}

// execute does what the values say with a store, and passes on what came of it.
func execute(store topology.Store[*state.KeyValue[string, *string]]) processors.Supplier[string, string, string, string] {
	return func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		kv, err := store.In(c.Task)
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			if r.NullKey || r.Tombstone {
				return nil
			}
			result, err := command(kv, r.Key, r.Value)
			if err != nil {
				return err
			}
			return c.Forward(record.WithValue(r, result))
		}), err
	}
}

func command(kv *state.KeyValue[string, *string], key, text string) (string, error) {
	name, argument, _ := strings.Cut(text, ":")
	switch name {
	case "put":
		return "ok", kv.Put(key, &argument)
	case "nul":
		return "ok", kv.Put(key, nil)
	case "pia":
		old, _, err := kv.PutIfAbsent(key, &argument)
		return "old=" + orNull(old), err
	case "del":
		old, _, err := kv.Delete(key)
		return "old=" + orNull(old), err
	case "get":
		value, _, err := kv.Get(key)
		return "val=" + orNull(value), err
	case "range":
		from, to, _ := strings.Cut(argument, ":")
		return listed(between(kv, from, to, false))
	case "rev":
		from, to, _ := strings.Cut(argument, ":")
		return listed(between(kv, from, to, true))
	case "all":
		return listed(kv.All())
	case "pre":
		return listed(kv.Range(argument, argument+"\xff"))
	}
	return "", fmt.Errorf("unknown command %q", text)
}

// between are the rows from one key to another, both included; an empty one is no
// bound.
func between(kv *state.KeyValue[string, *string], from, to string, reverse bool) iter.Seq2[state.Item[string, *string], error] {
	end := to + "\x00"
	if to == "" {
		end = "\xff"
	}
	if reverse {
		return kv.ReverseRange(from, end)
	}
	return kv.Range(from, end)
}

func listed(rows iter.Seq2[state.Item[string, *string], error]) (string, error) {
	var texts []string
	for row, err := range rows {
		if err != nil {
			return "", err
		}
		texts = append(texts, row.Key+"="+*row.Value)
	}
	return strings.Join(texts, ","), nil
}

// summing adds up the values of each key and tells all sums from time to time; an
// interval of 0 is never.
func summing(store topology.Store[*state.KeyValue[string, int64]], stream, wall time.Duration) processors.Supplier[string, int64, string, string] {
	return func(c *processors.Context[string, string]) (processors.Processor[string, int64], error) {
		sums, err := store.In(c.Task)
		if err != nil {
			return nil, err
		}
		tell := func(mark string, drop func(int64) bool) func(int64) error {
			return func(at int64) error { return tellSums(c, sums, mark, at, drop) }
		}
		if _, err := c.Schedule(stream, processors.StreamTime, tell("S", func(n int64) bool { return n%2 != 0 })); err != nil {
			return nil, err
		}
		if wall > 0 {
			if _, err := c.Schedule(wall, processors.WallClockTime, tell("W", func(n int64) bool { return n >= 10 })); err != nil {
				return nil, err
			}
		}
		return processors.Func[string, int64](func(r record.Record[string, int64]) error {
			if r.NullKey || r.Tombstone {
				return nil
			}
			sum, _, err := sums.Get(r.Key)
			if err != nil {
				return err
			}
			sum += r.Value
			if err := sums.Put(r.Key, sum); err != nil {
				return err
			}
			return c.Forward(record.WithValue(r, fmt.Sprintf("r%d", sum)))
		}), nil
	}
}

func tellSums(c *processors.Context[string, string], sums *state.KeyValue[string, int64], mark string, at int64, drop func(int64) bool) error {
	var gone []string
	for row, err := range sums.All() {
		if err != nil {
			return err
		}
		if err := c.Forward(record.Record[string, string]{Key: row.Key, Value: fmt.Sprintf("%s%d", mark, row.Value), Timestamp: at}); err != nil {
			return err
		}
		if drop(row.Value) {
			gone = append(gone, row.Key)
		}
	}
	for _, key := range gone {
		if _, _, err := sums.Delete(key); err != nil {
			return err
		}
	}
	return nil
}
