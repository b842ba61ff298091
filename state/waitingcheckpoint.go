package state

import (
	"fmt"
	"slices"
)

// mark begins a record; rollback takes back every change since then.
func (w *Waiting[K, V]) mark() {
	clear(w.journal)
	w.journal, w.journaling = w.journal[:0], true
	w.marks.pending, w.marks.pinned = len(w.pending), w.pinnedBytes
}

func (w *Waiting[K, V]) rollback() {
	for _, u := range slices.Backward(w.journal) {
		w.undo(u)
	}
	clear(w.journal)
	w.journal = w.journal[:0]
	clear(w.pending[w.marks.pending:])
	w.pending, w.pinnedBytes = w.pending[:w.marks.pending], w.marks.pinned
}

func (w *Waiting[K, V]) undo(u undoWaiting[K, V]) {
	e, queued := u.entry, u.entry.queued
	if e.removed != u.before.removed {
		if e.removed {
			w.live++
		} else {
			w.live--
		}
	}
	*e = u.before
	e.queued = queued
	if !e.removed {
		w.queue.push(e)
	}
	if u.created {
		delete(w.entries, e.key)
		w.bytes -= e.size
	}
}

// checkpoint adds what has changed since the last one to a batch.
func (w *Waiting[K, V]) checkpoint(b Batch) error {
	for _, e := range w.pending {
		w.scratch = append(append(w.scratch[:0], w.space.prefix[:]...), e.key...)
		switch {
		case !e.removed:
			var err error
			if w.row, err = w.appendList(w.row[:0], e); err != nil {
				return fmt.Errorf("state: store %q: encode value: %w", w.name, err)
			}
			b.Set(w.scratch, w.row)
		case e.stored:
			b.Delete(w.scratch)
		}
		e.stored = !e.removed
	}
	w.pending, w.inflight = w.inflight[:0], w.pending
	w.pinnedBytes = 0
	w.epoch++
	return nil
}

func (w *Waiting[K, V]) checkpointed() {
	w.applied = w.epoch - 1
	for _, e := range w.inflight {
		if e.removed && e.epoch <= w.applied {
			delete(w.entries, e.key)
			w.bytes -= e.size
		}
	}
	clear(w.inflight)
	w.inflight = w.inflight[:0]
	if w.bytes > w.capacity {
		w.evict()
	}
}
