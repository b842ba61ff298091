package topology_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

func ExampleStream_FilterNot() {
	b := topology.New("example")
	b.Stream[string, int64]("in").FilterNot(func(_ string, v int64) bool { return v > 5 }).To("out")
	play[int64](b, "in a 1", "in a 6", "in a 2")
	// Output:
	// a 1
	// a 2
}

func ExampleStream_Map() {
	b := topology.New("example")
	b.Stream[string, int64]("in").Map(func(key string, v int64) (string, int64) { return key + key, v * 10 }).To("out")
	play[int64](b, "in a 1", "in b 2")
	// Output:
	// aa 10
	// bb 20
}

func ExampleStream_MapValues() {
	b := topology.New("example")
	b.Stream[string, int64]("in").MapValues(func(v int64) int64 { return v * 10 }).To("out")
	play[int64](b, "in a 1", "in b -", "in b 2") // a null value is passed on
	// Output:
	// a 10
	// b -
	// b 20
}

func ExampleStream_MapValuesWithKey() {
	b := topology.New("example")
	b.Stream[string, int64]("in").MapValuesWithKey(func(key string, v int64) string { return fmt.Sprint(key, "=", v) }).To("out")
	play[int64](b, "in a 1")
	// Output:
	// a a=1
}

// The general form sees headers, time and nulls, and may fail.
func ExampleStream_MapRecords() {
	b := topology.New("example")
	b.Stream[string, string]("in").
		MapRecords(func(_ context.Context, r record.Record[string, string]) (record.Record[string, int64], error) {
			n, err := strconv.ParseInt(r.Value, 10, 64)
			out := record.WithValue(r, n)
			out.Headers = append(out.Headers, record.Header{Key: "was", Value: []byte(r.Value)})
			return out, err
		}).
		To("out")
	play[string](b, "in a 007")
	// Output:
	// a 7
}

func ExampleStream_FlatMap() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		FlatMap(func(key string, v int64, emit func(string, int64)) {
			for n := range v {
				emit(fmt.Sprint(key, n), v)
			}
		}).
		To("out")
	play[int64](b, "in a 2", "in b 1")
	// Output:
	// a0 2
	// a1 2
	// b0 1
}

func ExampleStream_FlatMapValues() {
	b := topology.New("example")
	b.Stream[string, string]("in").FlatMapValues(func(v string) []string { return strings.Split(v, ",") }).To("out")
	play[string](b, "in a x,y", "in b z")
	// Output:
	// a x
	// a y
	// b z
}

func ExampleStream_SelectKey() {
	b := topology.New("example")
	b.Stream[string, string]("in").SelectKey(func(_, v string) string { return v[:1] }).To("out")
	play[string](b, "in a xx", "in b yy")
	// Output:
	// x xx
	// y yy
}

func ExampleStream_Peek() {
	b := topology.New("example")
	b.Stream[string, int64]("in").Peek(func(key string, v int64) { fmt.Println("saw", key, v) }).To("out")
	play[int64](b, "in a 1")
	// Output:
	// saw a 1
	// a 1
}

func ExampleStream_ForEach() {
	b := topology.New("example")
	b.Stream[string, int64]("in").ForEach(func(key string, v int64) { fmt.Println("saw", key, v) })
	b.Stream[string, int64]("other").To("out")
	play[int64](b, "in a 1")
	// Output:
	// saw a 1
}

func ExampleStream_Merge() {
	b := topology.New("example")
	b.Stream[string, int64]("left").Merge(b.Stream[string, int64]("right")).To("out")
	play[int64](b, "left a 1", "right b 2", "left a 3")
	// Output:
	// a 1
	// b 2
	// a 3
}

// Records go to the topic that a function chooses. Its result is a name, and empty to
// drop the record.
func ExampleStream_ToChosen() {
	b := topology.New("example")
	b.Stream[string, int64]("in").ToChosen(func(r record.Record[string, int64]) string {
		if r.Value < 0 {
			return ""
		}
		return "out"
	})
	play[int64](b, "in a 1", "in a -1")
	// Output:
	// a 1
}

// Repartition sends records through a topic, so that those of a key meet in one task.
func ExampleStream_Repartition() {
	b := topology.New("example")
	b.Stream[string, string]("in").
		SelectKey(func(_, v string) string { return v }).
		Repartition(topology.Named("by-value"), topology.Partitions(12)).
		To("out")
	play[string](b, "in a x")
	// Output:
	// x x
}

// ProcessValues runs a processor that cannot change keys.
func ExampleStream_ProcessValues() {
	numbered := func(c *processors.ValueContext[string, string]) (processors.ValueProcessor[string, string], error) {
		n := 0
		return processors.ValueFunc[string, string](func(r record.Fixed[string, string]) error {
			n++
			return c.Forward(record.WithFixedValue(r, fmt.Sprint(n, ":", r.Value)))
		}), nil
	}
	b := topology.New("example")
	b.Stream[string, string]("in").ProcessValues(numbered).To("out")
	play[string](b, "in a x", "in b y")
	// Output:
	// a 1:x
	// b 2:y
}

// AsyncRecords makes many calls at a time. Results of one key keep their order.
func ExampleStream_AsyncRecords() {
	b := topology.New("example")
	b.Stream[string, string]("in").
		AsyncRecords(func(_ context.Context, r record.Record[string, string]) (record.Record[string, string], error) {
			return record.WithValue(r, "looked up "+r.Value), nil
		}, topology.CallTimeout(time.Second)).
		To("out")
	play[string](b, "in a x", "in b y")
	// Output:
	// a looked up x
	// b looked up y
}

func ExampleStream_ToTable() {
	b := topology.New("example")
	b.Stream[string, int64]("in").ToTable().Filter(func(_ string, v int64) bool { return v > 1 }).ToStream().To("out")
	play[int64](b, "in a 2", "in a 0")
	// Output:
	// a 2
	// a -
}

func ExampleBuilder_Streams() {
	b := topology.New("example")
	b.Streams[string, int64]([]string{"one", "two"}).To("out")
	play[int64](b, "one a 1", "two b 2")
	// Output:
	// a 1
	// b 2
}
