package state

import (
	"fmt"

	"github.com/tidemill/tidemill/record"
)

// take makes the unflushed write at a place of the list the one to forward.
func (o *overlay) take(i int) *cell {
	o.typed.take(i)
	o.written = o.dirty[i]
	o.dirty[i] = unflushed{}
	o.written.cell.dirty = 0
	return o.written.cell
}

// settle makes the write made last the one to forward.
func (o *overlay) settle() {
	o.take(len(o.dirty) - 1)
	o.dirty = o.dirty[:len(o.dirty)-1]
}

// through logs and forwards the write made last at once.
func (o *overlay) through() error {
	o.settle()
	if err := o.logCell(o.written.cell); err != nil {
		return err
	}
	return o.typed.forward()
}

func (o *overlay) logCell(c *cell) error {
	if o.log == nil {
		return nil
	}
	buf := o.keys.toChangelog(o.log.Outbox.Buffer(), c.key)
	split := len(buf)
	var headers record.Headers
	if o.log.Headers {
		headers = o.written.headers
	}
	if c.present {
		var err error
		if buf, err = o.typed.appendValue(buf, c); err != nil {
			return unencodable(o.name, err)
		}
	}
	o.resize(c, len(buf)-split)
	o.log.add(buf, split, !c.present, c.ts, headers)
	return nil
}

func unencodable(store string, err error) error {
	return fmt.Errorf("state: store %q: encode value: %w", store, err)
}

// FlushLog logs the next unflushed write. A key that was created and deleted
// again since the last flush has no effect outside and is passed over.
func (o *overlay) FlushLog() (bool, error) {
	c := o.unlogged()
	if c == nil {
		return false, nil
	}
	return true, o.logCell(c)
}

// unlogged takes the next unflushed write that has an effect; nil is none.
func (o *overlay) unlogged() *cell {
	for o.flushed < len(o.dirty) {
		c := o.take(o.flushed)
		o.flushed++
		if o.written.present || c.present {
			return c
		}
	}
	o.dirty, o.flushed = o.dirty[:0], 0
	return nil
}

// FlushForward forwards the write that FlushLog logged.
func (o *overlay) FlushForward() error { return o.typed.forward() }

// Pinned implements Lifecycle.
func (o *overlay) Pinned() int { return o.pinnedBytes }

// Capacity implements Lifecycle.
func (o *overlay) Capacity(bytes int) { o.capacity = bytes }

// Space implements Lifecycle.
func (o *overlay) Space() Space { return o.space }

// Checkpoint implements Lifecycle.
func (o *overlay) Checkpoint(b Batch) error {
	if o.checkpointing != nil {
		o.checkpointing()
	}
	var bound []byte
	if o.expired != nil {
		bound = o.expired()
	}
	if bound != nil {
		b.DeleteRange(o.space.prefix[:], append(o.space.prefix[:spacePrefix:spacePrefix], bound...))
	}
	for _, c := range o.pending {
		if c.key < string(bound) || !c.stored && o.spent != nil && o.spent(c.key) {
			continue
		}
		if err := o.checkpoint(b, c); err != nil {
			return err
		}
	}
	o.inflight, o.pending = o.pending, o.inflight[:0]
	o.indexed, o.index = 0, nil
	o.pinnedBytes = 0
	o.epoch++
	return nil
}

// checkpoint adds one cell to a batch.
func (o *overlay) checkpoint(b Batch, c *cell) error {
	key := append(o.scratch[:spacePrefix], c.key...)
	o.scratch = key
	if !c.present {
		if c.stored {
			b.Delete(key)
		}
		return nil
	}
	c.stored = true
	row, err := o.typed.appendValue(appendTimestamp(o.row[:0], c.ts), c)
	if err != nil {
		return unencodable(o.name, err)
	}
	o.row = row
	b.Set(key, row)
	o.sized(c, len(row))
	return nil
}

// Checkpointed implements Lifecycle.
func (o *overlay) Checkpointed() {
	o.applied = o.epoch - 1
	for _, c := range o.inflight {
		if !o.pinned(c) {
			o.release(c)
		}
	}
	o.makeRoom(0)
	clear(o.inflight)
	o.inflight = o.inflight[:0]
	o.index, o.indexed = nil, 0
}

// Checkpointing are the keys, as in the backend, that the checkpoint under way
// writes.
func (o *overlay) Checkpointing(yield func(key string) bool) {
	for _, c := range o.inflight {
		if !yield(c.key) {
			return
		}
	}
}

// Row implements Lifecycle.
func (o *overlay) Row(key, value []byte, ts int64) (k, v []byte, err error) {
	k, err = o.keys.fromChangelog(append(o.scratch[:0], o.space.prefix[:]...), key)
	if err != nil {
		return nil, nil, fmt.Errorf("state: store %q: %w", o.name, err)
	}
	o.scratch = k
	if value == nil {
		return k, nil, nil
	}
	v = appendTimestamp(o.row[:0], ts)
	o.row = append(v, value...)
	return k, o.row, nil
}
