package pebble

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/tidemill/tidemill/state"
)

// Backend is a state.Backend on disk. Its scans see the state as it was when
// they began.
type Backend struct {
	db           *pebble.DB
	lock         *pebble.Lock
	gate         *gate
	health       *health
	maxBatchSize int
}

var _ state.Backend = (*Backend)(nil)

// lookup makes Get consult the Bloom filters of the last level too, where most
// keys are. Pebble's own Get does not, and so reads a block for nearly every key
// that is missing, which took three times as long when the state was larger than
// the cache. Keys that are there take up to a quarter longer this way.
var lookup = pebble.IterOptions{UseL6Filters: true}

// Get implements state.Backend.
func (b *Backend) Get(dst, key []byte) (value []byte, ok bool, err error) {
	if !b.gate.enter() {
		return dst, false, state.ErrClosed
	}
	defer b.gate.leave()
	iter, err := b.db.NewIter(&lookup)
	if err != nil {
		return dst, false, readError("get", err)
	}
	value = dst
	// The prefix of a key is the whole key, so no other is found, except that
	// an empty prefix finds any key.
	if len(key) > 0 && iter.SeekPrefixGE(key) {
		var found []byte
		if found, err = iter.ValueAndErr(); err == nil {
			value, ok = append(dst, found...), true
		}
	}
	if closeErr := iter.Close(); err == nil {
		err = closeErr // which reports a failed search too
	}
	if err != nil {
		return dst, false, readError("get", err)
	}
	return value, ok, nil
}

// Scan must not be left open for long: until it ends, no disk space that it may
// still read is freed.
func (b *Backend) Scan(from, to []byte, reverse bool, yield func(key, value []byte) bool) (err error) {
	if !b.gate.enter() {
		return state.ErrClosed
	}
	defer b.gate.leave()
	if to != nil && bytes.Compare(from, to) >= 0 {
		return nil
	}
	if len(from) == 0 {
		from = nil // Pebble takes an empty bound for one that it can seek
	}
	iter, err := b.db.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return readError("scan", err)
	}
	defer func() {
		if closeErr := iter.Close(); err == nil && closeErr != nil {
			err = readError("scan", closeErr)
		}
	}()
	first, next := iter.First, iter.Next
	if reverse {
		first, next = iter.Last, iter.Prev
	}
	for ok := first(); ok; ok = next() {
		value, err := iter.ValueAndErr()
		if err != nil {
			return readError("scan", err)
		}
		if !yield(iter.Key(), value) {
			return nil
		}
	}
	return nil
}

// NewBatch implements state.Backend.
func (b *Backend) NewBatch() state.Batch { return &batch{backend: b, pending: b.db.NewBatch()} }

// Flush writes what is buffered to disk and syncs it. If it fails, on a full disk
// for one, the data is kept and written in the background once that is possible.
func (b *Backend) Flush() error {
	if !b.gate.enter() {
		return state.ErrClosed
	}
	defer b.gate.leave()
	return b.flush()
}

func (b *Backend) flush() error {
	if err := b.health.failure(); err != nil {
		return writeError("flush", err)
	}
	done, err := b.db.AsyncFlush()
	if err == nil {
		err = b.health.wait(done)
	}
	if err != nil {
		return writeError("flush", err)
	}
	return nil
}

// Close implements state.Backend.
func (b *Backend) Close() error {
	if !b.gate.close() {
		return state.ErrClosed
	}
	err := b.flush() // Pebble's Close does not: it counts on its log
	if closeErr := b.db.Close(); closeErr != nil {
		err = errors.Join(err, fmt.Errorf("state/pebble: close: %w", closeErr))
	}
	return errors.Join(err, b.lock.Close())
}

func readError(call string, err error) error {
	if pebble.IsCorruptionError(err) {
		return fmt.Errorf("state/pebble: %s: %w (%w)", call, ErrUnreadable, err)
	}
	return fmt.Errorf("state/pebble: %s: %w", call, err)
}

func writeError(call string, err error) error {
	return fmt.Errorf("state/pebble: %s: the state cannot be written to disk: %w", call, err)
}
