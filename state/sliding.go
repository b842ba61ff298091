package state

import (
	"iter"

	"github.com/tidemill/tidemill/serde"
)

// Sliding is a store of sliding windows: of one value for each key and window
// start. All windows have the same difference between start and end, which are
// inclusive.
//
// A window may be hidden: then only Find and Lookup know it, and nobody is told when
// it is written. An operator needs that for windows which had closed before their
// first record came, but which windows to come are made of.
//
// A window expires as a session does.
type Sliding[K, V any] struct {
	spans[K, V]
	difference int64
}

// NewSliding opens a store of sliding windows with their difference and a retention,
// both in milliseconds.
func NewSliding[K, V any](name string, difference, retention int64, key serde.Serde[K], value serde.Serde[V], o Options) *Sliding[K, V] {
	s := &Sliding[K, V]{difference: difference}
	s.openSpans(name, retention, key, value, slidingBytes(difference), o)
	return s
}

func (s *Sliding[K, V]) span(key K, start int64, hidden bool) Span[K] {
	return Span[K]{Key: key, Start: start, End: spanEnd(start, s.difference), hidden: hidden}
}

// Fetch returns the value of a key in the window that begins at start.
func (s *Sliding[K, V]) Fetch(key K, start int64) (v V, ts int64, ok bool, err error) {
	return s.get(s.span(key, start, false))
}

// Lookup returns the entry of the window that begins at start, hidden or not.
func (s *Sliding[K, V]) Lookup(key K, start int64, hidden bool) (*Entry[Span[K], V], error) {
	return s.entry(s.span(key, start, hidden))
}

// Find returns the windows of a key with from <= start <= to in the order of their
// starts, hidden ones too. The slice is valid until the next call.
func (s *Sliding[K, V]) Find(key K, from, to int64) ([]*Entry[Span[K], V], error) {
	return s.touching(key, spanEnd(from, s.difference), from, to)
}

// OnWrite is that of every store; nobody is told of hidden windows.
func (s *Sliding[K, V]) OnWrite(f func(*Written[Span[K], V]) error) {
	s.spans.OnWrite(func(w *Written[Span[K], V]) error {
		if w.entry.typed.hidden {
			return nil
		}
		return f(w)
	})
}

// FetchRange returns the windows of a key with from <= start <= to in the order of
// their starts.
func (s *Sliding[K, V]) FetchRange(key K, from, to int64) iter.Seq2[Item[Span[K], V], error] {
	found, err := s.Find(key, from, to)
	return items(found, err)
}

// FetchAll returns the windows with from <= start <= to, ordered by start and then
// by encoded key. It reads the whole store.
func (s *Sliding[K, V]) FetchAll(from, to int64) iter.Seq2[Item[Span[K], V], error] {
	return s.inTime(func(k Span[K]) bool { return k.Start >= from && k.Start <= to })
}
