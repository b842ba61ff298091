package topology_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

func leftAndRight(l, r string) string { return l + "+" + r }

// orNone is the other side of an outer join, which may not be there.
func orNone(side *string) string {
	if side == nil {
		return "none"
	}
	return *side
}

func leftAndMaybe(l string, r *string) string { return l + "+" + orNone(r) }

// sessionText makes text of a session as the key, whose bounds are inclusive.
func sessionText(_ context.Context, r record.Record[window.Key[string], int64]) (record.Record[string, int64], error) {
	return record.WithKey(r, fmt.Sprintf("%s[%d,%d]", r.Key.Key, r.Key.Start, r.Key.End)), nil
}

func ExampleStream_LeftJoin() {
	b := topology.New("example")
	names := b.Table[string, string]("names")
	b.Stream[string, string]("in").LeftJoin(names, leftAndMaybe).To("out")
	play[string](b, "in a 1", "names a Ann", "in a 2")
	// Output:
	// a 1+none
	// a 2+Ann
}

func ExampleStream_JoinGlobal() {
	b := topology.New("example")
	cities := b.GlobalTable[string, string]("cities")
	b.Stream[string, string]("in").JoinGlobal(cities, func(_, city string) string { return city }, leftAndRight).To("out")
	play[string](b, "cities rom Rome", "in ann rom", "in bob osl")
	// Output:
	// ann rom+Rome
}

func ExampleStream_LeftJoinGlobal() {
	b := topology.New("example")
	cities := b.GlobalTable[string, string]("cities")
	b.Stream[string, string]("in").LeftJoinGlobal(cities, func(_, city string) string { return city }, leftAndMaybe).To("out")
	play[string](b, "cities rom Rome", "in ann rom", "in bob osl")
	// Output:
	// ann rom+Rome
	// bob osl+none
}

// Records of one key are joined if their times are near enough.
func ExampleStream_JoinStream() {
	b := topology.New("example")
	b.Stream[string, string]("left").
		JoinStream(b.Stream[string, string]("right"), window.Within(10*time.Millisecond), leftAndRight).
		To("out")
	play[string](b, "left a 1 0", "right a x 8", "right a y 20", "left a 2 25")
	// Output:
	// a 1+x
	// a 2+y
}

// What has found no other when its time is over is joined with nothing.
func ExampleStream_LeftJoinStream() {
	b := topology.New("example")
	b.Stream[string, string]("left").
		LeftJoinStream(b.Stream[string, string]("right"), window.Within(10*time.Millisecond), leftAndMaybe).
		To("out")
	play[string](b, "left a 1 0", "left b 2 3", "right a x 8", "right c y 40")
	// Output:
	// a 1+x
	// b 2+none
}

func ExampleStream_OuterJoinStream() {
	b := topology.New("example")
	b.Stream[string, string]("left").
		OuterJoinStream(b.Stream[string, string]("right"), window.Within(10*time.Millisecond),
			func(l, r *string) string { return orNone(l) + "+" + orNone(r) }).
		To("out")
	play[string](b, "left a 1 0", "right b x 5", "left c 2 40")
	// Output:
	// a 1+none
	// b none+x
}

func ExampleTable_Filter() {
	b := topology.New("example")
	b.Table[string, int64]("in").Filter(func(_ string, v int64) bool { return v > 5 }).ToStream().To("out")
	play[int64](b, "in a 6", "in a 1", "in a 7") // what no longer passes is deleted
	// Output:
	// a 6
	// a -
	// a 7
}

func ExampleTable_FilterNot() {
	b := topology.New("example")
	b.Table[string, int64]("in").FilterNot(func(_ string, v int64) bool { return v > 5 }).ToStream().To("out")
	play[int64](b, "in a 1", "in a 6")
	// Output:
	// a 1
	// a -
}

func ExampleTable_MapValues() {
	b := topology.New("example")
	b.Table[string, string]("in").MapValues(strings.ToUpper).ToStream().To("out")
	play[string](b, "in a x", "in a -")
	// Output:
	// a X
	// a -
}

