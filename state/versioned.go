package state

import (
	"fmt"
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
	store[place[K], content[V]]
	keys      serde.Serde[K]
	values    serde.Serde[V]
	isNil     func(V) bool
	retention int64
	// span is how long the times are that rows lie together of, to be dropped together.
	span int64
	// saved is the time that the backend knows of, if loaded.
	saved  int64
	loaded bool
	// cleared is the span that no history is left before.
	cleared int64
	// owed are keys whose newest version has to be logged again.
	owed   []owing[K]
	marked int
	fault  error
}

// NewVersioned opens a versioned store with a history retention in milliseconds.
// A retention of another magnitude than that of the local state empties it, to be
// rebuilt from the changelog.
func NewVersioned[K, V any](name string, retention int64, key serde.Serde[K], value serde.Serde[V], o Options) *Versioned[K, V] {
	s := &Versioned[K, V]{keys: key, values: value, isNil: func(V) bool { return false }, retention: retention, span: spanOf(retention)}
	if isNil, ok := serde.Nilable[V](); ok {
		s.isNil = isNil
	}
	o.Caching = false
	s.open(name, versionedLayout(key, value, s.span), o)
	s.latest, s.saved = -1, -1
	s.expired = s.expiredBelow
	s.fault = s.checkLayout()
	return s
}

// Get returns the newest version of a key, if it has a value.
func (s *Versioned[K, V]) Get(key K) (v Version[V], ok bool, err error) {
	n, err := s.newest(key)
	if err != nil || !n.now.present || n.now.value.none {
		return v, false, err
	}
	return Version[V]{Value: n.now.value.value, From: n.now.ts, To: Forever}, true, nil
}

// GetAsOf returns the version that a key had at a time, if it had a value then.
func (s *Versioned[K, V]) GetAsOf(key K, at int64) (v Version[V], ok bool, err error) {
	e, err := s.newest(key)
	if err != nil || !e.now.present {
		return v, false, err
	}
	to := Forever
	if e.now.ts > at {
		if at < max(s.oldest(), 0) {
			return v, false, nil
		}
		if e, err = s.covering(e, at); err != nil {
			return v, false, err
		}
		to = e.typed.at
	}
	if !e.now.present || e.now.value.none {
		return v, false, nil
	}
	return Version[V]{Value: e.now.value.value, From: e.now.ts, To: to}, true, nil
}

// Put inserts a version that begins at ts, in place of one that begins then. A nil
// value ends the version before without a new value. It returns when the version
// ends, which is Forever if it is the newest one now; accepted is false if ts is
// before the history, and then nothing has changed. It is logged even so.
func (s *Versioned[K, V]) Put(key K, value V, ts int64) (to int64, accepted bool, err error) {
	return s.put(key, content[V]{value: value, none: s.isNil(value)}, ts, false)
}

// Remove is Put of no value: from ts on the key has none, up to the next version.
func (s *Versioned[K, V]) Remove(key K, ts int64) (to int64, accepted bool, err error) {
	return s.put(key, content[V]{none: true}, ts, false)
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

// put is Put; restated says that the version was put before, and was the newest one
// when it was logged again.
func (s *Versioned[K, V]) put(key K, c content[V], ts int64, restated bool) (to int64, accepted bool, err error) {
	if ts < 0 {
		return 0, false, fmt.Errorf("state: store %q: a version cannot begin at %d: give it a timestamp that is not negative", s.name, ts)
	}
	n, err := s.newest(key)
	if err != nil {
		return 0, false, err
	}
	bytes, err := s.logVersion(n.key, c, ts, nil)
	if err != nil {
		return 0, false, err
	}
	before := n.now
	if accepted = ts >= s.oldest() || restated && !(before.present && before.ts > ts); accepted {
		s.latest = max(s.latest, ts)
		to, err = s.insert(n, version[content[V]]{value: s.layout.ownValue(c), ts: ts, present: true}, bytes)
	}
	if !accepted || to != Forever {
		s.owe(n.typed.key, before, ts)
	}
	return to, accepted, err
}

// insert puts a version of so many bytes in its place and returns where it ends.
func (s *Versioned[K, V]) insert(n *Entry[place[K], content[V]], v version[content[V]], bytes int) (to int64, err error) {
	e, to := n, Forever
	if n.now.present && v.ts < n.now.ts {
		if e, err = s.covering(n, v.ts); err != nil {
			return 0, err
		}
		to = e.typed.at
	}
	before, size := e.now, e.weight()
	s.change(e, v, bytes)
	if to == Forever && v.value.none {
		if err := s.add(place[K]{section: inGraves, key: n.typed.key, at: v.ts}, v, 0); err != nil {
			return 0, err
		}
	}
	if before.present && before.ts < v.ts && v.ts > s.oldest() {
		err = s.add(place[K]{section: inHistory, key: n.typed.key, at: v.ts}, before, size)
	}
	return to, err
}

// add writes to a place where nothing is yet.
func (s *Versioned[K, V]) add(p place[K], v version[content[V]], bytes int) error {
	e, err := s.fresh(p)
	if err == nil {
		s.change(e, v, bytes)
	}
	return err
}

// change writes an entry, which is all that happens to it.
func (s *Versioned[K, V]) change(e *Entry[place[K], content[V]], v version[content[V]], bytes int) {
	s.write(e, v, nil)
	s.settle()
	s.resize(e, bytes)
}

// newest is the entry of the newest version of a key.
func (s *Versioned[K, V]) newest(key K) (*Entry[place[K], content[V]], error) {
	if !s.loaded {
		if err := s.load(); err != nil {
			return nil, err
		}
	}
	return s.lookup(place[K]{section: asNewest, key: key})
}

// maxSteps is after how many versions covering stops looking at one by one.
const maxSteps = 8

// covering returns the entry of the version that was there at a time before the
// newest one began, or an entry without a version where the first one of that time
// would be. Each version is found under the time at which it ended.
func (s *Versioned[K, V]) covering(n *Entry[place[K], content[V]], at int64) (*Entry[place[K], content[V]], error) {
	key, end := n.typed.key, n.now.ts
	for step := 0; ; step++ {
		if step == maxSteps {
			var err error
			if end, err = s.firstEnd(key, at+1, end); err != nil {
				return nil, err
			}
		}
		e, err := s.lookup(place[K]{section: inHistory, key: key, at: end})
		if err != nil || !e.now.present || e.now.ts <= at {
			return e, err
		}
		end = e.now.ts
	}
}

// firstEnd is the first time from from to to at which a version of a key ended.
func (s *Versioned[K, V]) firstEnd(key K, from, to int64) (int64, error) {
	for item, err := range s.ended(key, from, to, false) {
		return item.Key.at, err
	}
	return to, nil
}

// oldest is the first time that the history reaches back to.
func (s *Versioned[K, V]) oldest() int64 { return max(s.latest, s.saved) - s.retention }
