package state

import (
	"iter"

	"github.com/tidemill/tidemill/serde"
)

// Sliding is a store of sliding windows: of one value for each key and window
// start. All windows have the same difference between start and end, which are
// inclusive.
//
// A window may have a second version that nobody sees, its late version. An
// operator needs it for records that come after a window has closed: the window
// stays as it was when it closed, but later windows that have records in common
// with it are made of the late version, so that they have all of them.
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

func (s *Sliding[K, V]) span(key K, start int64, late bool) Span[K] {
	return Span[K]{Key: key, Start: start, End: spanEnd(start, s.difference), late: late}
}

// Fetch returns the value of a key in the window that begins at start.
func (s *Sliding[K, V]) Fetch(key K, start int64) (v V, ts int64, ok bool, err error) {
	return s.get(s.span(key, start, false))
}

// Lookup returns the entry of the window that begins at start, or of its late
// version.
func (s *Sliding[K, V]) Lookup(key K, start int64, late bool) (*Entry[Span[K], V], error) {
	return s.entry(s.span(key, start, late))
}

// Find returns the windows of a key with from <= start <= to in the order of their
// starts, each as the late version if there is one. The slice is valid until the
// next call.
func (s *Sliding[K, V]) Find(key K, from, to int64) ([]*Entry[Span[K], V], error) {
	found, err := s.touching(key, spanEnd(from, s.difference), to)
	if err != nil {
		return nil, err
	}
	s.taken = s.taken[:0]
	for _, e := range found {
		n := len(s.taken)
		switch {
		case e.typed.Start < from:
		case n > 0 && s.taken[n-1].typed.Start == e.typed.Start:
			s.taken[n-1] = e
		default:
			s.taken = append(s.taken, e)
		}
	}
	return s.taken, nil
}

// OnWrite is that of every store; nobody is told of late versions.
func (s *Sliding[K, V]) OnWrite(f func(*Written[Span[K], V]) error) {
	s.spans.OnWrite(func(w *Written[Span[K], V]) error {
		if w.entry.typed.late {
			return nil
		}
		return f(w)
	})
}

// FetchRange returns the windows of a key with from <= start <= to in the order of
// their starts.
func (s *Sliding[K, V]) FetchRange(key K, from, to int64) iter.Seq2[Item[Span[K], V], error] {
	found, err := s.touching(key, spanEnd(from, s.difference), to)
	return items(found, err, func(k Span[K]) bool { return !k.late && k.Start >= from })
}

// FetchAll returns the windows with from <= start <= to, ordered by start and then
// by encoded key. It reads the whole store.
func (s *Sliding[K, V]) FetchAll(from, to int64) iter.Seq2[Item[Span[K], V], error] {
	return s.inTime(func(k Span[K]) bool { return k.Start >= from && k.Start <= to })
}
