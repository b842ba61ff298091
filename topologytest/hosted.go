package topologytest

import (
	"bytes"
	"context"
	"fmt"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// hosted is a task in a worker.
type hosted struct {
	d      *Driver
	worker *worker
	id     task.ID
	task   *task.Task
	inputs []task.Input
	// delivered is how far each input was given to the task.
	delivered []int64
	// stuck says that the task has records, but waits for something else.
	stuck   bool
	calls   []*task.Call // under way
	batches []*record.Batch
}

// maxBytes is how large a record may be, the broker's own default.
const maxBytes = 1048588

// open makes the task from what is committed, in the order in which a worker does.
func (h *hosted) open() error {
	d := h.d
	var err error
	h.calls = nil
	h.task, err = task.New(h.id, d.plan.Subtopologies[h.id.Subtopology], task.Config{
		Application: d.plan.Application, Policies: d.config.policies, MaxIdle: d.config.maxIdle.Milliseconds(),
		Partitions: func(name string) (int32, error) { return int32(len(d.topic(name).logs)), nil },
		MaxBytes:   func(string) int { return maxBytes },
		Space:      h.worker.directory.Space, CacheBytes: d.config.cacheBytes, Global: h.worker.readers,
		NewBatch: d.batch, Report: d.report, ExactlyOnce: d.config.exactlyOnce,
	})
	if err != nil {
		return err
	}
	h.locate()
	if err := h.restore(); err != nil {
		return fmt.Errorf("topologytest: restore task %s: %w", h.id, err)
	}
	if err := h.task.Start(context.Background(), h.inputs, d.now); err != nil {
		return err
	}
	for i, in := range h.inputs {
		h.delivered[i] = in.Offset
	}
	return nil
}

// locate finds where each input begins.
func (h *hosted) locate() {
	h.inputs = h.d.inputsOf(h.id)
	h.delivered, h.stuck = h.delivered[:0], false
	sources := h.d.plan.Subtopologies[h.id.Subtopology].Sources
	for i := range h.inputs {
		in := &h.inputs[i]
		in.Committed, in.End, in.Time = -1, h.log(i).end(), -1
		if at, ok := h.d.offsets[partition{in.Topic, in.Partition}]; ok {
			in.Offset, in.Committed, in.Time, in.Progress = at.Offset, at.Offset, at.Time, at.Progress
		} else if sources[in.Source].FromLatest {
			in.Offset = in.End
		}
		h.delivered = append(h.delivered, in.Offset)
	}
}

// log is the partition behind an input.
func (h *hosted) log(input int) *log {
	in := h.inputs[input]
	return h.d.topics[in.Topic].logs[in.Partition]
}

// changelog is the partition that a store is restored from and where that ends: its
// changelog, or the input that it has in place of one, up to what is committed. It is
// nil if there is none.
func (h *hosted) changelog(store int) (l *log, end int64) {
	plan := h.d.plan.Subtopologies[h.id.Subtopology].Stores[store]
	if plan.Changelog != "" {
		l = h.d.topics[plan.Changelog].logs[h.id.Partition]
		return l, l.end()
	}
	for i, in := range h.inputs {
		if in.Topic == plan.Source {
			return h.log(i), h.d.offsets[partition{in.Topic, in.Partition}].Offset
		}
	}
	return nil, 0
}

// changelogs are where the changelogs stand.
func (h *hosted) changelogs() []state.Position {
	positions := make([]state.Position, len(h.task.Stores()))
	for i := range positions {
		if l, end := h.changelog(i); l != nil {
			positions[i] = state.Position{Offset: end, At: h.d.now}
		}
	}
	return positions
}

// restore brings the stores to where their changelogs stand.
func (h *hosted) restore() error {
	for i, store := range h.task.Stores() {
		l, end := h.changelog(i)
		if l == nil {
			continue
		}
		at, _, err := store.Space().Position()
		if err != nil {
			return err
		}
		batch := store.Space().NewBatch()
		err = h.task.Replay(i, batch, func(yield func(record.Raw) bool) {
			for _, e := range l.entries[at.Offset:end] {
				if !e.gone && !yield(e.Raw) {
					return
				}
			}
		})
		if err != nil {
			return err
		}
		store.Space().SetPosition(batch, h.changelogs()[i])
		if err := batch.Commit(); err != nil {
			return err
		}
	}
	return nil
}

// receive gives the task what is new in its inputs.
func (h *hosted) receive() {
	for i := range h.inputs {
		l := h.log(i)
		fresh := l.entries[h.delivered[i]:]
		if len(fresh) == 0 {
			continue
		}
		raws := make([]record.Raw, len(fresh))
		for j := range fresh {
			raws[j] = fresh[j].Raw
		}
		h.task.Enqueue(i, raws, l.end(), l.end())
		h.delivered[i] = l.end()
		h.stuck = false
	}
}

// oldest is the number of the record that has waited longest; ok is false if none
// waits.
func (h *hosted) oldest() (number int64, ok bool) {
	for i := range h.inputs {
		n, _ := h.task.Buffered(i)
		if n == 0 {
			continue
		}
		if at := h.log(i).entries[int(h.delivered[i])-n].number; !ok || at < number {
			number, ok = at, true
		}
	}
	return number, ok
}

// emit takes what the task has written, and uses its memory again.
func (h *hosted) emit() {
	h.batches = h.task.Take(h.batches[:0])
	for _, b := range h.batches {
		for _, out := range b.Outputs {
			out.Key, out.Value, out.PartitionKey = bytes.Clone(out.Key), bytes.Clone(out.Value), bytes.Clone(out.PartitionKey)
			h.worker.write(h, out)
		}
		b.Reset()
	}
	h.d.spare = append(h.d.spare, h.batches...)
	clear(h.batches)
}

// batch supplies a task with an empty batch.
func (d *Driver) batch() *record.Batch {
	if len(d.spare) == 0 {
		return record.NewBatch()
	}
	b := d.spare[len(d.spare)-1]
	d.spare = d.spare[:len(d.spare)-1]
	return b
}

// close ends the task as it is.
func (h *hosted) close() error {
	if h.task == nil {
		return nil
	}
	for reason, n := range h.task.Dropped() {
		h.d.dropped[reason] += n
	}
	if err := h.task.Close(); err != nil {
		return fmt.Errorf("topologytest: close task %s: %w", h.id, err)
	}
	return nil
}
