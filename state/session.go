package state

import (
	"iter"

	"github.com/tidemill/tidemill/serde"
)

// Session is a store of the sessions of keys: of one value for each key, start and
// end. The bounds are inclusive.
//
// A session expires when its end is more than the retention behind the latest end
// ever written: from then on it is neither returned nor accepted, and a checkpoint
// drops it when it gets round to it.
type Session[K, V any] struct{ spans[K, V] }

// NewSession opens a session store with a retention in milliseconds.
func NewSession[K, V any](name string, retention int64, key serde.Serde[K], value serde.Serde[V], o Options) *Session[K, V] {
	s := &Session[K, V]{}
	s.openSpans(name, retention, key, value, sessionBytes(), o)
	return s
}

// Fetch returns the value of a session.
func (s *Session[K, V]) Fetch(key K, start, end int64) (v V, ts int64, ok bool, err error) {
	return s.get(Span[K]{Key: key, Start: start, End: end})
}

// Put sets the value of a session. A nil value deletes it. A write to an expired
// session is ignored.
func (s *Session[K, V]) Put(key K, start, end int64, value V, ts int64) error {
	s.Advance(end)
	e, err := s.Lookup(key, start, end)
	if err != nil || e == nil {
		return err
	}
	return s.Set(e, value, ts, nil)
}

// Lookup returns the entry of a session, or nil if it has expired, or cannot be
// because it starts before time began or ends before it starts.
func (s *Session[K, V]) Lookup(key K, start, end int64) (*Entry[Span[K], V], error) {
	if end < s.oldest() || start < 0 || end < start {
		return nil, nil
	}
	return s.entry(Span[K]{Key: key, Start: start, End: end})
}

// Find returns the sessions of a key that end at from or later and start at to or
// earlier, ordered by their ends, as entries to be written. The slice is valid until
// the next call.
func (s *Session[K, V]) Find(key K, from, to int64) ([]*Entry[Span[K], V], error) {
	return s.touching(key, from, 0, to)
}

// FetchRange returns the sessions that Find does.
func (s *Session[K, V]) FetchRange(key K, from, to int64) iter.Seq2[Item[Span[K], V], error] {
	found, err := s.Find(key, from, to)
	return items(found, err)
}

// FetchAll returns the sessions of all keys that end at from or later and start at
// to or earlier, ordered by end, start and encoded key. It reads the whole store.
func (s *Session[K, V]) FetchAll(from, to int64) iter.Seq2[Item[Span[K], V], error] {
	return s.inTime(func(k Span[K]) bool { return k.End >= from && k.Start <= to })
}
