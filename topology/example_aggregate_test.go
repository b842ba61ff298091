package topology_test

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

func add(a, b int64) int64 { return a + b }

// inWindow makes text of a windowed key.
func inWindow[V any](w window.Key[string], v V) (string, V) {
	return fmt.Sprintf("%s[%d,%d)", w.Key, w.Start, w.End), v
}

func ExampleGrouped_Count() {
	b := topology.New("example")
	b.Stream[string, string]("in").GroupByKey().Count().ToStream().To("out")
	play[string](b, "in a x", "in b y", "in a z")
	// Output:
	// a 1
	// b 1
	// a 2
}

func ExampleGrouped_Reduce() {
	b := topology.New("example")
	b.Stream[string, int64]("in").GroupByKey().Reduce(add).ToStream().To("out")
	play[int64](b, "in a 1", "in a 2", "in b 7")
	// Output:
	// a 1
	// a 3
	// b 7
}

func ExampleGrouped_Aggregate() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		Aggregate(func() string { return "" }, func(_ string, v int64, all string) string { return fmt.Sprint(all, v, ";") }).
		ToStream().
		To("out")
	play[int64](b, "in a 1", "in a 2")
	// Output:
	// a 1;
	// a 1;2;
}

func ExampleGrouped_WindowedBy() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBy(window.Tumbling(10 * time.Millisecond)).
		Reduce(add).
		ToStream().
		Map(inWindow[int64]).
		To("out")
	play[int64](b, "in a 1 3", "in a 2 9", "in a 4 12")
	// Output:
	// a[0,10) 1
	// a[0,10) 3
	// a[10,20) 4
}

func ExampleWindowed_Count() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBy(window.Hopping(10*time.Millisecond, 5*time.Millisecond)).
		Count().
		ToStream().
		Map(inWindow[int64]).
		To("out")
	play[int64](b, "in a 1 3", "in a 1 7")
	// Output:
	// a[0,10) 1
	// a[0,10) 2
	// a[5,15) 1
}

// A session ends when its key has been quiet for longer than the gap. One that grows
// replaces what it was.
func ExampleSessionWindowed_Count() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBySession(window.Session(5 * time.Millisecond)).
		Count().
		ToStream().
		MapRecords(sessionText).
		To("out")
	play[int64](b, "in a 1 10", "in a 1 14", "in a 1 30")
	// Output:
	// a[10,10] 1
	// a[10,10] -
	// a[10,14] 2
	// a[30,30] 1
}

// With EmitFinal each session is passed on once, when it has closed.
func ExampleSessionWindowed_EmitFinal() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBySession(window.Session(5 * time.Millisecond)).
		EmitFinal().
		Count().
		ToStream().
		MapRecords(sessionText).
		To("out")
	play[int64](b, "in a 1 10", "in a 1 14", "in b 1 30")
	// Output:
	// a[10,14] 2
}

// What a window comes to is held back until it has closed.
func ExampleWindowedTable_Suppress() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBy(window.Tumbling(10 * time.Millisecond)).
		Count().
		Suppress(topology.UntilWindowCloses(topology.Unbounded())).
		ToStream().
		Map(inWindow[int64]).
		To("out")
	play[int64](b, "in a 1 3", "in a 1 9", "in a 1 12")
	// Output:
	// a[0,10) 2
}

// Of the updates of a row that come within a time, only the last is passed on.
func ExampleTable_Suppress() {
	b := topology.New("example")
	b.Table[string, int64]("in").
		Suppress(topology.UntilTimeLimit(10*time.Millisecond, topology.MaxRecords(1000))).
		ToStream().
		To("out")
	play[int64](b, "in a 1 0", "in a 2 5", "in a 3 9", "in b 4 10")
	// Output:
	// a 3
}

// The groups of a table follow its rows: what a row was is subtracted, and what it is
// now added.
func ExampleTable_GroupBy() {
	b := topology.New("example")
	b.Table[string, string]("in").
		GroupBy(func(person, city string) (string, string) { return city, person }).
		Count().
		ToStream().
		To("out")
	play[string](b, "in ann rome", "in bob rome", "in ann oslo")
	// Output:
	// rome 1
	// rome 2
	// rome 1
	// oslo 1
}

func ExampleGroupedTable_Reduce() {
	subtract := func(a, b int64) int64 { return a - b }
	b := topology.New("example")
	b.Table[string, int64]("in").
		GroupBy(func(key string, v int64) (string, int64) { return key[:1], v }).
		Reduce(add, subtract).
		ToStream().
		To("out")
	play[int64](b, "in a1 5", "in a2 3", "in a1 1")
	// Output:
	// a 5
	// a 8
	// a 4
}
