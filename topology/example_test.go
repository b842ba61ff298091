package topology_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// show prints the plan of a topology.
func show(b *topology.Builder) {
	text, err := b.Describe()
	if err != nil {
		fmt.Println(err)
	}
	fmt.Print(text)
}

func ExampleStream_Filter() {
	b := topology.New("alarms")
	b.Stream[string, int64]("temperatures").
		Filter(func(_ string, celsius int64) bool { return celsius > 90 }).
		MapValues(func(celsius int64) string { return fmt.Sprintf("%d degrees", celsius) }).
		To("alarms")
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: KSTREAM-SOURCE-0000000000 (topics: [temperatures])
	//       --> KSTREAM-FILTER-0000000001
	//     Processor: KSTREAM-FILTER-0000000001 (stores: [])
	//       --> KSTREAM-MAPVALUES-0000000002
	//       <-- KSTREAM-SOURCE-0000000000
	//     Processor: KSTREAM-MAPVALUES-0000000002 (stores: [])
	//       --> KSTREAM-SINK-0000000003
	//       <-- KSTREAM-FILTER-0000000001
	//     Sink: KSTREAM-SINK-0000000003 (topic: alarms)
	//       <-- KSTREAM-MAPVALUES-0000000002
}

// Names that are chosen stay when the topology changes, and with them the topics
// that hold its state.
func ExampleStream_GroupBy() {
	b := topology.New("wordcount")
	b.Stream[string, string]("text-lines", topology.Named("lines")).
		FlatMapValues(strings.Fields, topology.Named("split")).
		GroupBy(func(_, word string) string { return word }, topology.Named("by-word")).
		Count(topology.Named("count"), topology.StoreName("counts")).
		ToStream(topology.Named("changes")).
		To("word-counts", topology.Named("out"))
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: lines (topics: [text-lines])
	//       --> split
	//     Processor: split (stores: [])
	//       --> by-word
	//       <-- lines
	//     Processor: by-word (stores: [])
	//       --> by-word-repartition-filter
	//       <-- split
	//     Processor: by-word-repartition-filter (stores: [])
	//       --> by-word-repartition-sink
	//       <-- by-word
	//     Sink: by-word-repartition-sink (topic: by-word-repartition)
	//       <-- by-word-repartition-filter
	//
	//   Sub-topology: 1
	//     Source: by-word-repartition-source (topics: [by-word-repartition])
	//       --> count
	//     Processor: count (stores: [counts])
	//       --> changes
	//       <-- by-word-repartition-source
	//     Processor: changes (stores: [])
	//       --> out
	//       <-- count
	//     Sink: out (topic: word-counts)
	//       <-- changes
}

func ExampleWindowed_EmitFinal() {
	b := topology.New("threats")
	b.Stream[string, string]("threats", topology.Named("threats")).
		GroupByKey().
		WindowedBy(window.Tumbling(time.Minute).Grace(10*time.Second)).
		EmitFinal().
		Count(topology.Named("per-minute"), topology.StoreName("per-minute")).
		ToStream(topology.Named("closed")).
		Filter(func(_ window.Key[string], n int64) bool { return n > 100 }, topology.Named("many")).
		Map(func(w window.Key[string], n int64) (string, int64) { return w.Key, n }, topology.Named("alert")).
		To("alerts", topology.Named("out"))
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: threats (topics: [threats])
	//       --> per-minute
	//     Processor: per-minute (stores: [per-minute])
	//       --> closed
	//       <-- threats
	//     Processor: closed (stores: [])
	//       --> many
	//       <-- per-minute
	//     Processor: many (stores: [])
	//       --> alert
	//       <-- closed
	//     Processor: alert (stores: [])
	//       --> out
	//       <-- many
	//     Sink: out (topic: alerts)
	//       <-- alert
}

func ExampleStream_Join() {
	type (
		order    struct{ Customer, Item string }
		customer struct{ Name string }
	)
	b := topology.New("orders")
	customers := b.Table[string, customer]("customers", topology.Named("customers"), topology.StoreName("customers"))
	b.Stream[string, order]("orders", topology.Named("orders")).
		Join(customers, func(o order, c customer) string { return c.Name + " bought " + o.Item }, topology.Named("with-name")).
		To("sales", topology.Named("out"))
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: orders (topics: [orders])
	//       --> with-name
	//     Source: customers-source (topics: [customers])
	//       --> customers
	//     Processor: with-name (stores: [customers])
	//       --> out
	//       <-- orders
	//     Processor: customers (stores: [customers])
	//       --> none
	//       <-- customers-source
	//     Sink: out (topic: sales)
	//       <-- with-name
}

func ExampleStream_Split() {
	b := topology.New("router")
	split := b.Stream[string, int64]("payments", topology.Named("payments")).Split(topology.Named("by-size-"))
	split.Branch(func(_ string, cents int64) bool { return cents >= 100_00 }, topology.Named("large")).
		To("review", topology.Named("to-review"))
	split.Default(topology.Named("small")).
		To("accepted", topology.Named("to-accepted"))
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: payments (topics: [payments])
	//       --> by-size-
	//     Processor: by-size- (stores: [])
	//       --> by-size-large, by-size-small
	//       <-- payments
	//     Processor: by-size-large (stores: [])
	//       --> to-review
	//       <-- by-size-
	//     Processor: by-size-small (stores: [])
	//       --> to-accepted
	//       <-- by-size-
	//     Sink: to-accepted (topic: accepted)
	//       <-- by-size-small
	//     Sink: to-review (topic: review)
	//       <-- by-size-large
}

// A processor of the user has stores of its own.
func ExampleStream_Process() {
	seen := topology.KeyValueStore[string, bool]("seen")
	firstOnly := func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		store, err := seen.In(c.Task)
		if err != nil {
			return nil, err
		}
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			if _, had, err := store.PutIfAbsent(r.Key, true); had || err != nil {
				return err
			}
			return c.Forward(r)
		}), nil
	}
	b := topology.New("dedup")
	b.Stream[string, string]("events", topology.Named("events")).
		Process(firstOnly, topology.Named("first-only"), topology.Stores(seen)).
		To("unique-events", topology.Named("out"))
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: events (topics: [events])
	//       --> first-only
	//     Processor: first-only (stores: [seen])
	//       --> out
	//       <-- events
	//     Sink: out (topic: unique-events)
	//       <-- first-only
}

// Build reports everything that is wrong in one error.
func ExampleBuilder_Build() {
	b := topology.New("shop")
	orders := b.Stream[string, string]("orders")
	orders.To("my sales")
	orders.Split(topology.Named("by-region"))
	_, err := b.Build()
	fmt.Println(err)
	// Output:
	// topology: sink topic "my sales": a name has only letters, digits, '.', '_' and '-', this has ' '
	// topology: node "by-region": a split without branches drops everything: add Branch or Default
}

func ExamplePlan_Mermaid() {
	b := topology.New("copy")
	b.Stream[string, string]("in").To("out")
	plan, err := b.Build()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(plan.Mermaid())
	// Output:
	// flowchart TD
	//   subgraph sub0["Sub-topology 0"]
	//     node0["KSTREAM-SOURCE-0000000000"]
	//     node1["KSTREAM-SINK-0000000001"]
	//   end
	//   topic0[/"in"/]
	//   topic1[/"out"/]
	//   topic0 --> node0
	//   node0 --> node1
	//   node1 --> topic1
}
