package topologytest_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

func wordcount() *topology.Builder {
	b := topology.New("wordcount")
	b.Stream[string, string]("text-lines").
		FlatMapValues(strings.Fields).
		GroupBy(func(_, word string) string { return word }).
		Count(topology.StoreName("counts")).
		ToStream().
		To("word-counts")
	return b
}

func TestARecordRunsThroughAllSubtopologies(t *testing.T) {
	for _, partitions := range []int32{1, 3} {
		d := topologytest.New(t, wordcount(), topologytest.Partitions(partitions))
		lines := d.Input[string, string]("text-lines")
		lines.Send("", "to be or", 0)
		lines.Send("", "not to be", time.Second)
		want := map[string]int64{"to": 2, "be": 2, "or": 1, "not": 1}
		if got := topologytest.AsMap(d.Output[string, int64]("word-counts")); !maps.Equal(got, want) {
			t.Errorf("%d partitions: the topic has %v, want %v", partitions, got, want)
		}
		rows := map[string]int64{}
		for _, row := range d.KeyValue[string, int64]("counts").All() {
			rows[row.Key] = row.Value
		}
		if !maps.Equal(rows, want) {
			t.Errorf("%d partitions: the store has %v, want %v", partitions, rows, want)
		}
	}
}

func TestWindowsAreReadByKeyAndStart(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").GroupByKey().
		WindowedBy(window.Tumbling(time.Minute)).
		Count(topology.StoreName("cnt"), topology.Retention(time.Hour)).
		ToStream().To("out")
	d := topologytest.New(t, b)
	in := d.Input[string, string]("in")
	in.Send("a", "x", 10*time.Second)
	in.Send("a", "x", time.UnixMilli(70_000))
	in.Send("a", "x", 75_000)
	out := d.Output[window.Key[string], int64]("out")
	r, ok := out.Read()
	if !ok || r.Key.String() != "[a@0/60000]" || r.Value != 1 || r.Step != 0 {
		t.Errorf("read %+v, %v", r, ok)
	}
	if rest := out.ReadAll(); len(rest) != 2 || rest[1].Key.Start != 60_000 || rest[1].Value != 2 || rest[1].Step != 2 {
		t.Errorf("the rest is %+v", rest)
	}
	cnt := d.Window[string, int64]("cnt")
	if n, ok := cnt.Get("a", time.Minute); n != 2 || !ok {
		t.Errorf("the store has %d, %v", n, ok)
	}
	if all := cnt.All(); len(all) != 2 || all[0].Key.Start != 0 || all[1].Timestamp != 75_000 {
		t.Errorf("the store has %+v", all)
	}
}
