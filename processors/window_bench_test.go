package processors_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/pebble"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/window"
)

// BenchmarkWindowedCounts counts records of 10,000 keys in turn, each key once in
// 100 ms of event time, with a commit every 10,000 records and a checkpoint every
// 100,000.
func BenchmarkWindowedCounts(b *testing.B) {
	type grouped = topology.Grouped[string, string]
	for _, c := range []struct {
		name  string
		count func(g *grouped) *topology.WindowedTable[string, int64]
	}{
		{"tumbling", func(g *grouped) *topology.WindowedTable[string, int64] {
			return g.WindowedBy(window.Tumbling(time.Second)).Count()
		}},
		{"sessions that go on", func(g *grouped) *topology.WindowedTable[string, int64] {
			return g.WindowedBySession(window.Session(time.Second)).Count()
		}},
		{"sessions of one record", func(g *grouped) *topology.WindowedTable[string, int64] {
			return g.WindowedBySession(window.Session(50 * time.Millisecond)).Count()
		}},
		{"sessions of one record, final", func(g *grouped) *topology.WindowedTable[string, int64] {
			return g.WindowedBySession(window.Session(50 * time.Millisecond)).EmitFinal().Count()
		}},
		{"sliding over 2 records", func(g *grouped) *topology.WindowedTable[string, int64] {
			return g.WindowedBy(window.Sliding(150 * time.Millisecond)).Count()
		}},
		{"sliding over 2 records, final", func(g *grouped) *topology.WindowedTable[string, int64] {
			return g.WindowedBy(window.Sliding(150 * time.Millisecond)).EmitFinal().Count()
		}},
		{"sliding over 20 records", func(g *grouped) *topology.WindowedTable[string, int64] {
			return g.WindowedBy(window.Sliding(2 * time.Second)).Count()
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			builder := topology.New("bench")
			c.count(builder.Stream[string, string]("in").GroupByKey()).ToStream().To("out")
			runCounts(b, builder)
		})
	}
}

const benchKeys = 10_000

func runCounts(b *testing.B, builder *topology.Builder) {
	t := newBenchTask(b, builder)
	keys := make([][]byte, benchKeys)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%08d", i*7919%benchKeys)
	}
	raws := make([]record.Raw, 1000)
	b.ReportAllocs()
	n, total := 0, int64(b.N)
	b.ResetTimer()
	for at := int64(0); at < total; {
		size := min(int64(len(raws)), total-at)
		for i := range raws[:size] {
			raws[i] = record.Raw{Key: keys[at%benchKeys], Value: []byte("v"), Timestamp: at / (benchKeys / 100), Offset: at}
			at++
		}
		t.Enqueue(0, raws[:size], at, at)
		taken, err := t.Process(int(size), 0)
		if err != nil {
			b.Fatal(err)
		}
		n += taken
		if at%benchKeys == 0 {
			t.commit(b, at%(10*benchKeys) == 0)
		}
		t.drop()
	}
	if int64(n) != total {
		b.Fatalf("%d records of %d were processed", n, total)
	}
}

// benchTask is a task over a store on disk whose outputs are dropped.
type benchTask struct {
	*task.Task
	backend state.Backend
	taken   []*record.Batch
	free    []*record.Batch
}

func newBenchTask(b *testing.B, builder *topology.Builder) *benchTask {
	b.Helper()
	plan, err := builder.Build()
	if err != nil {
		b.Fatal(err)
	}
	t := &benchTask{}
	if t.backend, err = pebble.Open(b.TempDir()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = t.backend.Close() })
	directory, err := state.OpenDirectory(t.backend)
	if err != nil {
		b.Fatal(err)
	}
	t.Task, err = task.New(task.ID{}, plan.Subtopologies[0], task.Config{
		Application: "bench", CacheBytes: 64 << 20, Space: directory.Space,
		Partitions: func(string) (int32, error) { return 1, nil },
		MaxBytes:   func(string) int { return 1 << 20 },
		NewBatch:   t.newBatch,
	})
	if err == nil {
		err = t.Start(b.Context(), []task.Input{{Topic: "in", Committed: -1, End: -1, Time: -1}}, 0)
	}
	if err != nil {
		b.Fatal(err)
	}
	return t
}

func (t *benchTask) commit(b *testing.B, checkpoint bool) {
	b.Helper()
	if err := t.Flush(t.drop); err != nil {
		b.Fatal(err)
	}
	t.Committed()
	if !checkpoint {
		return
	}
	batch := t.backend.NewBatch()
	if err := t.Checkpoint(batch, make([]state.Position, len(t.Task.Stores()))); err != nil {
		b.Fatal(err)
	}
	if err := batch.Commit(); err != nil {
		b.Fatal(err)
	}
	t.Checkpointed()
}

// drop forgets what the task has written.
func (t *benchTask) drop() {
	t.taken = t.Take(t.taken[:0])
	for _, batch := range t.taken {
		batch.Reset()
		t.free = append(t.free, batch)
	}
}

func (t *benchTask) newBatch() *record.Batch {
	last := len(t.free) - 1
	if last < 0 {
		return record.NewBatch()
	}
	batch := t.free[last]
	t.free = t.free[:last]
	return batch
}
