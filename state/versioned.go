package state

import (
	"iter"
	"math"

	"github.com/tidemill/tidemill/serde"
)

// Forever is when the newest version of a key ends.
const Forever int64 = math.MaxInt64

// Version is a value that a key had for some time.
type Version[V any] struct {
	Value V
	// From is when it began and To when the next version did, or Forever, in
	// milliseconds since the Unix epoch.
	From, To int64
}

// Versioned is a store of the values that each key had over time. A version lasts
// from its timestamp to that of the next one, in whatever order they were put.
//
//	Put(k, a, 10), Put(k, c, 30), Put(k, b, 20)  --10:a--20:b--30:c------>
//	Delete(k, 40)                                --10:a--20:b--30:c--40-->
//
// The time of the store is the highest timestamp ever put. From there its history
// reaches back by the retention: older puts are rejected, and what was before is
// not known, except that the newest version of a key never expires.
type Versioned[K, V any] struct {
	versions history
	keys     serde.Serde[K]
	values   serde.Serde[V]
	isNil    func(V) bool
	key      []byte
}

// history is what Versioned is without the types of its keys and values: versions. It is
// an interface so that what imports this package need not compile it again.
type history interface {
	Lifecycle
	Name() string
	getAsOf(key []byte, at int64) (v Version[[]byte], ok bool, err error)
	put(key []byte, c content, ts int64, restated bool) (to int64, accepted bool, err error)
	history(key []byte, from, to int64, reverse bool, give func(Version[[]byte]) (bool, error)) error
	all(give func(key, value []byte, ts int64) (bool, error)) error
}

// NewVersioned opens a versioned store with a history retention in milliseconds.
// A retention of another magnitude than that of the local state empties it, to be
// rebuilt from the changelog.
func NewVersioned[K, V any](name string, retention int64, key serde.Serde[K], value serde.Serde[V], o Options) *Versioned[K, V] {
	s := &Versioned[K, V]{versions: openVersions(name, retention, o), keys: key, values: value, isNil: func(V) bool { return false }}
	if isNil, ok := serde.Nilable[V](); ok {
		s.isNil = isNil
	}
	return s
}

// Name is the name of the store.
func (s *Versioned[K, V]) Name() string { return s.versions.Name() }

// Lifecycle is the store as its task drives it.
func (s *Versioned[K, V]) Lifecycle() Lifecycle { return s.versions }

// AppendKey appends a key as the store orders it.
func (s *Versioned[K, V]) AppendKey(dst []byte, key K) ([]byte, error) {
	return s.keys.Append(dst, key)
}

// Get returns the newest version of a key, if it has a value.
func (s *Versioned[K, V]) Get(key K) (v Version[V], ok bool, err error) {
	return s.GetAsOf(key, Forever)
}

// GetAsOf returns the version that a key had at a time, if it had a value then.
func (s *Versioned[K, V]) GetAsOf(key K, at int64) (v Version[V], ok bool, err error) {
	if err := s.encode(key); err != nil {
		return v, false, err
	}
	raw, ok, err := s.versions.getAsOf(s.key, at)
	if err != nil || !ok {
		return v, false, err
	}
	v, err = s.decode(raw)
	return v, err == nil, err
}

// Put inserts a version that begins at ts, in place of one that begins then. A nil
// value ends the version before without a new value. It returns when the version
// ends, which is Forever if it is the newest one now; accepted is false if ts is
// before the history, and then nothing has changed. It is logged even so.
func (s *Versioned[K, V]) Put(key K, value V, ts int64) (to int64, accepted bool, err error) {
	if s.isNil(value) {
		return s.Remove(key, ts)
	}
	if err := s.encode(key); err != nil {
		return 0, false, err
	}
	data, err := s.values.Append([]byte{}, value)
	if err != nil {
		return 0, false, unencodable(s.Name(), err)
	}
	return s.versions.put(s.key, content{value: data}, ts, false)
}

// Remove is Put of no value: from ts on the key has none, up to the next version.
func (s *Versioned[K, V]) Remove(key K, ts int64) (to int64, accepted bool, err error) {
	if err := s.encode(key); err != nil {
		return 0, false, err
	}
	return s.versions.put(s.key, content{none: true}, ts, false)
}

// Delete is Remove that returns the version that the key had at ts, if it had a
// value then and ts is not before the history.
func (s *Versioned[K, V]) Delete(key K, ts int64) (old Version[V], had bool, err error) {
	if old, had, err = s.GetAsOf(key, ts); err != nil {
		return old, false, err
	}
	_, accepted, err := s.Remove(key, ts)
	if !accepted {
		return Version[V]{}, false, err
	}
	return old, had, err
}

// History returns the versions with a value that a key had at some time from from
// to to, both included, as far as the history reaches back, in the order of time.
func (s *Versioned[K, V]) History(key K, from, to int64) iter.Seq2[Version[V], error] {
	return s.history(key, from, to, false)
}

// ReverseHistory is History from the newest version to the oldest.
func (s *Versioned[K, V]) ReverseHistory(key K, from, to int64) iter.Seq2[Version[V], error] {
	return s.history(key, from, to, true)
}

func (s *Versioned[K, V]) history(key K, from, to int64, reverse bool) iter.Seq2[Version[V], error] {
	return func(yield func(Version[V], error) bool) {
		err := s.encode(key)
		if err == nil {
			err = s.versions.history(s.key, from, to, reverse, func(raw Version[[]byte]) (bool, error) {
				v, err := s.decode(raw)
				return err == nil && yield(v, nil), err
			})
		}
		if err != nil {
			yield(Version[V]{}, err)
		}
	}
}

// All returns the newest version of every key that has a value, ordered by the
// encoded keys.
func (s *Versioned[K, V]) All() iter.Seq2[Item[K, V], error] {
	return func(yield func(Item[K, V], error) bool) {
		err := s.versions.all(func(key, value []byte, ts int64) (more bool, err error) {
			item := Item[K, V]{Timestamp: ts}
			if item.Key, err = s.keys.Decode(key); err != nil {
				return false, err
			}
			if item.Value, err = s.values.Decode(value); err != nil {
				return false, err
			}
			return yield(item, nil), nil
		})
		if err != nil {
			yield(Item[K, V]{}, err)
		}
	}
}

// encode leaves the encoded key in key.
func (s *Versioned[K, V]) encode(key K) (err error) {
	s.key, err = s.keys.Append(s.key[:0], key)
	return err
}

func (s *Versioned[K, V]) decode(raw Version[[]byte]) (v Version[V], err error) {
	v.From, v.To = raw.From, raw.To
	v.Value, err = s.values.Decode(raw.Value)
	return v, err
}
