package state

import (
	"unsafe"

	"github.com/tidemill/tidemill/record"
)

// store is an overlay with the types of its keys and values. The exported stores
// are this with methods for their shape of key.
type store[K, V any] struct {
	core    overlay
	layout  layout[K, V]
	onWrite func(*Written[K, V]) error
	// olds are the values that the unflushed writes of the overlay replaced, befores
	// those that the writes in its journal did, each at the same place.
	olds, befores []V
	// old is the value that the write to be forwarded replaced, and written that
	// write as it is handed out.
	old     V
	written Written[K, V]
}

func (s *store[K, V]) open(name string, l layout[K, V], o Options) {
	s.layout = l
	s.core.open(name, l.keyBytes, s, int(unsafe.Sizeof(Entry[K, V]{})), o)
}

// Name is the name of the store.
func (s *store[K, V]) Name() string { return s.core.name }

// Caching says whether writes are held back until the task commits.
func (s *store[K, V]) Caching() bool { return s.core.caching }

// Lifecycle is the store as its task drives it.
func (s *store[K, V]) Lifecycle() Lifecycle { return &s.core }

// AppendKey appends a key as the store orders it.
func (s *store[K, V]) AppendKey(dst []byte, key K) ([]byte, error) {
	return s.layout.appendKey(dst, key)
}

// find leaves the key in scratch and returns its entry, if that is in memory.
func (s *store[K, V]) find(key K) (*Entry[K, V], error) {
	b, err := s.layout.appendKey(s.core.scratch[:spacePrefix], key)
	if err != nil {
		return nil, err
	}
	s.core.scratch = b
	return entryOf[K, V](s.core.entries[string(b[spacePrefix:])]), nil
}

// lookup returns the entry of a key, loading it from the backend if need be.
func (s *store[K, V]) lookup(key K) (*Entry[K, V], error) {
	e, err := s.find(key)
	if err != nil {
		return nil, err
	}
	if e != nil {
		e.used = true
		s.core.hits++
		return e, nil
	}
	return s.load(key)
}

// load makes the entry of the key in scratch.
func (s *store[K, V]) load(key K) (*Entry[K, V], error) {
	s.core.misses++
	e := &Entry[K, V]{cell: cell{key: string(s.core.scratch[spacePrefix:])}, typed: s.layout.ownKey(key)}
	row, ok, err := s.core.stored()
	if err != nil {
		return nil, err
	}
	if ok {
		if e.value, e.ts, err = s.layout.decodeRow(row); err != nil {
			return nil, err
		}
		e.present, e.stored = true, true
	}
	s.core.keep(&e.cell, len(row))
	return e, nil
}

// fresh returns the entry of a key that is known to have no row. The key must
// share no memory with anything that changes.
func (s *store[K, V]) fresh(key K) (*Entry[K, V], error) {
	e, err := s.find(key)
	if e != nil || err != nil {
		return e, err
	}
	e = &Entry[K, V]{cell: cell{key: string(s.core.scratch[spacePrefix:])}, typed: key}
	s.core.keep(&e.cell, 0)
	return e, nil
}

// found returns the entry of a row that a scan found, without keeping it.
func (s *store[K, V]) found(item Item[K, V]) (*Entry[K, V], error) {
	e, err := s.find(item.Key)
	if e != nil || err != nil {
		return e, err
	}
	c := cell{key: string(s.core.scratch[spacePrefix:]), ts: item.Timestamp, present: true, stored: true}
	return &Entry[K, V]{cell: c, typed: item.Key, value: item.Value}, nil
}

// enter keeps an entry that found returned, unless there is one of its key by now.
func (s *store[K, V]) enter(e *Entry[K, V]) *Entry[K, V] {
	if have := s.core.entries[e.key]; have != nil {
		return entryOf[K, V](have)
	}
	s.core.keep(&e.cell, 0)
	return e
}

// write replaces the version of an entry.
func (s *store[K, V]) write(e *Entry[K, V], v version[V], headers record.Headers) {
	if s.core.journaling {
		s.befores = append(s.befores[:len(s.core.journal)], e.value)
	}
	if e.dirty == 0 {
		s.olds = append(s.olds[:len(s.core.dirty)], e.value)
	}
	s.core.write(&e.cell, v.ts, v.present, headers)
	e.value = v.value
}

// set is a write with everything that follows from it.
func (s *store[K, V]) set(e *Entry[K, V], v version[V], headers record.Headers) error {
	if v.present {
		v.value = s.layout.ownValue(v.value)
	}
	s.write(e, v, headers)
	if s.core.watch != nil {
		if err := s.core.watch(e.key, v.present, headers); err != nil {
			return err
		}
	}
	if s.core.caching {
		return nil
	}
	return s.core.through()
}

// restore implements typed.
func (s *store[K, V]) restore(c *cell, i int) { entryOf[K, V](c).value = s.befores[i] }

// take implements typed.
func (s *store[K, V]) take(i int) {
	var none V
	s.old, s.olds[i] = s.olds[i], none
}

// appendValue implements typed.
func (s *store[K, V]) appendValue(dst []byte, c *cell) ([]byte, error) {
	return s.layout.value.Append(dst, entryOf[K, V](c).value)
}

// forward implements typed.
func (s *store[K, V]) forward() error {
	if s.onWrite == nil {
		return nil
	}
	w := &s.core.written
	s.written = Written[K, V]{
		entry: entryOf[K, V](w.cell), old: version[V]{value: s.old, ts: w.ts, present: w.present}, headers: w.headers,
	}
	return s.onWrite(&s.written)
}

// OnWrite sets the function that is called for every write when it becomes
// visible downstream: at once, or at the next flush if the store caches. What it
// is given is valid during the call.
func (s *store[K, V]) OnWrite(f func(*Written[K, V]) error) { s.onWrite = f }

// Written is a write as it becomes visible downstream: several writes of a key
// between two commits are one, if the store caches.
type Written[K, V any] struct {
	entry   *Entry[K, V]
	old     version[V]
	headers record.Headers
}

// Key is the key that was written.
func (w *Written[K, V]) Key() K { return w.entry.typed }

// New is the new value, its timestamp and whether there is one.
func (w *Written[K, V]) New() (V, int64, bool) { return w.entry.Value() }

// Old is what was visible downstream before.
func (w *Written[K, V]) Old() (V, int64, bool) { return w.old.value, w.old.ts, w.old.present }

// Headers are those of the record that wrote last.
func (w *Written[K, V]) Headers() record.Headers { return w.headers }
