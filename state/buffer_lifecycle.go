package state

import (
	"fmt"

	"github.com/tidemill/tidemill/record"
)

// Lifecycle is the store as its task drives it.
func (b *Buffer[K, V]) Lifecycle() Lifecycle { return b }

// OnFlush sets what a flush does before it logs: it calls next until that reports
// false, and each time forward, as a unit of work of its own.
func (b *Buffer[K, V]) OnFlush(next func() (bool, error), forward func() error) {
	b.next, b.forward = next, forward
}

// Mark implements Lifecycle.
func (b *Buffer[K, V]) Mark() {
	b.rows.Mark()
	if b.times != nil {
		b.times.Mark()
	}
	b.marked = b.tally
}

// Rollback implements Lifecycle.
func (b *Buffer[K, V]) Rollback() {
	if len(b.rows.journal) > 0 {
		b.head.reset()
	}
	b.rows.Rollback()
	if b.times != nil {
		b.times.Rollback()
	}
	b.tally = b.marked
}

// changelogVersion marks a value in the changelog as being in the third format of
// Kafka Streams.
var changelogVersion = record.Headers{{Key: versionHeader, Value: []byte{3}}}

const versionHeader = "v"

// FlushLog implements Lifecycle.
func (b *Buffer[K, V]) FlushLog() (bool, error) {
	if b.forwarding = b.next != nil; b.forwarding {
		if more, err := b.next(); more || err != nil {
			return more, err
		}
		b.forwarding = false
	}
	if b.times != nil {
		for b.times.unlogged() != nil {
			continue
		}
	}
	e := b.rows.unlogged()
	if e == nil {
		return false, nil
	}
	return true, b.logRow(e)
}

// FlushForward implements Lifecycle.
func (b *Buffer[K, V]) FlushForward() error {
	if !b.forwarding {
		return nil
	}
	return b.forward()
}

func (b *Buffer[K, V]) logRow(e *Entry[K, Held[V]]) error {
	log := b.rows.log
	if log == nil {
		return nil
	}
	buf := b.rows.layout.toChangelog(log.Outbox.Buffer(), e.key)
	split := len(buf)
	if !e.now.present {
		log.add(buf, split, true, b.Clock(), nil)
		return nil
	}
	buf, err := b.held.Append(buf, e.now.value)
	if err != nil {
		return fmt.Errorf("state: store %q: encode value: %w", b.rows.name, err)
	}
	b.rows.resize(e, len(buf)-split)
	log.add(buf, split, false, b.Clock(), changelogVersion)
	return nil
}

// Checkpoint implements Lifecycle.
func (b *Buffer[K, V]) Checkpoint(batch Batch) error {
	b.written = max(b.written, b.latest)
	if b.times != nil {
		if err := b.times.Checkpoint(batch); err != nil {
			return err
		}
	}
	return b.rows.Checkpoint(batch)
}

// Checkpointed implements Lifecycle.
func (b *Buffer[K, V]) Checkpointed() {
	b.rows.Checkpointed()
	if b.times != nil {
		b.times.Checkpointed()
	}
}

// Pinned implements Lifecycle.
func (b *Buffer[K, V]) Pinned() int {
	if b.times == nil {
		return b.rows.Pinned()
	}
	return b.rows.Pinned() + b.times.Pinned()
}

// Capacity implements Lifecycle.
func (b *Buffer[K, V]) Capacity(bytes int) {
	if b.times != nil {
		b.times.Capacity(bytes / 4)
		bytes -= bytes / 4
	}
	b.rows.Capacity(bytes)
}

// Space implements Lifecycle.
func (b *Buffer[K, V]) Space() Space { return b.rows.Space() }

// Row implements Lifecycle: there is no such row, see Replay.
func (b *Buffer[K, V]) Row(_, _ []byte, _ int64) (k, v []byte, err error) {
	return nil, nil, fmt.Errorf("state: store %q: the changelog of a buffer has to be replayed", b.rows.name)
}
