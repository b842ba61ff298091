package cep_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/topology"
)

const benchKeys = 10_000

// BenchmarkThreeStages looks for a, b and c among the events of 10,000 keys in turn, each
// of which has one event a second, from the fetched bytes to the encoded match and the
// changelog, with a commit every 10,000 records.
func BenchmarkThreeStages(b *testing.B) {
	p := begin("a").FollowedBy("b").Where(is("b")).FollowedBy("c").Where(is("c")).Within(time.Minute).SkipPastLastEvent()
	for _, c := range []struct {
		name, events string
		options      []cep.Option
	}{
		{"a match in 6 events", "axbxcx", nil},
		{"a match in 6 events, sorted", "axbxcx", []cep.Option{cep.Grace(2 * time.Second)}},
		{"a match in 30 events", "axxxxxxxxxxxxbxxxxxxxxxxxxxxcx", nil},
		{"nothing to be found", "xxxxxx", nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			builder := topology.New("bench")
			cep.Detect(builder.Stream[string, string]("in"), p, c.options...).MapValues(line).To("out")
			runBench(b, builder, c.events)
		})
	}
}

func runBench(b *testing.B, builder *topology.Builder, events string) {
	t := newBenchTask(b, builder)
	keys, values := make([][]byte, benchKeys), make([][]byte, len(events))
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key-%08d", i*7919%benchKeys)
	}
	for i := range values {
		values[i] = fmt.Appendf(nil, "%c-%0100d", events[i], i)
	}
	raws := make([]record.Raw, 1000)
	b.ReportAllocs()
	for at := int64(0); b.Loop(); at++ {
		i := at % int64(len(raws))
		round := at / benchKeys
		raws[i] = record.Raw{Key: keys[at%benchKeys], Value: values[round%int64(len(values))], Timestamp: at / (benchKeys / 1000), Offset: at}
		if i < int64(len(raws))-1 {
			continue
		}
		t.Enqueue(0, raws, at+1, at+1)
		if n, err := t.Process(len(raws), 0); err != nil || n != len(raws) {
			b.Fatal(n, err)
		}
		if (at+1)%benchKeys == 0 {
			t.commit(b)
		}
		t.drop()
	}
}

// benchTask is a task whose outputs are dropped.
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
	t := &benchTask{backend: memory.New()}
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

func (t *benchTask) commit(b *testing.B) {
	b.Helper()
	if err := t.Flush(t.drop); err != nil {
		b.Fatal(err)
	}
	t.Committed()
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
