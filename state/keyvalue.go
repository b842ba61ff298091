package state

import (
	"iter"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// KeyValue is a store of one value for each key, ordered by the encoded key,
// each with the timestamp of the record that wrote it. Nothing that it returns
// may be changed in place: write it back instead.
type KeyValue[K, V any] struct {
	store[K, V]
	isNil func(V) bool
	// Clock is the timestamp of a Put, normally that of the record at hand.
	Clock func() int64
	// mortal is set if rows run out.
	mortal *Mortality
}

// NewKeyValue opens a key-value store.
func NewKeyValue[K, V any](name string, key serde.Serde[K], value serde.Serde[V], o Options) *KeyValue[K, V] {
	s := &KeyValue[K, V]{isNil: func(V) bool { return false }, Clock: func() int64 { return 0 }}
	if isNil, ok := serde.Nilable[V](); ok {
		s.isNil = isNil
	}
	s.open(name, plainLayout(key, value), o)
	return s
}

// Get returns the value of a key and whether there is one.
func (s *KeyValue[K, V]) Get(key K) (V, bool, error) {
	v, _, ok, err := s.GetTimestamped(key)
	return v, ok, err
}

// GetTimestamped also returns the timestamp that the value was written with, in
// milliseconds since the Unix epoch.
func (s *KeyValue[K, V]) GetTimestamped(key K) (v V, ts int64, ok bool, err error) {
	e, err := s.lookup(key)
	if err != nil {
		return v, 0, false, err
	}
	v, ts, ok = s.Current(e)
	return v, ts, ok, nil
}

// Put sets the value of a key, with the timestamp of the record that the task is
// working on. A nil value deletes the key.
func (s *KeyValue[K, V]) Put(key K, value V) error {
	return s.PutTimestamped(key, value, s.Clock())
}

// PutTimestamped sets the value of a key together with its timestamp.
func (s *KeyValue[K, V]) PutTimestamped(key K, value V, ts int64) error {
	e, err := s.lookup(key)
	if err != nil {
		return err
	}
	return s.Set(e, value, ts, nil)
}

// PutIfAbsent sets the value of a key that has none. It returns the value that
// the key had and whether it had one.
func (s *KeyValue[K, V]) PutIfAbsent(key K, value V) (V, bool, error) {
	e, err := s.lookup(key)
	if err != nil {
		var none V
		return none, false, err
	}
	had, _, ok := s.Current(e)
	if ok {
		return had, true, nil
	}
	return had, false, s.Set(e, value, s.Clock(), nil)
}

// Delete removes a key and returns the value that it had, if any.
func (s *KeyValue[K, V]) Delete(key K) (V, bool, error) {
	e, err := s.lookup(key)
	if err != nil {
		var none V
		return none, false, err
	}
	had, _, ok := s.Current(e)
	return had, ok, s.Remove(e, s.Clock(), nil)
}

// Range returns the rows with from <= key < to, ordered by the encoded keys. An
// encoding error ends it.
func (s *KeyValue[K, V]) Range(from, to K) iter.Seq2[Item[K, V], error] {
	return s.between(from, to, false)
}

// ReverseRange is Range in descending order.
func (s *KeyValue[K, V]) ReverseRange(from, to K) iter.Seq2[Item[K, V], error] {
	return s.between(from, to, true)
}

func (s *KeyValue[K, V]) between(from, to K, reverse bool) iter.Seq2[Item[K, V], error] {
	low, err := s.layout.appendKey(nil, from)
	if err == nil {
		var high []byte
		if high, err = s.layout.appendKey([]byte{}, to); err == nil {
			return s.current(s.scan(low, high, reverse))
		}
	}
	return func(yield func(Item[K, V], error) bool) { yield(Item[K, V]{}, err) }
}

// All returns every row, ordered by the encoded keys.
func (s *KeyValue[K, V]) All() iter.Seq2[Item[K, V], error] {
	return s.current(s.scan(nil, nil, false))
}

// ReverseAll is All in descending order.
func (s *KeyValue[K, V]) ReverseAll() iter.Seq2[Item[K, V], error] {
	return s.current(s.scan(nil, nil, true))
}

// Lookup returns the entry of a key, for operators that read and then write it
// and want to find it only once.
func (s *KeyValue[K, V]) Lookup(key K) (*Entry[K, V], error) { return s.lookup(key) }

// Set writes an entry that Lookup returned. A nil value deletes the key.
func (s *KeyValue[K, V]) Set(e *Entry[K, V], value V, ts int64, headers record.Headers) error {
	next := version[V]{value: value, ts: ts, present: !s.isNil(value)}
	if s.mortal != nil && next.present && !e.present {
		if err := s.mortal.Born([]byte(e.key), ts); err != nil {
			return err
		}
	}
	return s.set(e, next, headers)
}

// Remove deletes an entry that Lookup returned.
func (s *KeyValue[K, V]) Remove(e *Entry[K, V], ts int64, headers record.Headers) error {
	return s.set(e, version[V]{ts: ts}, headers)
}
