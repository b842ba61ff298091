package topologytest

import (
	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
)

// worker is what a process would be: some of the tasks, their local state, and one
// transaction at a time.
type worker struct {
	d         *Driver
	tasks     []*hosted
	backend   state.Backend
	directory *state.Directory
	// pending is written, but not visible before the commit.
	pending []record.Output
	// worked says that there is something to commit.
	worked                  bool
	committed, checkpointed int64
}

func (d *Driver) newWorker() (*worker, error) {
	w := &worker{d: d, committed: d.now, checkpointed: d.now}
	d.workers = append(d.workers, w)
	return w, w.wipe()
}

// wipe gives the worker empty local state.
func (w *worker) wipe() (err error) {
	w.backend = memory.New()
	w.directory, err = state.OpenDirectory(w.backend)
	return err
}

// openAll makes all tasks.
func (d *Driver) openAll() error {
	w, err := d.newWorker()
	if err != nil {
		return err
	}
	for sub, n := range d.layout.Tasks {
		for p := range n {
			h := &hosted{d: d, id: task.ID{Subtopology: sub, Partition: p}}
			if err := w.host(h); err != nil {
				return err
			}
			d.tasks = append(d.tasks, h)
		}
	}
	return nil
}

// host opens a task in the worker.
func (w *worker) host(h *hosted) error {
	h.worker = w
	w.tasks = append(w.tasks, h)
	return h.open()
}

// write takes an output of a task.
func (w *worker) write(out record.Output) {
	w.worked = true
	if w.d.config.exactlyOnce {
		w.pending = append(w.pending, out)
	} else {
		w.d.append(out)
	}
}

// commit makes the work of the worker's tasks count.
func (w *worker) commit() error {
	w.worked, w.committed = false, w.d.now
	for _, h := range w.tasks {
		if err := h.task.Flush(h.emit); err != nil {
			return err
		}
	}
	for _, h := range w.tasks {
		for _, p := range h.task.Positions(nil) {
			w.d.offsets[partition{p.Topic, p.Partition}] = p
		}
		h.task.Committed()
	}
	for _, out := range w.pending {
		w.d.append(out)
	}
	w.pending, w.worked = nil, false
	if w.d.now-w.checkpointed >= w.d.config.checkpoint.Milliseconds() {
		return w.checkpoint()
	}
	return nil
}

// checkpoint writes what is committed to local state.
func (w *worker) checkpoint() error {
	w.checkpointed = w.d.now
	for _, h := range w.tasks {
		batch := w.backend.NewBatch()
		if err := h.task.Checkpoint(batch, h.changelogs()); err != nil {
			return err
		}
		if err := batch.Commit(); err != nil {
			return err
		}
		h.task.Checkpointed()
	}
	return nil
}
