package topologytest

import (
	"fmt"
	"math/rand/v2"
)

// Point is a kind of moment at which something can go wrong.
type Point uint8

// The points in the life of a worker, in the order in which a record brings them.
const (
	// Written is behind each output of a task, changelog records included.
	Written Point = iota
	// Processed is behind each record that a task has taken.
	Processed
	// Flushed is in a commit, when everything is written and nothing committed.
	Flushed
	// Committed is right behind a commit.
	Committed
	// Checkpointed is right behind a checkpoint, which follows a commit.
	Checkpointed
)

// Moment is a place between two things that a worker does.
type Moment struct {
	Point Point
	// Worker is the number of the worker, and Task the name of the task at work, or
	// empty where all are.
	Worker int
	Task   string
	// Number counts the moments from 0.
	Number int
}

// Fault is what goes wrong.
type Fault uint8

// The faults.
const (
	// Nothing goes wrong.
	Nothing Fault = iota
	// Crash ends the worker without a commit. It comes back at once, with the local
	// state of its last checkpoint. What a transaction that failed leads to is the same.
	Crash
	// Wipe is Crash, and the local state is lost.
	Wipe
	// Move gives the task to the next worker in good order, as a rebalance does. That
	// happens at Processed only; elsewhere it is Nothing.
	Move
	// Compact does what the method of that name does, which harms nothing by itself.
	Compact
)

// Faults has f say what goes wrong at each moment.
func Faults(f func(Moment) Fault) Option {
	return option(func(c *config) { c.faults = f })
}

// chaosOdds is how many moments there are for each that goes wrong.
const chaosOdds = 16

// Chaos has things go wrong at random, at one moment of sixteen. The same seed leads
// to the same faults.
func Chaos(seed uint64) Option {
	random := rand.New(rand.NewPCG(seed, 0))
	return Faults(func(Moment) Fault {
		if random.IntN(chaosOdds) > 0 {
			return Nothing
		}
		return []Fault{Crash, Crash, Wipe, Move, Compact}[random.IntN(5)]
	})
}

// moment asks whether something goes wrong in the worker now. If so, it does nothing
// more that counts, and suffer follows as soon as its tasks stand.
func (w *worker) moment(p Point, h *hosted) {
	if w.d.config.faults == nil || w.dying() {
		return
	}
	m := Moment{Point: p, Worker: w.number, Number: w.d.moments}
	if h != nil {
		m.Task = h.id.String()
	}
	w.d.moments++
	fault := w.d.config.faults(m)
	switch {
	case fault == Compact:
		w.d.Compact()
	case fault == Move && p != Processed:
	default:
		w.fault = fault
	}
}

// patience is how many faults in a row a worker survives.
const patience = 1000

// dying says whether what the worker does has no effect any more.
func (w *worker) dying() bool { return w.fault == Crash || w.fault == Wipe }

// suffer lets happen what went wrong. h is the task at work, if there is one.
func (w *worker) suffer(h *hosted) error {
	fault := w.fault
	w.fault = Nothing
	if fault != Nothing {
		w.suffered++
	}
	if w.suffered > patience {
		return fmt.Errorf("topologytest: %d faults of worker %d without a commit in between: let Faults return Nothing now and then", w.suffered, w.number)
	}
	switch fault {
	case Crash, Wipe:
		return w.restart(fault == Wipe)
	case Move:
		return h.move((w.number + 1) % len(w.d.workers))
	}
	return nil
}

// restart ends the worker as it is and starts it again.
func (w *worker) restart(wipe bool) error {
	w.pending, w.worked, w.asked = nil, false, false
	w.committed, w.checkpointed = w.d.now, w.d.now
	for _, h := range w.tasks {
		if err := h.close(); err != nil {
			return err
		}
	}
	for _, g := range w.globals {
		if err := g.task.Close(); err != nil {
			return err
		}
	}
	if wipe {
		if err := w.wipe(); err != nil {
			return err
		}
	}
	if err := w.openGlobals(); err != nil {
		return err
	}
	for _, h := range w.tasks {
		if err := h.open(); err != nil {
			return err
		}
	}
	return nil
}

// move gives the task to another worker, when its work is committed and its state in
// the old worker's checkpoint.
func (h *hosted) move(to int) error {
	from := h.worker
	if err := from.commit(); err != nil {
		return err
	}
	if err := from.checkpoint(h); err != nil {
		return err
	}
	if err := h.close(); err != nil {
		return err
	}
	from.unhost(h)
	return h.d.workers[to].host(h)
}
