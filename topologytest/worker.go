package topologytest

import (
	"slices"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
)

// worker is what a process would be: some of the tasks, their local state, and one
// transaction at a time.
type worker struct {
	d         *Driver
	number    int
	tasks     []*hosted
	globals   []*global
	readers   map[string]func() any // of the global stores, by name
	backend   state.Backend
	directory *state.Directory
	// pending is written, but not visible before the commit.
	pending []record.Output
	// worked says that there is something to commit, and asked that it has to be as
	// soon as no call is under way.
	worked, asked           bool
	committed, checkpointed int64
	// fault is what goes wrong at this moment.
	fault Fault
	// suffered counts the faults since the last commit.
	suffered int
}

func (d *Driver) addWorker() error {
	w := &worker{d: d, number: len(d.workers), committed: d.now, checkpointed: d.now}
	d.workers = append(d.workers, w)
	if err := w.wipe(); err != nil {
		return err
	}
	return w.openGlobals()
}

// wipe gives the worker empty local state.
func (w *worker) wipe() (err error) {
	w.backend = memory.New()
	w.directory, err = state.OpenDirectory(w.backend)
	return err
}

// openAll starts the workers and divides the tasks among them.
func (d *Driver) openAll() error {
	for range d.config.workers {
		if err := d.addWorker(); err != nil {
			return err
		}
	}
	for sub, n := range d.layout.Tasks {
		for p := range n {
			h := &hosted{d: d, id: task.ID{Subtopology: sub, Partition: p}}
			w := d.workers[len(d.tasks)%len(d.workers)]
			d.tasks = append(d.tasks, h)
			if err := w.host(h); err != nil {
				return err
			}
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

func (w *worker) unhost(h *hosted) {
	w.tasks = slices.DeleteFunc(w.tasks, func(other *hosted) bool { return other == h })
}

// write takes an output of a task.
func (w *worker) write(h *hosted, out record.Output) {
	if w.dying() {
		return
	}
	w.worked = true
	if w.d.config.exactlyOnce {
		w.pending = append(w.pending, out)
	} else {
		w.d.append(out)
	}
	w.moment(Written, h)
}

// commit makes the work of the worker's tasks count, unless something goes wrong. It
// takes several commits if there is too much to flush for one.
func (w *worker) commit() error {
	more := false
	for _, h := range w.tasks {
		if err := h.drain(); err != nil && !w.dying() {
			return err
		}
	}
	for _, h := range w.tasks {
		if err := h.task.Flush(h.emit); err != nil && !w.dying() {
			return err
		}
		more = h.task.CommitRequested() || more
	}
	w.moment(Flushed, nil)
	if w.dying() {
		return w.suffer(nil)
	}
	w.publish()
	w.moment(Committed, nil)
	if w.dying() {
		return w.suffer(nil)
	}
	if err := w.checkpointDue(); err != nil || !more {
		return err
	}
	return w.commit()
}

// checkpointDue makes a checkpoint if it is time to.
func (w *worker) checkpointDue() error {
	if w.d.now-w.checkpointed < w.d.config.checkpoint.Milliseconds() {
		return nil
	}
	if err := w.checkpoint(w.tasks...); err != nil {
		return err
	}
	w.moment(Checkpointed, nil)
	return w.suffer(nil)
}

// publish commits what is written.
func (w *worker) publish() {
	for _, h := range w.tasks {
		for _, p := range h.task.Positions(nil) {
			w.d.offsets[partition{p.Topic, p.Partition}] = p
		}
		h.task.Committed()
	}
	for _, out := range w.pending {
		w.d.append(out)
	}
	w.pending, w.worked, w.asked, w.committed, w.suffered = nil, false, false, w.d.now, 0
}

// checkpoint writes what is committed to local state.
func (w *worker) checkpoint(tasks ...*hosted) error {
	w.checkpointed = w.d.now
	for _, h := range tasks {
		if h.task.Pinned() == 0 {
			continue
		}
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
