package topologytest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

func pass(topic string) *topology.Builder {
	b := topology.New("app")
	b.Stream[string, string](topic).To("out")
	return b
}

func TestRecordsGoWhereTheJavaClientPutsThem(t *testing.T) {
	d := topologytest.New(t, pass("in"), topologytest.Partitions(3), topologytest.Partitions(5, "out"))
	in := d.Input[string, string]("in")
	for i := range 20 {
		in.Send(fmt.Sprint("key", i), "", 0)
	}
	for topic, n := range map[string]int32{"in": 3, "out": 5} {
		used := map[int32]bool{}
		for _, r := range d.Output[string, string](topic).All() {
			used[r.Partition] = true
			if want := record.PartitionOf([]byte(r.Key), n); r.Partition != want {
				t.Errorf("%s: %q is in partition %d, want %d", topic, r.Key, r.Partition, want)
			}
		}
		if len(used) != int(n) {
			t.Errorf("%s: used the partitions %v", topic, used)
		}
	}
}

func TestRecordsWithoutAKeyGoToThePartitionsInTurn(t *testing.T) {
	d := topologytest.New(t, pass("in"), topologytest.Partitions(3, "in"))
	in := d.Input[string, string]("in")
	for range 4 {
		in.SendRecord(record.Record[string, string]{NullKey: true, Tombstone: true})
	}
	var got []string
	for _, r := range d.Output[string, string]("in").All() {
		got = append(got, fmt.Sprintf("%v %d/%d", r, r.Partition, r.Offset))
	}
	want := []string{"null=null@0 0/0", "null=null@0 1/0", "null=null@0 2/0", "null=null@0 0/1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAnInputChoosesPartitionsTimesAndHeaders(t *testing.T) {
	d := topologytest.New(t, pass("in"), topologytest.Partitions(3))
	in := d.Input[string, string]("in")
	in.To(2).Send("a", "x", time.UnixMilli(5))
	in.Clock(time.Minute, time.Second)
	in.Next("b", "y")
	in.To(1).Next("c", "z")
	in.Delete("d", int64(9))
	in.SendAll(
		record.Record[string, string]{Key: "e", Value: "1", Headers: record.Headers{{Key: "h", Value: []byte("v")}}},
		record.Record[string, string]{Key: "f", Value: "2", Timestamp: 1},
	)
	if got := fmt.Sprint(d.Output[string, string]("out").All()); got != "[a=x@5 b=y@60000 c=z@61000 d=null@9 e=1@0 f=2@1]" {
		t.Errorf("got %s", got)
	}
	all := d.Output[string, string]("in").All()
	if all[0].Partition != 2 || all[2].Partition != 1 || all[4].Step != 4 || all[5].Step != 5 {
		t.Errorf("got %+v", all)
	}
	out := d.Output[string, string]("out").All()
	if v, ok := out[4].Headers.Get("h"); !ok || string(v) != "v" {
		t.Errorf("the header is %q, %v", v, ok)
	}
}

func TestNilIsNull(t *testing.T) {
	b := topology.New("app")
	b.Stream[[]byte, *string]("in").To("out")
	d := topologytest.New(t, b)
	in := d.Input[[]byte, *string]("in")
	in.Send(nil, nil, 0)
	in.Send([]byte{}, new(""), 0)
	in.Send([]byte("k"), new("v"), 0)
	if got := fmt.Sprint(d.Output[[]byte, *string]("out").All()); got != "[null=null@0 =@0 k=v@0]" {
		t.Errorf("got %s", got)
	}
}

func TestATopicIsReadAsATable(t *testing.T) {
	d := topologytest.New(t, pass("in"))
	in := d.Input[string, string]("in")
	in.Send("a", "1", 0)
	in.Send("b", "1", 0)
	in.Send("a", "2", 0)
	in.Delete("b", 0)
	in.SendRecord(record.Record[string, string]{NullKey: true, Value: "3"})
	if got := topologytest.AsMap(d.Output[string, string]("out")); !maps.Equal(got, map[string]string{"a": "2"}) {
		t.Errorf("got %v", got)
	}
}

func TestWindowedKeysAreWrittenAndRead(t *testing.T) {
	windows := window.Serde(serde.String(), 60_000)
	b := topology.New("app")
	b.Stream[window.Key[string], string]("in", topology.KeySerde(windows)).To("out")
	d := topologytest.New(t, b, topologytest.Partitions(3))
	in := d.Input[window.Key[string], string]("in")
	for start := range int64(9) {
		in.Send(window.Key[string]{Key: "a", Start: start}, "", 0)
	}
	out := d.Output[window.Key[string], string]("out", topologytest.KeySerde(windows), topologytest.ValueSerde(serde.String())).All()
	for i, r := range out {
		if r.Partition != out[0].Partition || r.Key != (window.Key[string]{Key: "a", Start: int64(i), End: int64(i) + 60_000}) {
			t.Errorf("record %d is %+v", i, r)
		}
	}
	if raw := d.Output[[]byte, []byte]("out").All(); len(raw) != 9 || len(raw[0].Key) != 9 {
		t.Errorf("the bytes are %v", raw)
	}
}

func TestATopicThatIsWrittenAndReadGoesRound(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, int64]("loop").
		Filter(func(_ string, n int64) bool { return n > 0 }).
		MapValues(func(n int64) int64 { return n - 1 }).
		To("loop")
	d := topologytest.New(t, b, topologytest.Partitions(2))
	d.Input[string, int64]("loop").Send("a", 3, 0)
	if got := fmt.Sprint(d.Output[string, int64]("loop").All()); got != "[a=3@0 a=2@0 a=1@0 a=0@0]" {
		t.Errorf("got %s", got)
	}
}

