package beyond_test

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// send opens a topology and sends it records that are a second apart.
func send(b *topology.Builder, topic string, records ...[2]string) *topologytest.Driver {
	d, err := topologytest.Open(b)
	if err != nil {
		panic(err)
	}
	in := d.Input[string, string](topic)
	for i, r := range records {
		in.Send(r[0], r[1], time.Duration(i)*time.Second)
	}
	return d
}

// Payments that a shop sends twice count once.
func Example_deduplicate() {
	b := topology.New("payments")
	b.Stream[string, string]("payments").
		DeduplicateBy(func(_, payment string) string { return payment }, 24*time.Hour).
		To("once")
	d := send(b, "payments", [2]string{"ann", "p1"}, [2]string{"ann", "p2"}, [2]string{"ann", "p1"})
	defer d.Close()
	for _, r := range d.Output[string, string]("once").All() {
		fmt.Println(r.Key, r.Value)
	}
	// Output:
	// ann p1
	// ann p2
}

// What comes too late for its minute is kept for another day.
func Example_onLate() {
	b := topology.New("clicks")
	b.Stream[string, string]("clicks").
		GroupByKey().
		WindowedBy(window.Tumbling(time.Minute)).
		OnLate(func(late *topology.Stream[string, string]) { late.To("late-clicks") }).
		Reduce(func(_, last string) string { return last })
	d := send(b, "clicks", [2]string{"ann", "home"})
	defer d.Close()
	clicks := d.Input[string, string]("clicks")
	clicks.Send("ann", "cart", 70*time.Second)
	clicks.Send("ann", "search", 30*time.Second)
	for _, r := range d.Output[string, string]("late-clicks").All() {
		fmt.Println(r.Key, r.Value)
	}
	// Output:
	// ann search
}
