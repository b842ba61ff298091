package topology_test

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

func TestDescribeEqualsKafkaStreams(t *testing.T) {
	describeEquals(t, "testdata/kafka-streams.txt", scenarios)
}

// describeEquals compares descriptions with what Topology.describe of Kafka Streams
// 4.3.1 prints for the same topologies, which is in the file.
func describeEquals(t *testing.T, path string, scenarios map[string]func(*builder)) {
	t.Helper()
	want := transcript(t, path)
	for name, build := range scenarios {
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
		if scenarios[name] == nil {
			t.Errorf("no topology for %q", name)
		}
	}
}

// transcript reads a file of named texts, each behind a line "##### name".
func transcript(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	out := map[string]string{}
	name := ""
	for s := bufio.NewScanner(f); s.Scan(); {
		if title, ok := strings.CutPrefix(s.Text(), "##### "); ok {
			name = title
			continue
		}
		out[name] += s.Text() + "\n"
	}
	return out
}

type (
	stream  = topology.Stream[string, string]
	builder = topology.Builder
)

func in(b *builder, topic string, options ...topology.SourceOption) *stream {
	return b.Stream[string, string](topic, options...)
}

func value(_, v string) string  { return v }
func second(_, b string) string { return b }
func yes(string, string) bool   { return true }
func empty() string             { return "" }

func same(_, _, aggregate string) string { return aggregate }
func pair(k, v string) (string, string)  { return k, v }
func nothing(string, string)             {}
func identity(v string) string           { return v }

func innermost(w window.Key[string], n int64) (string, int64) { return w.Key, n }

func several(_, _ string, _ func(string, string)) {}

func idle(*processors.Context[string, string]) (processors.Processor[string, string], error) {
	return processors.Func[string, string](func(record.Record[string, string]) error { return nil }), nil
}

var (
	tumbling = window.Tumbling(10 * time.Millisecond).Grace(5 * time.Millisecond)
	text     = topology.ValueSerde(serde.String())
	numbers  = topology.ValueSerde(serde.Int64())
	named    = topology.Named
	stored   = topology.StoreName
)