func TestAPatternReadsTopicsThatAppear(t *testing.T) {
	b := topology.New("app")
	b.StreamPattern[string, string]("logs\\..*").GroupByKey().Count(topology.StoreName("counts")).ToStream().To("out")
	d := topologytest.New(t, b, topologytest.Partitions(1, "logs.a"))
	d.Input[string, string]("logs.a").Send("k", "x", 0)
	late := d.Input[string, string]("logs.b")
	late.Send("k", "x", 0)
	late.Send("k", "x", 0)
	if got := fmt.Sprint(d.Output[string, int64]("out").All()); got != "[k=1@0 k=2@0 k=3@0]" {
		t.Errorf("got %s", got)
	}
}

func TestASinkChoosesTopicsThatNobodyNamed(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").ToChosen(func(r record.Record[string, string]) string { return "to-" + r.Value })
	d := topologytest.New(t, b)
	chosen := d.Output[string, string]("to-x")
	if _, ok := chosen.Read(); ok || chosen.Len() != 0 {
		t.Error("a topic that does not exist has a record")
	}
	in := d.Input[string, string]("in")
	in.Send("a", "x", 0)
	in.Send("b", "y", 0)
	if got := fmt.Sprint(chosen.All()); got != "[a=x@0]" {
		t.Errorf("got %s", got)
	}
}

func TestRowsOfAllPartitionsAreInOneOrder(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().WindowedBy(window.Tumbling(time.Second)).
		Count(topology.StoreName("windows"), topology.Retention(time.Hour))
	b.Table[string, string]("rows", topology.StoreName("rows"))
	d := topologytest.New(t, b, topologytest.Partitions(3))
	for _, at := range []int{700, 2500} {
		for _, key := range []string{"d", "b", "a", "c"} {
			d.Input[string, string]("rows").Send(key, "v"+key, 4)
			d.Input[string, string]("in").Send(key, "", at)
		}
	}
	if got := fmt.Sprint(d.KeyValue[string, string]("rows").All()); got != "[{a va 4} {b vb 4} {c vc 4} {d vd 4}]" {
		t.Errorf("the rows are %s", got)
	}
	var got []string
	for _, row := range d.Window[string, int64]("windows").All() {
		got = append(got, fmt.Sprintf("%s%d", row.Key.Key, row.Key.Start))
	}
	if want := []string{"a0", "a2000", "b0", "b2000", "c0", "c2000", "d0", "d2000"}; !slices.Equal(got, want) {
		t.Errorf("the windows are %q, want %q", got, want)
	}
	if _, at, ok := d.KeyValue[string, string]("rows").GetTimestamped("c"); at != 4 || !ok {
		t.Errorf("the timestamp is %d, %v", at, ok)
	}
	if _, ok := d.Window[string, int64]("windows").Get("c", time.Second); ok {
		t.Error("there is a window that was never written")
	}
}
