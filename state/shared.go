package state

import (
	"iter"
	"sync"

	"github.com/tidemill/tidemill/serde"
)

// Shared is a key-value store that one task writes and all tasks of the worker
// read, each through a Reader of its own: the store of a global table. What the
// owner writes is seen by the readers from its next checkpoint on.
type Shared[K, V any] struct {
	space  Space
	layout layout[K, V]

	mu sync.RWMutex
	// cache holds rows by their key in the backend, none included; changes counts
	// the checkpoints, so that no row is entered that was read before one.
	cache           map[string]version[V]
	bytes, capacity int
	changes         uint64
}

// NewShared opens the reading side of a store that is in a space. capacity is how
// many bytes of rows it may keep in memory.
func NewShared[K, V any](space Space, key serde.Serde[K], value serde.Serde[V], capacity int) *Shared[K, V] {
	return &Shared[K, V]{space: space, layout: plainLayout(key, value), cache: map[string]version[V]{}, capacity: capacity}
}

// Changed says that a checkpoint with new rows for these backend keys has been
// applied.
func (s *Shared[K, V]) Changed(keys iter.Seq[string]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes++
	for key := range keys {
		delete(s.cache, key)
	}
}

// NewReader returns a *Reader[K, V] for one task.
func (s *Shared[K, V]) NewReader() any {
	return &Reader[K, V]{shared: s, key: append([]byte(nil), s.space.prefix[:]...)}
}

// cached looks a row up in memory, and tells what to enter a row with.
func (s *Shared[K, V]) cached(key []byte) (row version[V], ok bool, changes uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	row, ok = s.cache[string(key)]
	return row, ok, s.changes
}

// enter keeps a row that was read when there had been so many changes.
func (s *Shared[K, V]) enter(key []byte, row version[V], bytes int, changes uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changes != changes {
		return
	}
	if s.bytes += bytes; s.bytes > s.capacity {
		clear(s.cache)
		s.bytes = bytes
	}
	s.cache[string(key)] = row
}

// Reader reads a shared store for one task. It sees what its owner has made
// visible, which changes between two calls, and never only a part of what one
// record did. What it returns may not be changed. It is not safe for concurrent
// use; other readers of the same store may be used meanwhile.
type Reader[K, V any] struct {
	shared *Shared[K, V]
	key    []byte
	row    []byte
}

// Get returns the value of a key and whether there is one.
func (r *Reader[K, V]) Get(key K) (V, bool, error) {
	v, _, ok, err := r.GetTimestamped(key)
	return v, ok, err
}

// GetTimestamped also returns the timestamp that the value was written with, in
// milliseconds since the Unix epoch.
func (r *Reader[K, V]) GetTimestamped(key K) (v V, ts int64, ok bool, err error) {
	s := r.shared
	b, err := s.layout.appendKey(r.key[:spacePrefix], key)
	if err != nil {
		return v, 0, false, err
	}
	r.key = b
	row, ok, changes := s.cached(b[spacePrefix:])
	if ok {
		return row.value, row.ts, row.present, nil
	}
	if row, err = r.load(); err != nil {
		return v, 0, false, err
	}
	s.enter(b[spacePrefix:], row, entryOverhead+len(b)+len(r.row), changes)
	return row.value, row.ts, row.present, nil
}

// load reads the row of the key at hand from the backend.
func (r *Reader[K, V]) load() (v version[V], err error) {
	row, ok, err := r.shared.space.backend.Get(r.row[:0], r.key)
	if err != nil {
		return v, &BackendError{Err: err}
	}
	r.row = row
	if !ok {
		return v, nil
	}
	v.value, v.ts, err = r.shared.layout.decodeRow(row)
	v.value, v.present = r.shared.layout.ownValue(v.value), true
	return v, err
}

// All returns every row, ordered by the encoded keys.
func (r *Reader[K, V]) All() iter.Seq2[Item[K, V], error] {
	space := r.shared.space
	return r.scan(space.prefix[:], space.end())
}

// Range returns the rows with from <= key < to, ordered by the encoded keys.
func (r *Reader[K, V]) Range(from, to K) iter.Seq2[Item[K, V], error] {
	prefix := r.shared.space.prefix[:]
	low, err := r.shared.layout.appendKey(append([]byte(nil), prefix...), from)
	if err == nil {
		var high []byte
		if high, err = r.shared.layout.appendKey(append([]byte(nil), prefix...), to); err == nil {
			return r.scan(low, high)
		}
	}
	return func(yield func(Item[K, V], error) bool) { yield(Item[K, V]{}, err) }
}

func (r *Reader[K, V]) scan(from, to []byte) iter.Seq2[Item[K, V], error] {
	return func(yield func(Item[K, V], error) bool) {
		stopped := false
		err := r.shared.space.backend.Scan(from, to, false, func(key, value []byte) bool {
			item, err := r.shared.layout.item(key[spacePrefix:], value)
			stopped = !yield(item, err) || err != nil
			return !stopped
		})
		if err != nil && !stopped {
			yield(Item[K, V]{}, &BackendError{Err: err})
		}
	}
}
