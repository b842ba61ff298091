package topology_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

const year = 365 * 24 * time.Hour

// withoutSerde is a type that no encoding follows from.
type withoutSerde struct{ C chan int }

func TestBuildSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct {
		name  string
		build func(b *builder)
		want  []string
	}{
		{"an empty topology", func(*builder) {}, []string{`topology: the topology is empty: begin with Stream or Table`}},
		{"no topics", func(b *builder) { b.Streams[string, string](nil) }, []string{`topology: a stream needs at least one topic`}},
		{
			"bad names of topics",
			func(b *builder) {
				in(b, "").To("a b")
				rows(b, "x/y")
				in(b, strings.Repeat("n", 250))
				in(b, "..")
			},
			[]string{
				`topology: source topic "": a name must not be empty`,
				`topology: sink topic "a b": a name has only letters, digits, '.', '_' and '-', this has ' '`,
				`topology: source topic "x/y": a name has only letters, digits, '.', '_' and '-', this has '/'`,
				`topology: source topic "` + strings.Repeat("n", 250) + `": a name has at most 249 characters, this has 250`,
				`topology: source topic "..": a name must not be ".."`,
			},
		},
		{
			"a pattern that is no regular expression",
			func(b *builder) { b.StreamPattern[string, string]("a(") },
			[]string{"topology: source pattern \"a(\": error parsing regexp: missing closing ): `^(?:a()$`"},
		},
		{
			"names of nodes used twice",
			func(b *builder) { in(b, "in").Filter(yes, named("f")).Filter(yes, named("f")) },
			[]string{`topology: two nodes are named "f": give one of them another name with Named`},
		},
		{
			"names of stores used twice",
			func(b *builder) {
				in(b, "in").GroupByKey().Count(stored("s"))
				in(b, "in2").Process(idle, topology.Stores(topology.KeyValueStore[string, string]("s")))
			},
			[]string{`topology: two stores are named "s": give one of them another name`},
		},
		{
			"topics read twice",
			func(b *builder) {
				in(b, "in")
				rows(b, "in")
				b.Streams[string, string]([]string{"x", "x"})
			},
			[]string{
				`topology: topic "in" is read by both "KSTREAM-SOURCE-0000000000" and "KSTREAM-SOURCE-0000000002": read it once and use the stream twice`,
				`topology: node "KSTREAM-SOURCE-0000000004": topic "x" is named twice`,
			},
		},
		{
			"a pattern that matches a topic read by name",
			func(b *builder) {
				in(b, "logs.a")
				b.StreamPattern[string, string](`logs\..*`, named("all"))
			},
			[]string{`topology: topic "logs.a" is read by "KSTREAM-SOURCE-0000000000" and matches the pattern of "all" too: narrow the pattern`},
		},
		{
			"options of the wrong type",
			func(b *builder) {
				in(b, "in", named("s"), topology.KeySerde(serde.Int64()),
					topology.Timestamps(func(record.Record[int, int], int64) int64 { return 0 })).
					To("out", named("k"), topology.Partitioner(func(string, record.Record[int, int], int32) int32 { return 0 }))
			},
			[]string{
				`topology: node "s": the chosen serde is a serde.`,
				`topology: node "s": Timestamps was given a func(record.Record[int,int], int64) int64, want a func(record.Record[string,string], int64) int64`,
				`topology: node "k": Partitioner was given a func(string, record.Record[int,int], int32) int32, want a func(string, record.Record[string,string], int32) int32`,
			},
		},
		{
			"types that no encoding follows from",
			func(b *builder) {
				b.Stream[withoutSerde, string]("a", named("a"))
				in(b, "b").MapValues(func(string) withoutSerde { return withoutSerde{} }).To("out", named("k"))
				in(b, "c").Process(idle, topology.Stores(topology.KeyValueStore[string, withoutSerde]("kept")))
			},
			[]string{
				`topology: node "a": no serde for the key: no encoding follows from the type topology_test.withoutSerde: `,
				`topology: node "k": no serde for the value: no encoding follows from the type topology_test.withoutSerde: `,
				`topology: store "kept": no serde for the value: no encoding follows from the type topology_test.withoutSerde: `,
			},
		},
		{
			"a retention that loses open windows",
			func(b *builder) {
				in(b, "in").GroupByKey().WindowedBy(tumbling).Count(named("n"), topology.Retention(14*time.Millisecond))
			},
			[]string{`topology: node "n": the retention 14ms is shorter than window and grace together, 15ms: windows would be lost before they close`},
		},
		{
			"absurd windows",
			func(b *builder) {
				in(b, "a", named("a")).GroupByKey().WindowedBy(window.Tumbling(0)).Count()
				in(b, "b", named("b")).GroupByKey().WindowedBy(window.Hopping(time.Second, time.Minute)).Count()
				in(b, "c", named("c")).GroupByKey().WindowedBy(window.Tumbling(time.Second + 1)).Count()
				in(b, "d", named("d")).GroupByKey().WindowedBy(window.Tumbling(200 * year).Grace(200 * year)).Count()
			},
			[]string{
				`topology: node "a": window: the size of a tumbling window must be at least 1 ms, got 0s`,
				`topology: node "b": window: the advance of a hopping window must not exceed its size 1s, got 1m0s: records between two windows would be lost`,
				`topology: node "c": window: the size of a tumbling window must be whole milliseconds, got 1.000000001s`,
				`topology: node "d": window: the size and the grace must not exceed 2562047h47m16.854s together`,
			},
		},
		{
			"stores without a name or a retention",
			func(b *builder) {
				in(b, "in").Process(idle, topology.Stores(
					topology.KeyValueStore[string, string](""), topology.WindowStore[string, string]("w", 0)))
			},
			[]string{
				`topology: store "": a store needs a name`,
				`topology: store "w": the retention must be at least 1 ms, got 0s`,
			},
		},
		{
			"names that make bad internal topics",
			func(b *builder) {
				in(b, "in").GroupBy(value, named("by value")).Count(stored("many counts"))
			},
			[]string{
				`topology: repartition topic "by value-repartition": a name has only letters, digits, '.', '_' and '-', this has ' '`,
				`topology: store "many counts": its changelog topic: a name has only letters, digits, '.', '_' and '-', this has ' '`,
			},
		},
		{
			"a split without branches, or with one that gets nothing",
			func(b *builder) {
				s := in(b, "in")
				s.Split(named("none"))
				split := s.Split(named("some"))
				split.Default()
				split.Branch(yes)
			},
			[]string{
				`topology: node "some": a branch behind Default never gets a record: put it before`,
				`topology: node "none": a split without branches drops everything: add Branch or Default`,
			},
		},
		{
			"repartitions that clash",
			func(b *builder) {
				s := in(b, "in")
				s.Repartition(named("r"), topology.Partitions(-1))
				in(b, "in2").SelectKey(value).Repartition(named("r0"), topology.Partitions(0))
				in(b, "in3").SelectKey(value).GroupByKey(named("r")).Count()
			},
			[]string{
				`topology: repartition topic "r-repartition": -1 partitions: give at least 1`,
				`topology: repartition topic "r0-repartition": 0 partitions: give at least 1`,
				`topology: two different streams would share the repartition topic "r-repartition": name one of the operations with Named`,
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := topology.New("app")
			c.build(b)
			wantFaults(t, b, c.want)
		})
	}
}

