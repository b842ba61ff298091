package runtime

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/state"
)

// checkpointDue begins a checkpoint of every task whose last one is long ago or
// that holds much. It is called right after a commit, with the lanes standing:
// then all that the tasks hold is committed, and the changelogs stand where they
// say. Only the making of the batches holds the lanes up, not their writing.
func (w *Worker) checkpointDue() {
	for _, h := range w.hosted {
		pinned := h.task.Pinned()
		if h.checkpointing || pinned == 0 {
			continue
		}
		if time.Since(h.checkpointed) < w.config.CheckpointInterval && pinned < w.config.CacheBytes/2 {
			continue
		}
		w.checkpoint(h)
	}
}

func (w *Worker) checkpoint(h *hosted) {
	batch, err := w.takeCheckpoint(h)
	if err != nil {
		w.fail(err)
		return
	}
	h.checkpointing = true
	w.running.Add(1)
	go func() {
		defer w.running.Done()
		err := batch.Commit()
		if err == nil {
			err = w.dir.backend.Flush()
		}
		w.post(func() { w.checkpointDone(h, err) })
	}()
}

func (w *Worker) takeCheckpoint(h *hosted) (state.Batch, error) {
	batch := w.dir.backend.NewBatch()
	if err := h.task.Checkpoint(batch, h.positions()); err != nil {
		batch.Discard()
		return nil, fmt.Errorf("checkpoint task %s: %w", h.id, err)
	}
	h.checkpointed = time.Now()
	return batch, nil
}

// checkpointDone tells the task, on its lane, that what it held is in the backend.
func (w *Worker) checkpointDone(h *hosted, err error) {
	h.checkpointing = false
	if err != nil {
		w.fail(fmt.Errorf("checkpoint task %s: %w", h.id, err))
		return
	}
	if w.hosted[h.id] != h {
		return
	}
	done := make(chan struct{})
	h.lane.control <- func() {
		h.task.Checkpointed()
		close(done)
	}
	<-done
}

// checkpointNow writes the last checkpoint of tasks that are given away, so that
// they need little restoring if they come back.
func (w *Worker) checkpointNow(tasks []*hosted) error {
	for _, h := range tasks {
		if h.task.Pinned() == 0 {
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
