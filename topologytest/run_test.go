package topologytest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// traced writes down the values in the order in which the tasks get them.
func traced(topics ...string) (*topology.Builder, *[]string) {
	b, seen := topology.New("app"), &[]string{}
	b.Streams[string, string](topics).Peek(func(_, v string) { *seen = append(*seen, v) }).To("out")
	return b, seen
}

func TestTheSameCallsGiveTheSameRecords(t *testing.T) {
	run := func() string {
		d := topologytest.New(t, wordcount(), topologytest.Partitions(5), topologytest.Seed(3), topologytest.Workers(2))
		in := d.Input[string, string]("text-lines")
		d.Batch(func() {
			for i := range 40 {
				in.Send(fmt.Sprint(i%7), fmt.Sprintf("a b %d", i%11), i)
			}
		})
		return fmt.Sprint(d.Output[string, int64]("word-counts").All())
	}
	first := run()
	if second := run(); first != second {
		t.Errorf("first %s, then %s", first, second)
	}
}

func TestASeedChangesTheOrderOfTasksButNotTheResult(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(8) {
		b, seen := traced("in")
		d := topologytest.New(t, b, topologytest.Partitions(4), topologytest.Seed(seed))
		in := d.Input[string, string]("in")
		d.Batch(func() {
			for i := range 12 {
				in.To(int32(i%4)).Send("", fmt.Sprintf("%d-%d", i%4, i/4), i)
			}
		})
		for p := range 4 {
			var mine []string
			for _, v := range *seen {
				if v[0] == byte('0'+p) {
					mine = append(mine, v)
				}
			}
			if len(mine) != 3 || !slices.IsSorted(mine) {
				t.Errorf("seed %d: partition %d came as %q", seed, p, mine)
			}
		}
		orders[fmt.Sprint(*seen)] = true
	}
	if len(orders) < 2 {
		t.Errorf("all seeds gave the order %v", slices.Collect(maps.Keys(orders)))
	}
}

func TestATaskTakesTheLowestTimestampOfABatchFirst(t *testing.T) {
	b, seen := traced("left", "right")
	d := topologytest.New(t, b)
	left, right := d.Input[string, string]("left"), d.Input[string, string]("right")
	d.Batch(func() {
		left.Send("", "l20", 20)
		left.Send("", "l40", 40)
		right.Send("", "r10", 10)
		right.Send("", "r30", 30)
	})
	if got := fmt.Sprint(*seen); got != "[r10 l20 r30 l40]" {
		t.Errorf("the batch was taken as %s", got)
	}
	right.Send("", "r1", 1)
	if r := d.Output[string, string]("out").All(); len(r) != 5 || r[3].Step != 0 || r[4].Step != 1 {
		t.Errorf("the batch is one step, got %v", r)
	}
}

func TestATaskWaitsForAnEmptyInputAsLongAsItMay(t *testing.T) {
	b, seen := traced("left", "right")
	d := topologytest.New(t, b, topologytest.MaxTaskIdle(50*time.Millisecond))
	left, right := d.Input[string, string]("left"), d.Input[string, string]("right")
	left.Send("", "l20", 20)
	d.Advance(49 * time.Millisecond)
	if len(*seen) != 0 {
		t.Errorf("the task did not wait: %q", *seen)
	}
	right.Send("", "r10", 10)
	d.Advance(49 * time.Millisecond)
	if got := fmt.Sprint(*seen); got != "[r10]" {
		t.Errorf("with both inputs: %s", got)
	}
	d.Advance(time.Millisecond)
	if got := fmt.Sprint(*seen); got != "[r10 l20]" {
		t.Errorf("after the wait: %s", got)
	}
}

func TestACacheHoldsUpdatesBackUntilTheCommit(t *testing.T) {
	d := topologytest.New(t, wordcount(), topologytest.CommitInterval(time.Second), topologytest.CacheBytes(1<<20))
	in := d.Input[string, string]("text-lines")
	in.Send("", "a b a", 1)
	in.Send("", "a", 2)
	out := d.Output[string, int64]("word-counts")
	d.Advance(999 * time.Millisecond)
	if out.Len() != 0 {
		t.Errorf("before the commit: %v", out.All())
	}
	if n, ok := d.KeyValue[string, int64]("counts").Get("a"); n != 3 || !ok {
		t.Errorf("the store has %d, %v", n, ok)
	}
	d.Advance(time.Millisecond)
	if got := fmt.Sprint(out.All()); got != "[a=3@2 b=1@1]" {
		t.Errorf("after the commit: %s", got)
	}
	if n := d.Output[string, int64]("wordcount-counts-changelog").Len(); n != 2 {
		t.Errorf("the changelog has %d records, want 2", n)
	}
}

// A processor that asks for a commit gets one, whatever the interval is.
func TestAProcessorAsksForACommit(t *testing.T) {
	b := topology.New("app")
	b.Stream[string, string]("in").Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		return processors.Func[string, string](func(r record.Record[string, string]) error {
			if r.Value == "commit" {
				c.RequestCommit()
			}
			return c.Forward(r)
		}), nil
	}).To("out")
	d := topologytest.New(t, b, topologytest.CommitInterval(time.Hour), topologytest.ExactlyOnce())
	in, out := d.Input[string, string]("in"), d.Output[string, string]("out")
	in.Send("", "a", 0)
	if out.Len() != 0 {
		t.Errorf("before: %v", out.All())
	}
	in.Send("", "commit", 0)
	if out.Len() != 2 {
		t.Errorf("after: %v", out.All())
	}
}

func TestTheWallClockMovesWithAdvanceOnly(t *testing.T) {
	start := time.Date(2026, 5, 17, 12, 0, 0, 0, time.UTC)
	b := topology.New("app")
	b.Stream[string, string]("in").Process(func(c *processors.Context[string, string]) (processors.Processor[string, string], error) {
		_, err := c.Schedule(time.Second, processors.WallClockTime, func(at int64) error {
			return c.Forward(record.Record[string, string]{Key: "tick", Timestamp: at})
		})
		return processors.Func[string, string](c.Forward), err
	}).To("out")
	d := topologytest.New(t, b, topologytest.StartAt(start))
	d.Input[string, string]("in").Send("k", "v", start.Add(time.Hour))
	for range 3 {
		d.Advance(700 * time.Millisecond)
	}
	if got := d.Now(); !got.Equal(start.Add(2100 * time.Millisecond)) {
		t.Errorf("the clock stands at %v", got)
	}
	var at []time.Duration
	for _, r := range d.Output[string, string]("out").All()[1:] {
		at = append(at, r.Time().Sub(start))
	}
	if fmt.Sprint(at) != "[1.4s 2.1s]" {
		t.Errorf("ticks at %v", at)
	}
}