func TestBuildRefusesABadApplicationID(t *testing.T) {
	b := topology.New("my app")
	in(b, "in")
	wantFaults(t, b, []string{`topology: application id "my app": a name has only letters, digits, '.', '_' and '-', this has ' '`})
}

func TestBuildRefusesToCombineTwoBuilders(t *testing.T) {
	one, other := topology.New("app"), topology.New("app")
	s := in(one, "in")
	s.Merge(in(other, "x"))
	s.Join(rows(other, "t"), second)
	wantFaults(t, one, []string{
		`topology: Merge of streams of two builders: build them with one`,
		`topology: a join of a stream and a table of two builders: build them with one`,
	})
}

// wantFaults checks that Build fails with a line that begins so for each fault, and
// with no other.
func wantFaults(t *testing.T, b *builder, want []string) {
	t.Helper()
	plan, err := b.Build()
	if err == nil || plan != nil {
		t.Fatalf("Build gives %v and the error %v, want faults", plan, err)
	}
	lines := strings.Split(err.Error(), "\n")
	for i := range max(len(lines), len(want)) {
		switch {
		case i >= len(want):
			t.Errorf("unwanted fault: %s", lines[i])
		case i >= len(lines):
			t.Errorf("missing fault: %s", want[i])
		case !strings.HasPrefix(lines[i], want[i]):
			t.Errorf("fault\n%s\nwant\n%s", lines[i], want[i])
		}
	}
}
