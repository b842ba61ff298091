package runtime

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemill/tidemill/state"
)

// pinned counts what the stores of all tasks hold until the next checkpoint. Lanes
// share it.
type pinned struct {
	bytes atomic.Int64
	// limit is where a checkpoint is due whatever the time.
	limit int64
}

// leastPinned keeps checkpoints worth their while where caching is turned off.
const leastPinned = 4 << 20

func newPinned(cacheBytes int) *pinned { return &pinned{limit: max(int64(cacheBytes), leastPinned)} }

// note takes a task's share into account. Only who may touch the task calls it.
func (p *pinned) note(h *hosted) {
	n := int64(h.task.Pinned())
	if n != h.pinned {
		p.bytes.Add(n - h.pinned)
		h.pinned = n
	}
}

// forget takes a task's share out.
func (p *pinned) forget(h *hosted) {
	p.bytes.Add(-h.pinned)
	h.pinned = 0
}

func (p *pinned) full() bool { return p.bytes.Load() > p.limit }

// checkpointed is a batch on its way to the backend.
type checkpointed struct {
	of    *hosted
	batch state.Batch
}

// checkpointDue begins a checkpoint of every task whose last one is long ago, or of
// all if they hold much together. It is called right after a commit, with the lanes
// standing: then all that the tasks hold is committed, and the changelogs stand
// where they say. Only the making of the batches holds the lanes up, not their
// writing.
func (w *Worker) checkpointDue() {
	for _, h := range w.hosted {
		w.pinned.note(h)
	}
	full := w.pinned.full()
	var taken []checkpointed
	for _, h := range w.hosted {
		if h.checkpointing || !w.worthwhile(h, full) {
			continue
		}
		batch, err := w.takeCheckpoint(h)
		if err != nil {
			w.fail(err)
			break
		}
		h.checkpointing = true
		taken = append(taken, checkpointed{h, batch})
	}
	if len(taken) > 0 {
		w.running.Add(1)
		go w.writeCheckpoint(taken)
	}
}

// worthwhile says whether a task has something for a checkpoint, and waited long enough. A
// task that holds nothing has its position written from time to time, so that it does not
// grow old.
func (w *Worker) worthwhile(h *hosted, full bool) bool {
	since := time.Since(h.checkpointed)
	if h.pinned == 0 {
		return len(h.changelogs) > 0 && since > noteEvery
	}
	return full || since >= w.config.CheckpointInterval
}

// writeCheckpoint writes the batches of several tasks to disk at once.
func (w *Worker) writeCheckpoint(taken []checkpointed) {
	defer w.running.Done()
	var err error
	for _, one := range taken {
		if err != nil {
			one.batch.Discard()
		} else if err = one.batch.Commit(); err != nil {
			err = fmt.Errorf("checkpoint task %s: %w", one.of.id, err)
		}
	}
	if err == nil {
		err = w.dir.backend.Flush()
	}
	w.post(func() { w.checkpointDone(taken, err) })
}

func (w *Worker) takeCheckpoint(h *hosted) (state.Batch, error) {
	batch := w.dir.backend.NewBatch()
	if err := h.task.Checkpoint(batch, h.positions()); err != nil {
		batch.Discard()
		return nil, fmt.Errorf("checkpoint task %s: %w", h.id, err)
	}
	h.checkpointed = time.Now()
	w.pinned.note(h)
	return batch, nil
}

// checkpointDone tells the tasks, each on its lane, that what they held is in the
// backend.
func (w *Worker) checkpointDone(taken []checkpointed, err error) {
	for _, one := range taken {
		one.of.checkpointing = false
	}
	if err != nil {
		w.fail(err)
		return
	}
	var told sync.WaitGroup
	for _, l := range w.lanes {
		told.Add(1)
		l.control <- func() {
			defer told.Done()
			for _, one := range taken {
				if one.of.lane == l && w.hosted[one.of.id] == one.of {
					one.of.task.Checkpointed()
				}
			}
		}
	}
	told.Wait()
}

// checkpointNow writes the last checkpoint of tasks that are given away, so that
// they need little restoring if they come back.
func (w *Worker) checkpointNow(tasks []*hosted) error {
	for _, h := range tasks {
		if w.pinned.note(h); !w.worthwhile(h, true) {
			continue
		}
		batch, err := w.takeCheckpoint(h)
		if err == nil {
			err = batch.Commit()
		}
		if err != nil {
			return fmt.Errorf("checkpoint task %s: %w", h.id, err)
		}
	}
	return nil
}
