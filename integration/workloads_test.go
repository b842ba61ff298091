//go:build integration

package integration

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// outputs are the values of each key of a topic, in their order.
type outputs map[string][]string

func (o outputs) add(key, value string) { o[key] = append(o[key], value) }

// count counts one more under a key, of which only the last count is kept.
func (o outputs) count(key string) {
	n := 0
	if have := o[key]; len(have) > 0 {
		n, _ = strconv.Atoi(have[0])
	}
	o[key] = []string{strconv.Itoa(n + 1)}
}

// newestOnly keeps the last value of each key.
func (o outputs) newestOnly() {
	for key, values := range o {
		o[key] = values[len(values)-1:]
	}
}

// difference says where two outputs differ, or is empty.
func (o outputs) difference(want outputs) string {
	n, example := 0, ""
	keys := maps.Clone(want)
	maps.Copy(keys, o)
	for key := range keys {
		if !slices.Equal(o[key], want[key]) {
			n++
			example = fmt.Sprintf("key %q has %v, want %v", key, o[key], want[key])
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d keys differ, such as: %s", n, example)
}

// workload is a topology of the topics in, table and out, and what has to come of
// its input.
type workload struct {
	name  string
	build func(b *topology.Builder, in, table, out string)
	// expect enters what one input leads to, given the rows of the table.
	expect func(want outputs, r *kgo.Record, table map[string]string)
	// newest means that only the last value of each key is defined, joins that the
	// table is read first, and closes that in the end all windows are to close.
	newest, joins, closes bool
}

// Windows of the workloads. The grace is longer than the input, so that no record
// is late in whatever order the partitions are read.
var (
	tumbling = window.Tumbling(10 * time.Second).Grace(time.Hour)
	hopping  = window.Hopping(10*time.Second, 5*time.Second).Grace(time.Hour)
)

var workloads = []workload{
	{
		name: "filter, map, to",
		build: func(b *topology.Builder, in, _, out string) {
			b.Stream[string, string](in).
				Filter(func(_, value string) bool { return groupOf(value) != skipped }).
				Map(func(key, value string) (string, string) { return "of " + key, strings.ToUpper(value) }).
				To(out)
		},
		expect: func(want outputs, r *kgo.Record, _ map[string]string) {
			if groupOf(string(r.Value)) != skipped {
				want.add("of "+string(r.Key), strings.ToUpper(string(r.Value)))
			}
		},
	},
	{
		name:   "count behind a repartition",
		newest: true,
		build: func(b *topology.Builder, in, _, out string) {
			byGroup(b, in).Count().ToStream().MapValues(decimal).To(out)
		},
		expect: func(want outputs, r *kgo.Record, _ map[string]string) { want.count(groupOf(string(r.Value))) },
	},
	{
		name:   "windowed count on update",
		newest: true,
		build: func(b *topology.Builder, in, _, out string) {
			byGroup(b, in).WindowedBy(tumbling).Count().ToStream().Map(named).To(out)
		},
		expect: func(want outputs, r *kgo.Record, _ map[string]string) { countWindows(want, r, tumbling) },
	},
	{
		name:   "windowed count when windows close",
		closes: true,
		build: func(b *topology.Builder, in, _, out string) {
			byGroup(b, in).WindowedBy(hopping).EmitFinal().Count().ToStream().Map(named).To(out)
		},
		expect: func(want outputs, r *kgo.Record, _ map[string]string) { countWindows(want, r, hopping) },
	},
	{
		name:  "join with a table",
		joins: true,
		build: func(b *topology.Builder, in, table, out string) {
			b.Stream[string, string](in).
				Join(b.Table[string, string](table), func(value, row string) string { return value + " with " + row }).
				To(out)
		},
		expect: func(want outputs, r *kgo.Record, table map[string]string) {
			if row, ok := table[string(r.Key)]; ok {
				want.add(string(r.Key), string(r.Value)+" with "+row)
			}
		},
	},
	{
		name:  "left join with a table",
		joins: true,
		build: func(b *topology.Builder, in, table, out string) {
			b.Stream[string, string](in).
				LeftJoin(b.Table[string, string](table), func(value string, row *string) string {
					if row == nil {
						return value + " alone"
					}
					return value + " with " + *row
				}).
				To(out)
		},
		expect: func(want outputs, r *kgo.Record, table map[string]string) {
			with := " alone"
			if row, ok := table[string(r.Key)]; ok {
				with = " with " + row
			}
			want.add(string(r.Key), string(r.Value)+with)
		},
	},
}

func byGroup(b *topology.Builder, in string) *topology.Grouped[string, string] {
	return b.Stream[string, string](in).GroupBy(func(_, value string) string { return groupOf(value) })
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }

func named(w window.Key[string], n int64) (string, string) {
	return windowName(w.Key, w.Start), decimal(n)
}

// countWindows counts a record in each window that begins at a multiple of the
// advance and holds its timestamp.
func countWindows(want outputs, r *kgo.Record, w window.Time) {
	at := r.Timestamp.UnixMilli()
	for start := at - at%w.Advance(); start > at-w.Size(); start -= w.Advance() {
		want.count(windowName(groupOf(string(r.Value)), start))
	}
}

func TestCommittedOutputIsWhatARecomputationGives(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	for _, g := range guarantees {
		for _, w := range workloads {
			partitions := 2 + random.Int32N(7)
			t.Run(fmt.Sprintf("%s, %s, %d partitions", g.name, w.name, partitions), func(t *testing.T) {
				runWorkload(t, g, w, partitions, random)
			})
		}
	}
}

// runWorkload gives two workers that have just been started a table, then a
// stream, and in the end records that close all windows.
func runWorkload(t *testing.T, g guarantee, w workload, partitions int32, random *rand.Rand) {
	f := newFixture(t)
	in, table, out := f.topic("in", partitions), f.topic("table", partitions), f.topic("out", partitions)
	var workers [2]*worker
	for i := range workers {
		b := topology.New(f.app)
		w.build(b, in, table, out)
		workers[i] = f.work(b, g.options...)
	}
	want, rows := outputs{}, map[string]string{}
	if w.joins {
		f.produce(tableInput(table, random, rows)...)
		f.consumed(table)
	}
	stream := streamInput(in, random)
	for _, r := range stream {
		w.expect(want, r, rows)
	}
	f.produce(stream...)
	if w.closes {
		f.consumed(in)
		f.produce(closing(in, stream[0].Timestamp)...)
	}
	have := outputs{}
	read := func() bool {
		have = f.outputs(out)
		if w.newest {
			have.newestOnly()
		}
		return have.difference(want) == ""
	}
	defer func() {
		if t.Failed() {
			t.Log(have.difference(want))
		}
	}()
	await(t, "the outputs are what was expected", func() bool {
		workers[0].alive()
		workers[1].alive()
		return read()
	})
	for _, worker := range workers {
		worker.stop()
	}
	if !read() {
		t.Errorf("after the end of the workers: %s", have.difference(want))
	}
}

const (
	workloadRecords = 4000
	workloadKeys    = 200
)

// streamInput makes a stream of values <number>|<group> over ten minutes.
func streamInput(topic string, random *rand.Rand) []*kgo.Record {
	began := time.Now().Add(-6 * time.Hour).Truncate(time.Second)
	records := make([]*kgo.Record, workloadRecords)
	for n := range records {
		group := "g" + strconv.Itoa(random.IntN(50))
		if n%10 == 3 {
			group = skipped
		}
		records[n] = &kgo.Record{
			Topic: topic, Key: []byte("k" + strconv.Itoa(random.IntN(workloadKeys))), Value: []byte(strconv.Itoa(n) + "|" + group),
			Timestamp: began.Add(time.Duration(random.Int64N(int64(10 * time.Minute)))),
		}
	}
	return records
}

// tableInput makes several versions of the rows of half of the keys, the last of
// which may be a deletion, and enters what is left of them.
func tableInput(topic string, random *rand.Rand, rows map[string]string) []*kgo.Record {
	records := make([]*kgo.Record, workloadKeys)
	for n := range records {
		key := "k" + strconv.Itoa(random.IntN(workloadKeys))
		row := "row " + strconv.Itoa(n)
		rows[key] = row
		records[n] = &kgo.Record{Topic: topic, Key: []byte(key), Value: []byte(row)}
		if n%10 == 7 {
			delete(rows, key)
			records[n].Value = nil
		}
	}
	return records
}

// closing makes records hours after a time, in so many groups that each partition
// gets some.
func closing(topic string, after time.Time) []*kgo.Record {
	records := make([]*kgo.Record, 300)
	for n := range records {
		records[n] = &kgo.Record{
			Topic: topic, Key: []byte("closing"), Value: fmt.Appendf(nil, "%d|closing-%d", n, n), Timestamp: after.Add(3 * time.Hour),
		}
	}
	return records
}

// outputs reads a topic of texts.
func (f *fixture) outputs(topic string) outputs {
	f.t.Helper()
	out := outputs{}
	for _, r := range f.read(topic) {
		out.add(string(r.Key), string(r.Value))
	}
	return out
}

// consumed waits until the application has committed all that is in a topic.
func (f *fixture) consumed(topic string) {
	f.t.Helper()
	await(f.t, "all of "+topic+" is committed", func() bool { return f.lag(topic) == 0 })
}

// lag is how far the application's offset is behind the end of a topic, in the
// partition where it is furthest. A transaction's marker at the end is 1.
func (f *fixture) lag(topic string) (most int64) {
	f.t.Helper()
	ends, err := f.admin.ListEndOffsets(f.t.Context(), topic)
	if err != nil {
		f.t.Fatal(err)
	}
	committed, err := f.admin.FetchOffsets(f.t.Context(), f.app)
	if err != nil && !kerr.IsRetriable(err) {
		f.t.Fatal(err)
	}
	for _, end := range ends[topic] {
		at, _ := committed.Lookup(topic, end.Partition)
		most = max(most, end.Offset-at.At)
	}
	return most
}
