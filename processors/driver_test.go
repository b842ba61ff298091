package processors_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// cached holds updates back for a second.
var cached = []topologytest.Option{topologytest.CacheBytes(1 << 20), topologytest.CommitInterval(time.Second)}

// feed writes texts to a topic, as key=value@timestamp, where - is no value.
func feed(t *testing.T, d *topologytest.Driver, topic string, records ...string) {
	t.Helper()
	in := d.Input[string, string](topic)
	for _, text := range records {
		key, rest, _ := strings.Cut(text, "=")
		value, at, _ := strings.Cut(rest, "@")
		ts, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			t.Fatalf("%q is not key=value@timestamp", text)
		}
		in.SendRecord(record.Record[string, string]{Key: key, Value: value, Timestamp: ts, Tombstone: value == "-"})
	}
}

// feedTo is feed to one of several topics of one partition: each record begins with
// the name of its topic.
func feedTo(t *testing.T, d *topologytest.Driver, records ...string) {
	t.Helper()
	for _, text := range records {
		topic, text, _ := strings.Cut(text, " ")
		feed(t, d, topic, text)
	}
}

// written are the records of a topic that were not asked for yet.
func written[K, V any](out *topologytest.Output[K, V]) []string {
	var lines []string
	for _, r := range out.ReadAll() {
		lines = append(lines, r.String())
	}
	return lines
}

// run sends records to a topology and compares what it writes to the topic out.
func run[K, V any](t *testing.T, b *topology.Builder, records []string, want ...string) {
	t.Helper()
	d := topologytest.New(t, b)
	out := d.Output[K, V]("out")
	feedTo(t, d, records...)
	tasktest.Want(t, written(out), want...)
}

func textTable(b *topology.Builder, topic string, options ...topology.TableOption) *topology.Table[string, string] {
	return b.Table[string, string](topic, options...)
}
