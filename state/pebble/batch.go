package pebble

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tidemill/tidemill/state"
)

var (
	errSpent    = errors.New("state/pebble: batch used after Commit or Discard")
	errEmptyKey = errors.New("state/pebble: a key is empty")
)

// batch keeps the first error of a write for Commit.
type batch struct {
	backend *Backend
	pending *pebble.Batch // nil after Commit or Discard
	err     error
}

// lowestKey is the first of all keys.
var lowestKey = []byte{0}

// entryOverhead is the most that Pebble adds to a key and its value in a batch.
const entryOverhead = 1 + 2*5

// fits tells whether a write of n bytes can be added. Pebble panics if a batch
// grows too large.
func (b *batch) fits(n int) bool {
	switch {
	case b.pending == nil:
		b.err = errSpent
	case b.err == nil && b.pending.Len()+n+entryOverhead > b.backend.maxBatchSize:
		b.err = fmt.Errorf("state/pebble: a batch of more than %d bytes: commit more often", b.backend.maxBatchSize)
	}
	return b.err == nil
}

// Set keeps empty keys out of the database: Pebble 2.1.7 cannot write a table
// with no other key and panics when it flushes.
func (b *batch) Set(key, value []byte) {
	switch {
	case len(key) == 0:
		b.err = errEmptyKey
	case b.fits(len(key) + len(value)):
		b.err = b.pending.Set(key, value, nil)
	}
}

func (b *batch) Delete(key []byte) {
	if len(key) > 0 && b.fits(len(key)) {
		b.err = b.pending.Delete(key, nil)
	}
}

func (b *batch) DeleteRange(from, to []byte) {
	if len(from) == 0 {
		from = lowestKey
	}
	if bytes.Compare(from, to) < 0 && b.fits(len(from)+len(to)) {
		b.err = b.pending.DeleteRange(from, to, nil)
	}
}

func (b *batch) Commit() error {
	if b.pending == nil {
		return errSpent
	}
	defer b.Discard()
	if !b.backend.gate.enter() {
		return state.ErrClosed
	}
	defer b.backend.gate.leave()
	if b.err != nil {
		return b.err
	}
	if err := b.backend.health.failure(); err != nil {
		return writeError("commit", err)
	}
	if err := b.pending.Commit(pebble.NoSync); err != nil {
		return writeError("commit", err)
	}
	return nil
}

func (b *batch) Discard() {
	if b.pending == nil {
		return
	}
	_ = b.pending.Close() // returns it to Pebble's pool; it cannot fail
	b.pending = nil
}
