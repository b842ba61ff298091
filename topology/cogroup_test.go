package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// cogroups are topologies by the name that they have in testdata.
var cogroups = map[string]func(b *builder){
	"cogroup":       func(b *builder) { both(b).Aggregate(empty).ToStream().To("out") },
	"cogroup-named": func(b *builder) { both(b).Aggregate(empty, named("nm"), stored("st")).ToStream().To("out") },
	"cogroup-materialized-with": func(b *builder) {
		both(b).Aggregate(empty, text).ToStream().To("out")
	},
	"cogroup-repart": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		topology.Cogroup(s.GroupByKey(), same).And(in(b, "i2").GroupByKey(), same).Aggregate(empty).ToStream().To("o")
	},
	"cogroup-repart-second": func(b *builder) {
		s := in(b, "in").SelectKey(value)
		topology.Cogroup(in(b, "i2").GroupByKey(), same).And(s.GroupByKey(), same).Aggregate(empty, stored("st")).ToStream().To("o")
	},
	"cogroup-repart-both-named": func(b *builder) {
		topology.Cogroup(in(b, "in").GroupBy(value, named("g1")), same).
			And(in(b, "i2").GroupBy(value, named("g2")), same).Aggregate(empty, named("nm")).ToStream().To("o")
	},
	"cogroup-repart-mixed-named": func(b *builder) {
		topology.Cogroup(in(b, "in").GroupBy(value, named("g1")), same).
			And(in(b, "i2").GroupBy(value), same).Aggregate(empty, stored("st")).ToStream().To("o")
	},
	"cogroup-one": func(b *builder) {
		topology.Cogroup(in(b, "i1").GroupByKey(), same).Aggregate(empty).ToStream().To("out")
	},
	"cogroup-tumbling": func(b *builder) { both(b).WindowedBy(tumbling).Aggregate(empty).ToStream().To("out") },
	"cogroup-tumbling-named": func(b *builder) {
		topology.Cogroup(in(b, "i1").GroupByKey(), same).And(in(b, "i2").GroupBy(value), same).
			WindowedBy(tumbling).Aggregate(empty, named("nm"), stored("st")).ToStream().To("out")
	},
	"cogroup-tumbling-materialized-with": func(b *builder) {
		both(b).WindowedBy(tumbling).Aggregate(empty, text).ToStream().To("out")
	},
	"cogroup-sliding": func(b *builder) {
		both(b).WindowedBy(window.Sliding(10 * time.Millisecond).Grace(5 * time.Millisecond)).Aggregate(empty).ToStream().To("out")
	},
	"cogroup-session": func(b *builder) {
		both(b).WindowedBySession(gaps).Aggregate(empty, same).ToStream().To("out")
	},
	"cogroup-session-named": func(b *builder) {
		both(b).WindowedBySession(gaps).Aggregate(empty, same, named("nm"), stored("st")).ToStream().To("out")
	},
	"cogroup-three-join": func(b *builder) {
		t := both(b).And(in(b, "i3").GroupByKey(), same).Aggregate(empty)
		in(b, "s").Join(t, second).To("out")
	},
}

var gaps = window.Session(10 * time.Millisecond).Grace(5 * time.Millisecond)

// both is a cogroup of two streams.
func both(b *builder) *topology.Cogrouped[string, string] {
	return topology.Cogroup(in(b, "i1").GroupByKey(), same).And(in(b, "i2").GroupByKey(), same)
}

func TestCogroupsAreDescribedAsByKafkaStreams(t *testing.T) {
	describeEquals(t, "testdata/kafka-streams-cogroup.txt", cogroups)
}