func ExampleTable_Join() {
	b := topology.New("example")
	left, right := b.Table[string, string]("left"), b.Table[string, string]("right")
	left.Join(right, leftAndRight).ToStream().To("out")
	play[string](b, "left a 1", "right a x", "left a 2", "right a -")
	// Output:
	// a 1+x
	// a 2+x
	// a -
}

func ExampleTable_LeftJoin() {
	b := topology.New("example")
	left, right := b.Table[string, string]("left"), b.Table[string, string]("right")
	left.LeftJoin(right, leftAndMaybe).ToStream().To("out")
	play[string](b, "left a 1", "right a x", "right a -")
	// Output:
	// a 1+none
	// a 1+x
	// a 1+none
}

func ExampleTable_OuterJoin() {
	b := topology.New("example")
	left, right := b.Table[string, string]("left"), b.Table[string, string]("right")
	left.OuterJoin(right, func(l, r *string) string { return orNone(l) + "+" + orNone(r) }).ToStream().To("out")
	play[string](b, "left a 1", "right a x", "left a -")
	// Output:
	// a 1+none
	// a 1+x
	// a none+x
}

// city is the key of another table in a row such as "ann@rome".
func city(row string) (string, bool) {
	_, city, ok := strings.Cut(row, "@")
	return city, ok
}

// Rows are joined with the row of another table that they name.
func ExampleTable_JoinOn() {
	b := topology.New("example")
	people, cities := b.Table[string, string]("people"), b.Table[string, string]("cities")
	people.JoinOn(cities, city, leftAndRight).ToStream().To("out")
	play[string](b, "cities rome sunny", "people 1 ann@rome", "cities rome rainy", "people 1 ann@oslo")
	// Output:
	// 1 ann@rome+sunny
	// 1 ann@rome+rainy
	// 1 -
}

func ExampleTable_LeftJoinOn() {
	b := topology.New("example")
	people, cities := b.Table[string, string]("people"), b.Table[string, string]("cities")
	people.LeftJoinOn(cities, city, leftAndMaybe).ToStream().To("out")
	play[string](b, "cities rome sunny", "people 1 ann@rome", "people 2 bob@oslo")
	// Output:
	// 1 ann@rome+sunny
	// 2 bob@oslo+none
}

// ProcessValues makes the rows of a table of those of another, with stores and
// punctuations of its own.
func ExampleTable_ProcessValues() {
	length := func(*processors.RowContext) (processors.RowMapper[string, string, int64], error) {
		return processors.RowFunc[string, string, int64](func(r record.Fixed[string, string]) (int64, bool, error) {
			return int64(len(r.Value)), !r.Tombstone, nil
		}), nil
	}
	b := topology.New("example")
	b.Table[string, string]("in").ProcessValues(length).ToStream().To("out")
	play[string](b, "in a xyz", "in a -")
	// Output:
	// a 3
	// a -
}

// A stream is joined with what the table was at the time of each record.
func ExampleHistory() {
	b := topology.New("example")
	prices := b.Table[string, string]("prices", topology.StoreName("prices"), topology.History(time.Hour))
	b.Stream[string, string]("in").Join(prices, leftAndRight).To("out")
	play[string](b, "prices tea 3eur 1000", "prices tea 4eur 2000", "in tea early 1500", "in tea late 2500")
	// Output:
	// tea early+3eur
	// tea late+4eur
}

// Around sees the work of every operator.
func ExampleBuilder_Around() {
	b := topology.New("example")
	b.Around(func(node string, _ *processors.Task) processors.Around {
		return func(next func() error) error {
			fmt.Println("enter", node)
			return next()
		}
	})
	b.Stream[string, string]("in").Filter(func(_, v string) bool { return v != "" }, topology.Named("keep")).To("out", topology.Named("write"))
	play[string](b, "in a x")
	// Output:
	// enter keep
	// enter write
	// a x
}

// RequireNames refuses names that change when an operator is added before.
func ExampleBuilder_RequireNames() {
	b := topology.New("example")
	b.RequireNames()
	b.Stream[string, string]("in").GroupByKey().Count().ToStream().To("out")
	_, err := b.Build()
	fmt.Println(err)
	// Output:
	// topology: store "KSTREAM-AGGREGATE-STATE-STORE-0000000001": its name would change with the topology: name it with StoreName
}
