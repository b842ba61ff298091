package state

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Windowed is the key of a window store: a key and the start of a window in
// milliseconds since the Unix epoch.
type Windowed[K any] struct {
	Key   K
	Start int64
}

// Window is a store of one value for each key and window start. Rows are in time
// order, so that the windows that close or expire together lie together.
//
// A row expires when its window start is the retention or more behind the latest
// start ever written: from then on it is neither returned nor accepted, and the
// next checkpoint drops it.
type Window[K, V any] struct {
	store[Windowed[K], V]
	isNil     func(V) bool
	retention int64
	// written is the latest window start that the backend may have, once known says
	// that it has been looked for: windows behind it need not be asked for.
	written int64
	known   bool
}

// NewWindow opens a window store with a retention in milliseconds.
func NewWindow[K, V any](name string, retention int64, key serde.Serde[K], value serde.Serde[V], o Options) *Window[K, V] {
	s := &Window[K, V]{isNil: func(V) bool { return false }, retention: retention}
	if isNil, ok := serde.Nilable[V](); ok {
		s.isNil = isNil
	}
	s.open(name, windowLayout(key, value), o)
	s.core.latest, s.written = -1, -1
	s.core.place, s.core.floor = windowPlace, func(since int64) []byte { return appendTimestamp(nil, max(since, 0)) }
	s.core.expired, s.core.outlived, s.core.absent = s.expiredBelow, s.outlived, s.unwritten
	s.core.checkpointing = func() { s.written = max(s.written, s.core.latest) }
	return s
}

// unwritten says whether the window of a key begins behind all that are in the
// backend.
func (s *Window[K, V]) unwritten(key []byte) (bool, error) {
	if !s.known {
		last, err := s.lastWritten()
		if err != nil {
			return false, err
		}
		s.written, s.known = max(s.written, last), true
	}
	return int64(binary.BigEndian.Uint64(key)) > s.written, nil
}

// lastWritten is the latest window start in the backend, or -1.
func (s *Window[K, V]) lastWritten() (last int64, err error) {
	last = -1
	err = s.core.space.backend.Scan(s.core.space.prefix[:], s.core.space.end(), true, func(key, _ []byte) bool {
		last = int64(binary.BigEndian.Uint64(key[spacePrefix:]))
		return false
	})
	return last, err
}

// windowLayout orders rows by window start, then by the encoded key. The
// changelog's key is the key, the start and a zero sequence number, as Kafka
// Streams writes it (WindowKeySchema.toStoreKeyBinary).
func windowLayout[K, V any](key serde.Serde[K], value serde.Serde[V]) layout[Windowed[K], V] {
	own := owning(key)
	return layout[Windowed[K], V]{
		keyBytes: windowBytes(),
		appendKey: func(dst []byte, w Windowed[K]) ([]byte, error) {
			return key.Append(appendTimestamp(dst, w.Start), w.Key)
		},
		decodeKey: func(data []byte) (w Windowed[K], err error) {
			if len(data) < 8 {
				return w, fmt.Errorf("state: a stored window key has %d bytes, want at least 8", len(data))
			}
			w.Start = int64(binary.BigEndian.Uint64(data))
			w.Key, err = key.Decode(data[8:])
			return w, err
		},
		ownKey:   func(w Windowed[K]) Windowed[K] { return Windowed[K]{Key: own(w.Key), Start: w.Start} },
		value:    value,
		ownValue: owning(value),
	}
}

func windowBytes() keyBytes {
	return keyBytes{
		toChangelog: func(dst []byte, key string) []byte {
			dst = append(append(dst, key[8:]...), key[:8]...)
			return append(dst, 0, 0, 0, 0)
		},
		fromChangelog: func(dst, key []byte) ([]byte, error) {
			n := len(key) - 12
			if n < 0 {
				return nil, fmt.Errorf("a window changelog key has %d bytes, want at least 12", len(key))
			}
			return append(append(dst, key[n:n+8]...), key[:n]...), nil
		},
	}
}

// Fetch returns the value of a key in the window that begins at start.
func (s *Window[K, V]) Fetch(key K, start int64) (v V, ts int64, ok bool, err error) {
	e, err := s.Lookup(key, start)
	if err != nil || e == nil {
		return v, 0, false, err
	}
	return e.value, e.ts, e.present, nil
}

// Put sets the value of a key in the window that begins at start. A nil value
// deletes it. A write to an expired window is ignored.
func (s *Window[K, V]) Put(key K, start int64, value V, ts int64) error {
	s.observe(start)
	e, err := s.Lookup(key, start)
	if err != nil || e == nil {
		return err
	}
	return s.Set(e, value, ts, nil)
}

// FetchRange returns the rows of a key with from <= start <= to in time order.
// It reads every row in that time, whatever its key.
func (s *Window[K, V]) FetchRange(key K, from, to int64) iter.Seq2[Item[Windowed[K], V], error] {
	want, err := s.layout.appendKey(nil, Windowed[K]{Key: key})
	return func(yield func(Item[Windowed[K], V], error) bool) {
		if err != nil {
			yield(Item[Windowed[K], V]{}, err)
			return
		}
		var have []byte
		for item, err := range s.FetchAll(from, to) {
			if err == nil {
				have, err = s.layout.appendKey(have[:0], Windowed[K]{Key: item.Key.Key})
			}
			if err != nil || string(have) == string(want) {
				if !yield(item, err) {
					return
				}
			}
		}
	}
}

// FetchAll returns the rows with from <= start <= to, ordered by start and then
// by encoded key.
func (s *Window[K, V]) FetchAll(from, to int64) iter.Seq2[Item[Windowed[K], V], error] {
	return s.FetchKept(max(from, s.oldest()), to)
}

// FetchKept is FetchAll with the rows that have expired since the last checkpoint,
// for an operator that has something left to do with them.
func (s *Window[K, V]) FetchKept(from, to int64) iter.Seq2[Item[Windowed[K], V], error] {
	from = max(from, 0)
	if to < from {
		return func(func(Item[Windowed[K], V], error) bool) {}
	}
	return s.scan(appendTimestamp(nil, from), appendTimestamp(nil, to+1), false)
}

// Lookup returns the entry of a key and window start, or nil if that window has
// expired.
func (s *Window[K, V]) Lookup(key K, start int64) (*Entry[Windowed[K], V], error) {
	if start < s.oldest() || start < 0 {
		return nil, nil
	}
	return s.lookup(Windowed[K]{Key: key, Start: start})
}

// Set writes an entry that Lookup returned. A nil value deletes it.
func (s *Window[K, V]) Set(e *Entry[Windowed[K], V], value V, ts int64, headers record.Headers) error {
	s.observe(e.typed.Start)
	return s.set(e, version[V]{value: value, ts: ts, present: !s.isNil(value)}, headers)
}

// Remove deletes an entry that Lookup returned.
func (s *Window[K, V]) Remove(e *Entry[Windowed[K], V], ts int64, headers record.Headers) error {
	return s.set(e, version[V]{ts: ts}, headers)
}

func (s *Window[K, V]) observe(start int64) { s.core.latest = max(s.core.latest, start) }

// oldest is the smallest window start that has not expired.
func (s *Window[K, V]) oldest() int64 { return s.core.latest - s.retention + 1 }

func (s *Window[K, V]) expiredBelow() []byte {
	if s.oldest() <= 0 {
		return nil
	}
	return appendTimestamp(nil, s.oldest())
}