func TestBuildSaysWhatIsWrongWithACogroup(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(b *builder)
		want  []string
	}{
		{
			"a stream that is in it twice",
			func(b *builder) {
				g := in(b, "in", named("src")).GroupByKey()
				topology.Cogroup(g, same).And(g, same).Aggregate(empty)
			},
			[]string{`topology: node "src": the same grouped stream is twice in a cogroup: make one function of the two`},
		},
		{
			"two builders",
			func(b *builder) {
				topology.Cogroup(in(b, "in").GroupByKey(), same).And(in(topology.New("other"), "x").GroupByKey(), same).Aggregate(empty)
			},
			[]string{`topology: a cogroup of streams of two builders: build them with one`},
		},
		{
			"two repartitions without a name",
			func(b *builder) {
				topology.Cogroup(in(b, "in").GroupBy(value), same).And(in(b, "in2").GroupBy(value), same).Aggregate(empty, stored("st"))
			},
			[]string{
				`topology: two different streams would share the repartition topic "st-repartition": name one of the operations with Named`,
			},
		},
		{
			"bad windows",
			func(b *builder) {
				topology.Cogroup(in(b, "in", named("src")).GroupByKey(), same).WindowedBy(window.Tumbling(0)).Aggregate(empty)
			},
			[]string{`topology: node "src": window: the size of a tumbling window must be at least 1 ms, got 0s`},
		},
		{
			"a bad gap, and no windows at all",
			func(b *builder) {
				g := in(b, "in", named("src")).GroupByKey()
				topology.Cogroup(g, same).WindowedBySession(window.Session(-time.Second)).Aggregate(empty, same)
				topology.Cogroup(g, same).WindowedBy(nil).Aggregate(empty)
			},
			[]string{
				`topology: node "src": window: the gap of a session must not be negative, got -1s`,
				`topology: node "src": WindowedBy was given no windows: give it window.Tumbling, window.Hopping or window.Sliding`,
			},
		},
		{
			"a retention that loses windows",
			func(b *builder) {
				both(b).WindowedBy(tumbling).Aggregate(empty, named("nm"), topology.Retention(time.Millisecond))
			},
			[]string{`topology: node "nm-cogroup-merge": the retention 1ms is shorter than window and grace together, 15ms: windows would be lost before they close`},
		},
		{
			"an aggregate without an encoding",
			func(b *builder) {
				g := in(b, "in").GroupByKey()
				topology.Cogroup(g, func(_, _ string, a withoutSerde) withoutSerde { return a }).
					Aggregate(func() withoutSerde { return withoutSerde{} }, named("nm"))
			},
			[]string{`topology: node "nm-cogroup-merge": no serde for the value: `},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.build(b)
			wantFaults(t, b, c.want)
		})
	}
}

func TestStreamsOfACogroupNeedEquallyManyPartitions(t *testing.T) {
	b := topology.New("app")
	both(b).Aggregate(empty)
	plan, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	_, err = plan.Resolve(map[string]int32{"i1": 2, "i2": 3})
	const want = "topology: the sides of a join need the same number of partitions: i1 has 2, i2 has 3"
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Resolve: %v, want %s", err, want)
	}
}

func ExampleCogroup() {
	type account struct{ Cents int64 }
	b := topology.New("bank")
	deposits := b.Stream[string, int64]("deposits", topology.Named("deposits")).GroupByKey()
	cheques := b.Stream[string, string]("cheques", topology.Named("cheques")).GroupByKey()
	topology.Cogroup(deposits, func(_ string, cents int64, a account) account { return account{a.Cents + cents} }).
		And(cheques, func(_, cheque string, a account) account { return account{a.Cents - int64(len(cheque))} }).
		Aggregate(func() account { return account{} }, topology.Named("balance"), topology.StoreName("balances")).
		ToStream(topology.Named("changes")).
		To("balances", topology.Named("out"))
	show(b)
	// Output:
	// Topologies:
	//    Sub-topology: 0
	//     Source: cheques (topics: [cheques])
	//       --> balance-cogroup-agg-1
	//     Source: deposits (topics: [deposits])
	//       --> balance-cogroup-agg-0
	//     Processor: balance-cogroup-agg-0 (stores: [balances])
	//       --> balance-cogroup-merge
	//       <-- deposits
	//     Processor: balance-cogroup-agg-1 (stores: [balances])
	//       --> balance-cogroup-merge
	//       <-- cheques
	//     Processor: balance-cogroup-merge (stores: [])
	//       --> changes
	//       <-- balance-cogroup-agg-0, balance-cogroup-agg-1
	//     Processor: changes (stores: [])
	//       --> out
	//       <-- balance-cogroup-merge
	//     Sink: out (topic: balances)
	//       <-- changes
}
