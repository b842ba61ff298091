package cep_test

import (
	"testing"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// bareTask is a task without a driver around it, whose outputs are dropped.
type bareTask struct {
	*task.Task
	backend state.Backend
	taken   []*record.Batch
	free    []*record.Batch
}

func newTask(tb testing.TB, builder *topology.Builder, backend state.Backend) *bareTask {
	tb.Helper()
	t, err := openTask(tb, builder, backend)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// openTask opens the only task of a topology on what a backend holds.
func openTask(tb testing.TB, builder *topology.Builder, backend state.Backend) (*bareTask, error) {
	plan, err := builder.Build()
	if err != nil {
		return nil, err
	}
	t := &bareTask{backend: backend}
	directory, err := state.OpenDirectory(t.backend)
	if err != nil {
		return nil, err
	}
	t.Task, err = task.New(task.ID{}, plan.Subtopologies[0], task.Config{
		Application: "bench", CacheBytes: 16 << 20, Space: directory.Space,
		Partitions: func(string) (int32, error) { return 1, nil },
		MaxBytes:   func(string) int { return 1 << 20 },
		NewBatch:   t.newBatch,
	})
	if err != nil {
		return nil, err
	}
	return t, t.Start(tb.Context(), []task.Input{{Topic: "in", Committed: -1, End: -1, Time: -1}}, 0)
}

// process gives records to the task.
func (t *bareTask) process(tb testing.TB, raws ...record.Raw) {
	tb.Helper()
	last := raws[len(raws)-1].Offset
	t.Enqueue(0, raws, last+1, last+1)
	if n, err := t.Process(len(raws), 0); err != nil || n != len(raws) {
		tb.Fatal(n, err)
	}
}

func (t *bareTask) commit(tb testing.TB) {
	tb.Helper()
	if err := t.Flush(t.drop); err != nil {
		tb.Fatal(err)
	}
	t.Committed()
	batch := t.backend.NewBatch()
	if err := t.Checkpoint(batch, make([]state.Position, len(t.Task.Stores()))); err != nil {
		tb.Fatal(err)
	}
	if err := batch.Commit(); err != nil {
		tb.Fatal(err)
	}
	t.Checkpointed()
}

// drop forgets what the task has written.
func (t *bareTask) drop() {
	t.taken = t.Take(t.taken[:0])
	for _, batch := range t.taken {
		batch.Reset()
		t.free = append(t.free, batch)
	}
}

func (t *bareTask) newBatch() *record.Batch {
	last := len(t.free) - 1
	if last < 0 {
		return record.NewBatch()
	}
	batch := t.free[last]
	t.free = t.free[:last]
	return batch
}
