package state

import (
	"fmt"

	"github.com/tidemill/tidemill/record"
)

// Mark implements Lifecycle.
func (b *rowBuffer) Mark() {
	b.rows.core.Mark()
	if b.times != nil {
		b.times.core.Mark()
	}
	b.marked = b.tally
}

// Rollback implements Lifecycle.
func (b *rowBuffer) Rollback() {
	if len(b.rows.core.journal) > 0 {
		b.head.reset()
	}
	b.rows.core.Rollback()
	if b.times != nil {
		b.times.core.Rollback()
	}
	b.tally = b.marked
}

// changelogVersion marks a value in the changelog as being in the third format of
// Kafka Streams.
var changelogVersion = record.Headers{{Key: versionHeader, Value: []byte{3}}}

const versionHeader = "v"

// FlushLog implements Lifecycle.
func (b *rowBuffer) FlushLog() (bool, error) {
	if b.forwarding = b.next != nil; b.forwarding {
		if more, err := b.next(); more || err != nil {
			return more, err
		}
		b.forwarding = false
	}
	if b.times != nil {
		for b.times.core.unlogged() != nil {
			continue
		}
	}
	c := b.rows.core.unlogged()
	if c == nil {
		return false, nil
	}
	b.logRow(entryOf[placing, heldRow](c))
	return true, nil
}

// FlushForward implements Lifecycle.
func (b *rowBuffer) FlushForward() error {
	if !b.forwarding {
		return nil
	}
	return b.forward()
}

func (b *rowBuffer) logRow(e *Entry[placing, heldRow]) {
	log := b.rows.core.log
	if log == nil {
		return
	}
	buf := b.rows.layout.toChangelog(log.Outbox.Buffer(), e.key)
	split := len(buf)
	if !e.present {
		log.add(buf, split, true, b.clock(), nil)
		return
	}
	buf, _ = b.held.Append(buf, e.value)
	b.rows.core.resize(&e.cell, len(buf)-split)
	log.add(buf, split, false, b.clock(), changelogVersion)
}

// Checkpoint implements Lifecycle.
func (b *rowBuffer) Checkpoint(batch Batch) error {
	b.written = max(b.written, b.latest)
	if b.times != nil {
		if err := b.times.core.Checkpoint(batch); err != nil {
			return err
		}
	}
	return b.rows.core.Checkpoint(batch)
}

// Checkpointed implements Lifecycle.
func (b *rowBuffer) Checkpointed() {
	b.rows.core.Checkpointed()
	if b.times != nil {
		b.times.core.Checkpointed()
	}
}

// Pinned implements Lifecycle.
func (b *rowBuffer) Pinned() int {
	if b.times == nil {
		return b.rows.core.Pinned()
	}
	return b.rows.core.Pinned() + b.times.core.Pinned()
}

// Capacity implements Lifecycle.
func (b *rowBuffer) Capacity(bytes int) {
	if b.times != nil {
		b.times.core.Capacity(bytes / 4)
		bytes -= bytes / 4
	}
	b.rows.core.Capacity(bytes)
}

// Space implements Lifecycle.
func (b *rowBuffer) Space() Space { return b.rows.core.Space() }

// Row implements Lifecycle: there is no such row, see Replay.
func (b *rowBuffer) Row(_, _ []byte, _ int64) (k, v []byte, err error) {
	return nil, nil, fmt.Errorf("state: store %q: the changelog of a buffer has to be replayed", b.rows.core.name)
}
