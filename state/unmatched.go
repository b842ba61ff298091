package state

import (
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// Unmatched is the store of the records of both sides of a left or outer join that
// have found no other so far. The bytes, of its changelog and of the backend, are
// those of Kafka Streams: the key is the timestamp (8), the side (1; 1 is the left
// one) and the encoded key; the value is a list, because records may have the same
// key and time.
type Unmatched[K, L, R any] struct {
	Left  Waiting[K, L]
	Right Waiting[K, R]
	// Clock is the timestamp of changelog records, normally that of the record at
	// hand.
	Clock func() int64
	name  string
	space Space
	row   []byte
}

// The sides as they are in keys and values.
const (
	rightSide byte = 0
	leftSide  byte = 1
)

// NewUnmatched opens a store.
func NewUnmatched[K, L, R any](name string, key serde.Serde[K], left serde.Serde[L], right serde.Serde[R], o Options) *Unmatched[K, L, R] {
	u := &Unmatched[K, L, R]{name: name, space: o.Space, Clock: func() int64 { return 0 }}
	clock := func() int64 { return u.Clock() }
	u.Left = newWaiting(name, leftSide, key, left, o, clock)
	u.Right = newWaiting(name, rightSide, key, right, o, clock)
	return u
}

func newWaiting[K, V any](name string, side byte, key serde.Serde[K], value serde.Serde[V], o Options, clock func() int64) Waiting[K, V] {
	return Waiting[K, V]{
		side: side, name: name, space: o.Space, key: key, value: value, ownKey: owning(key), ownValue: owning(value),
		log: o.Log, clock: clock, entries: map[string]*waiting[K, V]{}, epoch: 1, capacity: o.Capacity / 2,
	}
}

// Name is the name of the store.
func (u *Unmatched[K, L, R]) Name() string { return u.name }

// Due calls left or right for each record that waits with a timestamp before that
// bound of its side, and then has it wait no longer. They come in the order of their
// timestamps; of a time, those of the right come first; then the encoded keys decide,
// then the arrival. An error of a function ends it; the record stays.
func (u *Unmatched[K, L, R]) Due(leftBefore, rightBefore int64, left func(key K, ts int64, value L) error, right func(key K, ts int64, value R) error) error {
	for {
		if more, err := u.DueNext(leftBefore, rightBefore, left, right); err != nil || !more {
			return err
		}
	}
}

// DueNext is Due for the records of the first time and key only. It reports whether
// there were any.
func (u *Unmatched[K, L, R]) DueNext(leftBefore, rightBefore int64, left func(key K, ts int64, value L) error, right func(key K, ts int64, value R) error) (bool, error) {
	l, r, err := u.due(leftBefore, rightBefore)
	switch {
	case err != nil || l == nil && r == nil:
		return false, err
	case r == nil || l != nil && l.ts < r.ts:
		return true, u.Left.release(l, left)
	default:
		return true, u.Right.release(r, right)
	}
}

// HasDue says whether Due would find any records.
func (u *Unmatched[K, L, R]) HasDue(leftBefore, rightBefore int64) (bool, error) {
	l, r, err := u.due(leftBefore, rightBefore)
	return l != nil || r != nil, err
}

// due finds the first entry of each side that waits with a timestamp before its bound.
func (u *Unmatched[K, L, R]) due(leftBefore, rightBefore int64) (l *waiting[K, L], r *waiting[K, R], err error) {
	if l, err = u.Left.next(leftBefore); err == nil {
		r, err = u.Right.next(rightBefore)
	}
	return l, r, err
}

// release hands out the values of an entry and removes it.
func (w *Waiting[K, V]) release(e *waiting[K, V], f func(K, int64, V) error) error {
	if err := f(e.typed, e.ts, e.first); err != nil {
		return err
	}
	for _, v := range e.more {
		if err := f(e.typed, e.ts, v); err != nil {
			return err
		}
	}
	w.remove(e)
	return nil
}

// Lifecycle is the store as its task drives it.
func (u *Unmatched[K, L, R]) Lifecycle() Lifecycle { return u }

// Mark implements Lifecycle.
func (u *Unmatched[K, L, R]) Mark() {
	u.Left.mark()
	u.Right.mark()
}

// Rollback implements Lifecycle.
func (u *Unmatched[K, L, R]) Rollback() {
	u.Left.rollback()
	u.Right.rollback()
}

// FlushLog implements Lifecycle. Nothing is ever held back.
func (u *Unmatched[K, L, R]) FlushLog() (bool, error) { return false, nil }

// FlushForward implements Lifecycle.
func (u *Unmatched[K, L, R]) FlushForward() error { return nil }

// Checkpoint implements Lifecycle.
func (u *Unmatched[K, L, R]) Checkpoint(b Batch) error {
	if err := u.Left.checkpoint(b); err != nil {
		return err
	}
	return u.Right.checkpoint(b)
}

// Checkpointed implements Lifecycle.
func (u *Unmatched[K, L, R]) Checkpointed() {
	u.Left.checkpointed()
	u.Right.checkpointed()
}

// Pinned implements Lifecycle.
func (u *Unmatched[K, L, R]) Pinned() int { return u.Left.pinnedBytes + u.Right.pinnedBytes }

// Capacity implements Lifecycle.
func (u *Unmatched[K, L, R]) Capacity(bytes int) {
	u.Left.capacity, u.Right.capacity = bytes/2, bytes/2
}

// Space implements Lifecycle.
func (u *Unmatched[K, L, R]) Space() Space { return u.space }

// Row implements Lifecycle.
func (u *Unmatched[K, L, R]) Row(key, value []byte, _ int64) (k, v []byte, err error) {
	if len(key) < waitingPlace || key[8] > leftSide {
		return nil, nil, fmt.Errorf("state: store %q: % x is no changelog key of a join's waiting records", u.name, key[:min(len(key), 64)])
	}
	u.row = append(append(u.row[:0], u.space.prefix[:]...), key...)
	return u.row, value, nil
}
