package topologytest

import (
	"iter"

	"github.com/tidemill/tidemill/state"
)

// Session reads a session store: all partitions of it.
type Session[K, V any] struct {
	d    *Driver
	name string
}

// Session is the session store of this name.
func (d *Driver) Session[K, V any](name string) Session[K, V] {
	d.tb.Helper()
	d.Stores[*state.Session[K, V]](name)
	return Session[K, V]{d, name}
}

// Get returns the value of a key in a session, and whether there is one.
func (s Session[K, V]) Get[T Time](key K, start, end T) (value V, ok bool) {
	s.d.tb.Helper()
	for _, store := range s.d.Stores[*state.Session[K, V]](s.name) {
		value, _, ok, err := store.Fetch(key, millis(start), millis(end))
		s.d.check(err)
		if ok {
			return value, true
		}
	}
	return value, false
}

// All returns the rows of all partitions, ordered by the encoded keys and then by
// the starts of the sessions.
func (s Session[K, V]) All() []state.Item[state.Span[K], V] {
	s.d.tb.Helper()
	rows := rowsOf[state.Span[K], V]{}
	for _, store := range s.d.Stores[*state.Session[K, V]](s.name) {
		s.d.check(rows.addSpans(store.FetchAll(0, endOfTime), store.AppendKey))
	}
	return rows.sorted()
}

// Sliding reads a store of sliding windows: all partitions of it.
type Sliding[K, V any] struct {
	d    *Driver
	name string
}

// Sliding is the store of sliding windows of this name.
func (d *Driver) Sliding[K, V any](name string) Sliding[K, V] {
	d.tb.Helper()
	d.Stores[*state.Sliding[K, V]](name)
	return Sliding[K, V]{d, name}
}

// Get returns the value of a key in the window that begins at start, and whether
// there is one.
func (s Sliding[K, V]) Get[T Time](key K, start T) (value V, ok bool) {
	s.d.tb.Helper()
	for _, store := range s.d.Stores[*state.Sliding[K, V]](s.name) {
		value, _, ok, err := store.Fetch(key, millis(start))
		s.d.check(err)
		if ok {
			return value, true
		}
	}
	return value, false
}

// All returns the rows of all partitions, ordered by the encoded keys and then by
// the starts of the windows.
func (s Sliding[K, V]) All() []state.Item[state.Span[K], V] {
	s.d.tb.Helper()
	rows := rowsOf[state.Span[K], V]{}
	for _, store := range s.d.Stores[*state.Sliding[K, V]](s.name) {
		s.d.check(rows.addSpans(store.FetchAll(0, endOfTime), store.AppendKey))
	}
	return rows.sorted()
}

// addSpans adds rows that have a start and an end.
func (r *rowsOf[K, V]) addSpans(items iter.Seq2[state.Item[K, V], error], appendKey func([]byte, K) ([]byte, error)) error {
	return r.add(items, func(k K) ([]byte, error) {
		key, err := appendKey(nil, k)
		if err != nil {
			return nil, err
		}
		bounds := len(key) - 16
		return append(key[12:bounds:bounds], key[bounds+8:]...), nil // bucket, length, key, end, start
	})
}
