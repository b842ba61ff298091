package state

import "unsafe"

// Entry is one key of a store in memory. It is read through its methods and
// written through the store that it came from; it is valid until the next call on
// that store that looks up another key.
type Entry[K, V any] struct {
	cell  // must be first, see entryOf
	typed K
	value V
}

// Key is the key of the entry.
func (e *Entry[K, V]) Key() K { return e.typed }

// Value is the value, its timestamp and whether there is one.
func (e *Entry[K, V]) Value() (V, int64, bool) { return e.value, e.ts, e.present }

func (e *Entry[K, V]) version() version[V] {
	return version[V]{value: e.value, ts: e.ts, present: e.present}
}

// version is a value that a key has or had, if present.
type version[V any] struct {
	value   V
	ts      int64
	present bool
}

// entryOf is the entry that a cell is the beginning of. A store makes its cells only
// as part of its entries, so that the cells of its overlay all are.
func entryOf[K, V any](c *cell) *Entry[K, V] { return (*Entry[K, V])(unsafe.Pointer(c)) }
