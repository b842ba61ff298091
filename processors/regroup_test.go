package processors_test

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task/tasktest"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// letter is the first letter of a row, and the row.
func letter(_, v string) (string, string) { return v[:1], v }

// The records are what Kafka Streams 4.3.1 wrote.
func TestRegroupedUpdatesAreWrittenAsKafkaStreamsDoes(t *testing.T) {
	b := topology.New("app")
	textTable(b, "a").GroupBy(letter).Count().ToStream().To("out")
	d := topologytest.New(t, b)
	in, headers := d.Input[string, string]("a"), record.Headers{{Key: "h", Value: []byte("x")}}
	in.SendAll(
		record.Record[string, string]{Key: "k", Value: "xa", Timestamp: 5, Headers: headers},
		record.Record[string, string]{Key: "k", Value: "xb", Timestamp: 6, Headers: headers},
		record.Record[string, string]{Key: "k", Tombstone: true, Timestamp: 7, Headers: headers},
	)
	var got []string
	for _, topic := range []string{"app-KTABLE-AGGREGATE-STATE-STORE-0000000004-repartition", "out"} {
		for _, r := range d.Output[[]byte, []byte](topic).All() {
			got = append(got, fmt.Sprintf("%s=%s@%d %s:%s", r.Key, hex.EncodeToString(r.Value), r.Timestamp, r.Headers[0].Key, r.Headers[0].Value))
		}
	}
	tasktest.Want(
		t, got,
		"x=786101@5 h:x", "x=047862786102@6 h:x", "x=786200@7 h:x",
		"x=0000000000000001@5 h:x", "x=0000000000000001@6 h:x", "x=0000000000000000@7 h:x",
	)
}

func TestARowIsSubtractedBeforeItIsAdded(t *testing.T) {
	b := topology.New("app")
	log := func(sign string) func(k, v, agg string) string {
		return func(_, v, agg string) string { return agg + sign + v }
	}
	textTable(b, "in").GroupBy(letter).Aggregate(func() string { return "" }, log("+"), log("-")).ToStream().To("out")
	run[string, string](
		t, b,
		[]string{"in k=x1@10", "in l=x2@5", "in k=x3@7", "in k=y1@20", "in k=-@15", "in l=-@30"},
		"x=+x1@10", "x=+x1+x2@10", "x=+x1+x2-x1+x3@10",
		"x=+x1+x2-x1+x3-x3@20", "y=+y1@20",
		"y=+y1-y1@20", "x=+x1+x2-x1+x3-x3-x2@30",
	)
}

func TestAReducedTableBeginsWithTheFirstRow(t *testing.T) {
	b := topology.New("app")
	plus, minus := func(a, b int64) int64 { return a + b }, func(a, b int64) int64 { return a - b }
	lengths := func(_, v string) (string, int64) { return v[:1], int64(len(v)) }
	textTable(b, "in").GroupBy(lengths).Reduce(plus, minus).ToStream().To("out")
	run[string, int64](
		t, b,
		[]string{"in k=xxx@1", "in l=xx@2", "in k=x@3", "in l=-@4", "in k=-@5"},
		"x=3@1", "x=5@2", "x=3@3", "x=1@4", "x=0@5",
	)
}

func TestANilAggregateOfATableIsDeletedAndBeginsAnew(t *testing.T) {
	b := topology.New("app")
	add := func(_, v string, agg *string) *string { return new(*agg + v) }
	forget := func(_, _ string, _ *string) *string { return nil }
	textTable(b, "in").GroupBy(letter).Aggregate(func() *string { return new(":") }, add, forget).ToStream().To("out")
	run[string, *string](
		t, b,
		[]string{"in k=x1@1", "in l=x2@2", "in k=-@3", "in l=-@4", "in m=x3@5", "in m=x4@6"},
		"x=:x1@1", "x=:x1x2@2", "x=null@3",
		"x=null@4", // there is no aggregate to take l out of
		"x=:x3@5", "x=:x4@6",
	)
}

func TestARowWithoutANewKeyOrValueTakesNoPart(t *testing.T) {
	b := topology.New("app")
	byWord := func(_, v string) (*string, *string) {
		switch v {
		case "nokey":
			return nil, &v
		case "novalue":
			return &v, nil
		}
		return &v, &v
	}
	textTable(b, "in").GroupBy(byWord).Count().ToStream().To("out")
	run[string, int64](
		t, b,
		[]string{"in k=nokey@1", "in k=a@2", "in k=novalue@3", "in k=b@4", "in k=-@5"},
		"a=1@2", "a=0@3", "b=1@4", "b=0@5",
	)
}

func TestGroupsOfACachedTableAreRight(t *testing.T) {
	b := topology.New("app")
	textTable(b, "in").GroupBy(letter).Count().ToStream().To("out")
	d := topologytest.New(t, b, cached...)
	out := d.Output[string, int64]("out")
	feed(t, d, "in", "k=x@1", "k=y@2", "l=y@3", "gone=z@4", "gone=-@5")
	d.Advance(time.Second)
	d.Advance(time.Second)
	tasktest.Want(t, written(out), "y=2@3")
	feed(t, d, "in", "k=z@6", "k=x@7", "l=-@8")
	d.Advance(time.Second)
	d.Advance(time.Second)
	tasktest.Want(t, written(out), "y=0@8", "x=1@7")
}

func TestWindowsAreGrouped(t *testing.T) {
	b := topology.New("app")
	counts := b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(10 * ms)).Count()
	perCount := func(_ window.Key[string], n int64) (int64, string) { return n, "" }
	counts.GroupBy(perCount).Count().ToStream().To("out")
	run[int64, int64](
		t, b,
		[]string{"in a=1@1", "in b=1@2", "in a=1@3", "in a=1@15"},
		"1=1@1", "1=2@2", "1=1@3", "2=1@3", "1=2@15",
	)
}

func TestTheFirstCountReplacesNothing(t *testing.T) {
	b := topology.New("app")
	several := func(_ string, n int64) bool { return n > 1 }
	textTable(b, "in").GroupBy(letter).Count().Filter(several).ToStream().To("out")
	run[string, int64](t, b, []string{"in k=x@1", "in l=x@2", "in m=x@3", "in k=-@4", "in l=-@5", "in m=-@6"}, "x=2@2", "x=3@3", "x=2@4", "x=null@5")
}

func TestANamedGroupingSendsUpdatesOnce(t *testing.T) {
	b := topology.New("app")
	g := textTable(b, "in").GroupBy(letter, topology.Named("g"))
	g.Count().ToStream().To("out")
	g.Reduce(concat, func(agg, _ string) string { return agg + "!" }).ToStream().To("texts")
	d := topologytest.New(t, b, topologytest.Partitions(3))
	feed(t, d, "in", "k=x@1", "k=xx@2", "l=y@3", "l=-@4")
	if n := d.Output[[]byte, []byte]("app-g-repartition").Len(); n != 4 {
		t.Errorf("%d records were repartitioned, want 4", n)
	}
	tasktest.Want(t, written(d.Output[string, int64]("out")), "x=1@1", "x=1@2", "y=1@3", "y=0@4")
	tasktest.Want(t, written(d.Output[string, string]("texts")), "x=x@1", "x=x!xx@2", "y=y@3", "y=y!@4")
}
