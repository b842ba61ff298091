package topology_test

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

func ExampleStream_Deduplicate() {
	b := topology.New("example")
	b.Stream[string, string]("in").Deduplicate(10 * time.Millisecond).To("out")
	play[string](b, "in a first 0", "in a again 5", "in b first 6", "in a later 12")
	// Output:
	// a first
	// b first
	// a later
}

func ExampleStream_DeduplicateBy() {
	b := topology.New("example")
	id := func(_, value string) string { return value }
	b.Stream[string, string]("in").DeduplicateBy(id, 10*time.Millisecond).To("out")
	play[string](b, "in a x 0", "in a y 1", "in a x 5")
	// Output:
	// a x
	// a y
}

func ExampleWindowed_OnLate() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBy(window.Tumbling(10 * time.Millisecond)).
		OnLate(func(late *topology.Stream[string, int64]) { late.To("out") }).
		Reduce(add)
	play[int64](b, "in a 1 3", "in a 2 15", "in a 4 9")
	// Output:
	// a 4
}

func ExampleTimeToLive() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		Reduce(add, topology.TimeToLive(10*time.Millisecond)).
		ToStream().
		To("out")
	play[int64](b, "in a 1 0", "in b 1 4", "in b 1 8", "in c 1 11")
	// Output:
	// a 1
	// b 1
	// b 2
	// c 1
	// a -
}

func ExampleAdvanceWhenIdle() {
	b := topology.New("example", topology.AdvanceWhenIdle(10*time.Second))
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBy(window.Tumbling(10 * time.Second)).
		EmitFinal().
		Reduce(add).
		ToStream().
		Map(inWindow[int64]).
		To("out")
	d, err := topologytest.Open(b)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()
	in, out := d.Input[string, int64]("in"), d.Output[string, int64]("out")
	in.Send("a", 1, 1*time.Second)
	in.Send("a", 2, 7*time.Second)
	fmt.Println(out.ReadAll())
	d.Advance(30 * time.Second)
	fmt.Println(out.ReadAll())
	// Output:
	// []
	// [a[0,10000)=3@7000]
}

func ExampleKeepHeaders() {
	b := topology.New("example")
	b.Stream[string, int64]("in").
		GroupByKey().
		WindowedBy(window.Tumbling(10*time.Millisecond)).
		EmitFinal().
		Reduce(add, topology.KeepHeaders()).
		ToStream().
		Map(inWindow[int64]).
		To("out")
	play[int64](b, "in a 1 3", "in a 2 12")
	// Output:
	// a[0,10) 1
}
