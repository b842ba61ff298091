package topologytest_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
	"github.com/tidemill/tidemill/window"
)

// update is one record of a table, nil for a tombstone.
type update struct {
	key   string
	value *string
	ts    int64
}

// updates are random, roughly in the order of time.
func updates(r *rand.Rand, n int) []update {
	out := make([]update, n)
	for i := range out {
		out[i] = update{key: string(rune('a' + r.IntN(8))), ts: int64(i)*3 + r.Int64N(40)}
		if r.IntN(6) > 0 {
			out[i].value = new(fmt.Sprint("v", i))
		}
	}
	return out
}

// suppressedPlainly is what Suppress passes on, computed in the plainest way: a list
// of rows, looked through for each update.
func suppressedPlainly(in []update, wait int64, most int) (out []string) {
	type row struct {
		update
		since int64
	}
	var rows []row
	seen := int64(-1)
	for _, u := range in {
		seen = max(seen, u.ts)
		if i := slices.IndexFunc(rows, func(r row) bool { return r.key == u.key }); i >= 0 {
			rows[i].update = u
		} else {
			rows = append(rows, row{u, u.ts})
		}
		slices.SortFunc(rows, func(a, b row) int {
			if a.since != b.since {
				return int(a.since - b.since)
			}
			return int(a.key[0]) - int(b.key[0])
		})
		for len(rows) > 0 && (rows[0].since <= seen-wait || len(rows) > most) {
			out = append(out, fmt.Sprintf("%s=%s@%d", rows[0].key, orNull(rows[0].value), rows[0].ts))
			rows = rows[1:]
		}
	}
	return out
}

func TestSuppressAgreesWithAPlainModelWhateverFails(t *testing.T) {
	const wait = 60 * time.Millisecond
	for seed := range uint64(60) {
		in := updates(rand.New(rand.NewPCG(seed, 7)), 150)
		most, buffer := 1000, topology.SuppressBuffer(topology.Unbounded())
		if seed%2 == 1 {
			most, buffer = 4, topology.MaxRecords(4)
		}
		b := topology.New("app")
		b.Table[string, *string]("in", topology.StoreName("rows")).
			Suppress(topology.UntilTimeLimit(wait, buffer), topology.Named("held")).ToStream().To("out")
		options := []topologytest.Option{topologytest.ExactlyOnce(), topologytest.Chaos(seed)}
		if seed%3 > 0 {
			options = append(options, topologytest.CommitInterval(10*time.Millisecond), topologytest.CheckpointInterval(25*time.Millisecond))
		}
		d := topologytest.New(t, b, options...)
		table := d.Input[string, *string]("in")
		for _, u := range in {
			table.Send(u.key, u.value, u.ts)
			d.Advance(3 * time.Millisecond)
		}
		d.Commit()
		var got []string
		for _, r := range d.Output[string, *string]("out").All() {
			got = append(got, fmt.Sprintf("%s=%s@%d", r.Key, orNull(r.Value), r.Timestamp))
		}
		if want := suppressedPlainly(in, wait.Milliseconds(), most); !slices.Equal(got, want) {
			t.Fatalf("seed %d: passed on\n%q\nwant\n%q", seed, got, want)
		}
	}
}

// No record is late: the grace covers how far they are out of order.
func TestEachWindowIsPassedOnOnceWithItsFinalCountWhateverFails(t *testing.T) {
	for seed := range uint64(40) {
		b := topology.New("app")
		b.Stream[string, int64]("in").GroupByKey().
			WindowedBy(window.Tumbling(50*time.Millisecond).Grace(40*time.Millisecond)).
			Count(topology.StoreName("counts")).
			Suppress(topology.UntilWindowCloses(topology.Unbounded()), topology.Named("final")).
			ToStream().To("out")
		options := []topologytest.Option{
			topologytest.ExactlyOnce(), topologytest.Chaos(seed), topologytest.Partitions(2), topologytest.Workers(2),
			topologytest.CommitInterval(20 * time.Millisecond), topologytest.CheckpointInterval(50 * time.Millisecond),
		}
		if seed%2 == 0 {
			options = append(options, topologytest.CacheBytes(1<<20))
		}
		d := topologytest.New(t, b, options...)
		in := d.Input[string, int64]("in")
		want := map[string]int64{}
		for _, u := range updates(rand.New(rand.NewPCG(seed, 9)), 200) {
			in.Send(u.key, 1, u.ts)
			want[fmt.Sprint(u.key, u.ts/50*50)]++
			d.Advance(3 * time.Millisecond)
		}
		for partition := range int32(2) {
			in.To(partition).Send("end", 1, 10_000)
		}
		d.Advance(time.Second)
		d.Commit()
		got := map[string]int64{}
		for _, r := range d.Output[window.Key[string], int64]("out").All() {
			at := fmt.Sprint(r.Key.Key, r.Key.Start)
			if _, again := got[at]; again || r.Value != want[at] {
				t.Fatalf("seed %d: %s is passed on with %d, and before: %v; want %d, once", seed, at, r.Value, again, want[at])
			}
			got[at] = r.Value
		}
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d windows are passed on, want %d", seed, len(got), len(want))
		}
	}
}
