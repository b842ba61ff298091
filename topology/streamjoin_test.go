package topology_test

import (
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

var near = window.Within(10 * time.Millisecond).Grace(5 * time.Millisecond)

func plus(x, y string) string             { return x + "+" + y }
func plusLeft(x string, y *string) string { return either(x, y) }
func plusOuter(x, y *string) string       { return either("", x) + either("", y) }

// streamJoins are topologies by the name that they have in testdata.
var streamJoins = map[string]func(b *builder){
	"ss-join": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		l.JoinStream(r, near, plus).To("out")
	},
	"ss-left-join": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		l.LeftJoinStream(r, near, plusLeft).To("out")
	},
	"ss-outer-join": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		l.OuterJoinStream(r, near, plusOuter).To("out")
	},
	"ss-join-named": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		l.JoinStream(r, near, plus, named("nm"), stored("sj")).To("out")
	},
	"ss-left-join-named-node": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		l.LeftJoinStream(r, near, plusLeft, named("nm")).To("out")
	},
	"ss-left-join-named-store": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		l.LeftJoinStream(r, near, plusLeft, stored("sj")).To("out")
	},
	"ss-outer-join-named": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		l.OuterJoinStream(r, near, plusOuter, named("nm"), stored("sj")).To("out")
	},
	"selectKey-join": func(b *builder) {
		l, r := in(b, "in").SelectKey(value), in(b, "r")
		l.JoinStream(r, near, plus).To("out")
	},
	"ss-join-selectKey-right": func(b *builder) {
		l, r := in(b, "l"), in(b, "r").SelectKey(value)
		l.LeftJoinStream(r, near, plusLeft).To("out")
	},
	"ss-join-selectKey-both": func(b *builder) {
		l, r := in(b, "l").SelectKey(value), in(b, "r").SelectKey(value)
		l.JoinStream(r, near, plus).To("out")
	},
	"ss-join-selectKey-both-named": func(b *builder) {
		l, r := in(b, "l").SelectKey(value), in(b, "r").SelectKey(value)
		l.JoinStream(r, near, plus, named("nm"), stored("sj")).To("out")
	},
	"ss-join-chain": func(b *builder) {
		x, y, z := in(b, "x"), in(b, "y"), in(b, "z")
		x.JoinStream(y, near, plus).LeftJoinStream(z, near, plusLeft).GroupByKey().Count().ToStream().To("out")
	},
	"ss-join-selectKey-twice": func(b *builder) {
		l, r, q := in(b, "l").SelectKey(value), in(b, "r"), in(b, "q")
		l.JoinStream(r, near, plus).To("o1")
		l.LeftJoinStream(q, near, plusLeft).To("o2")
	},
	"ss-self-join": func(b *builder) {
		l := in(b, "l")
		l.JoinStream(l, near, plus).To("out")
	},
	"ss-self-join-single-store": func(b *builder) {
		l := in(b, "l")
		l.JoinStream(l, near, plus, topology.SingleStore()).To("out")
	},
	"ss-self-join-single-store-named": func(b *builder) {
		l := in(b, "l")
		l.Peek(nothing).To("raw")
		l.JoinStream(l, near, plus, topology.SingleStore(), named("nm"), stored("sj")).To("out")
	},
	"ss-join-and-table-join": func(b *builder) {
		l, r := in(b, "l"), in(b, "r")
		t := rows(b, "t")
		l.OuterJoinStream(r, near, plusOuter).Join(t, second).To("out")
	},
}

// The file holds what Topology.describe of Kafka Streams 4.3.1 prints for the
// topologies above, which are the same as those it was given.
func TestDescribeOfStreamJoinsEqualsKafkaStreams(t *testing.T) {
	want := transcript(t, "testdata/stream-joins.txt")
	for name, build := range streamJoins {
		t.Run(name, func(t *testing.T) {
			b := topology.New("app")
			build(b)
			got, err := b.Describe()
			if err != nil {
				t.Fatal(err)
			}
			if got != want[name] {
				t.Errorf("Describe is\n%s\nwant\n%s", got, want[name])
			}
		})
	}
	for name := range want {
		if streamJoins[name] == nil {
			t.Errorf("no topology for %q", name)
		}
	}
}

// OnLate needs both stores, and a join of two streams is none with itself.
func TestOptimizingJoinsOfAStreamWithItself(t *testing.T) {
	describe := func(build func(*builder), options ...topology.BuilderOption) string {
		b := topology.New("app", options...)
		build(b)
		text, err := b.Describe()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	optimized := topology.Optimize(topology.SingleStoreJoins)
	asked := describe(streamJoins["ss-self-join-single-store"])
	if got := describe(streamJoins["ss-self-join"], optimized); got != asked {
		t.Errorf("optimized:\n%s\nwant\n%s", got, asked)
	}
	late := func(b *builder) {
		l := in(b, "l")
		l.JoinStream(l, near, plus, topology.OnLate(func(*topology.Stream[string, string]) {})).To("out")
	}
	outer := func(b *builder) {
		l := in(b, "l")
		l.LeftJoinStream(l, near, plusLeft).To("out")
	}
	for name, build := range map[string]func(*builder){"with OnLate": late, "left": outer, "of two": streamJoins["ss-join-and-table-join"]} {
		if plain, got := describe(build), describe(build, optimized); got != plain {
			t.Errorf("%s, optimized:\n%s\nwant\n%s", name, got, plain)
		}
	}
}
