package state

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// spans is a store of rows that each stand for a key and a stretch of time. What
// is asked of it all the time is which rows of a key touch some moment: it answers
// from a cache that knows all recent rows of a key or none (chain). A key that the
// cache does not know costs a scan of its own rows, never of others'.
type spans[K, V any] struct {
	store[Span[K], V]
	keys  serde.Serde[K]
	own   func(K) K
	isNil func(V) bool
	// retention is how far a row's end may be behind the latest one, in
	// milliseconds; width is that of a bucket.
	retention, width int64
	chains           map[string]*chain[K, V]
	// current is the chain that was asked for last.
	current *chain[K, V]
	// bytes is about how many bytes the chains and their rows take; swept is how many
	// of them the last sweep left that were not pinned.
	bytes, swept int
	// first and last are the buckets that may have rows in the backend, if looked.
	looked      bool
	first, last int64
	agenda      *agenda
	// asked, the name of the key that was asked for last, and found are reused.
	asked []byte
	found []*Entry[Span[K], V]
}

func (s *spans[K, V]) openSpans(name string, retention int64, key serde.Serde[K], value serde.Serde[V], bytes spanBytes, o Options) {
	s.keys, s.own, s.isNil = key, owning(key), func(V) bool { return false }
	if isNil, ok := serde.Nilable[V](); ok {
		s.isNil = isNil
	}
	s.retention, s.width = retention, max(retention, leastWidth)
	s.open(name, spanLayout(key, value, s.width, bytes), o)
	s.chains, s.core.entries = map[string]*chain[K, V]{}, nil
	s.first, s.last, s.core.latest = 0, -1, -1
	s.core.expired, s.core.outlived = s.expiredBelow, s.outlived
	s.core.place = spanPlace
	s.core.floor = func(since int64) []byte { return appendTimestamp(nil, max(since, 0)/s.width) }
	s.core.spent = func(key string) bool {
		_, _, end, _ := splitRow(key)
		return end < s.oldest()
	}
}

// Advance tells the store what time it is: rows expire by the latest time that it
// was told, or that a row ended at.
func (s *spans[K, V]) Advance(ts int64) { s.core.latest = max(s.core.latest, ts) }

// Expired says whether rows with an end have expired.
func (s *spans[K, V]) Expired(end int64) bool { return end < s.oldest() }

// oldest is the earliest end that has not expired.
func (s *spans[K, V]) oldest() int64 { return s.core.latest - s.retention }

func (s *spans[K, V]) expiredBelow() []byte {
	bucket := s.oldest() / s.width
	if bucket <= 0 {
		return nil
	}
	s.first = max(s.first, bucket)
	return appendTimestamp(nil, bucket)
}

func bucketOf(row []byte) int64 { return int64(binary.BigEndian.Uint64(row)) }

// entry finds or makes the entry of a row.
func (s *spans[K, V]) entry(at Span[K]) (*Entry[Span[K], V], error) {
	c, err := s.chainOf(at.Key, at.End)
	if err != nil {
		return nil, err
	}
	i, found := c.place(at)
	if !found {
		at.Key = c.key
		e := &Entry[Span[K], V]{cell: cell{key: s.rowKey(c.name, at)}, typed: at}
		s.weigh(e, 8)
		s.changed(c, e)
		c.rows = slices.Insert(c.rows, i, e)
	}
	e := c.rows[i]
	if s.agenda != nil && !at.hidden && !e.present {
		s.agenda.add(c.name, moment{at.End, at.Start})
	}
	return e, nil
}

// rowKey is the key of a row.
func (s *spans[K, V]) rowKey(name string, at Span[K]) string {
	bucket := at.End / s.width
	if s.last < s.first {
		s.first = bucket
	}
	s.first, s.last = min(s.first, bucket), max(s.last, bucket)
	b := append(appendTimestamp(s.core.row[:0], bucket), name...)
	s.core.row = appendBounds(b, at.Start, at.End, at.hidden)
	return string(s.core.row)
}

// Set writes an entry of the store. A nil value deletes it.
func (s *spans[K, V]) Set(e *Entry[Span[K], V], value V, ts int64, headers record.Headers) error {
	if s.isNil(value) {
		return s.Remove(e, ts, headers)
	}
	s.Advance(e.typed.End)
	return s.set(e, version[V]{value: value, ts: ts, present: true}, headers)
}

// Remove deletes an entry of the store.
func (s *spans[K, V]) Remove(e *Entry[Span[K], V], ts int64, headers record.Headers) error {
	name, _, _, _ := splitRow(e.key)
	c := s.current
	if c == nil || c.name != name {
		c = s.chains[name]
	}
	if c != nil {
		s.changed(c, e)
	}
	return s.set(e, version[V]{ts: ts}, headers)
}

// get reads a row.
func (s *spans[K, V]) get(at Span[K]) (v V, ts int64, ok bool, err error) {
	if at.End < s.oldest() {
		return v, 0, false, nil
	}
	c, err := s.chainOf(at.Key, at.End)
	if err != nil {
		return v, 0, false, err
	}
	if i, found := c.place(at); found {
		e := c.rows[i]
		return e.value, e.ts, e.present, nil
	}
	return v, 0, false, nil
}

// touching returns the rows of a key that end at from or later and start between two
// times, in the order of their ends. The slice is valid until the next call.
func (s *spans[K, V]) touching(key K, from, first, last int64) ([]*Entry[Span[K], V], error) {
	from = max(from, s.oldest(), 0)
	c, err := s.chainOf(key, from)
	if err != nil {
		return nil, err
	}
	s.found = s.found[:0]
	i, _ := c.place(Span[K]{End: from, Start: -1})
	for _, e := range c.rows[i:] {
		if e.present && e.typed.Start >= first && e.typed.Start <= last {
			s.found = append(s.found, e)
		}
	}
	return s.found, nil
}

// items are the entries that are not hidden, as rows.
func items[K, V any](entries []*Entry[Span[K], V], err error) iter.Seq2[Item[Span[K], V], error] {
	entries = slices.Clone(entries) // they are in memory that is reused
	return func(yield func(Item[Span[K], V], error) bool) {
		if err != nil {
			yield(Item[Span[K], V]{}, err)
			return
		}
		for _, e := range entries {
			if !e.typed.hidden && !yield(Item[Span[K], V]{Key: e.typed, Value: e.value, Timestamp: e.ts}, nil) {
				return
			}
		}
	}
}

// inTime returns all rows that keep accepts, ordered by end, start and encoded key.
// It reads the whole store.
func (s *spans[K, V]) inTime(keep func(Span[K]) bool) iter.Seq2[Item[Span[K], V], error] {
	type row struct {
		Item[Span[K], V]
		name []byte
	}
	return func(yield func(Item[Span[K], V], error) bool) {
		var rows []row
		for item, err := range s.scan(nil, nil, false) {
			r := row{Item: item}
			if err == nil && (item.Key.hidden || item.Key.End < s.oldest() || !keep(item.Key)) {
				continue
			}
			if err == nil {
				r.name, err = s.keys.Append(nil, item.Key.Key)
			}
			if err != nil {
				yield(Item[Span[K], V]{}, err)
				return
			}
			rows = append(rows, r)
		}
		slices.SortFunc(rows, func(a, b row) int {
			return cmp.Or(cmp.Compare(a.Key.End, b.Key.End), cmp.Compare(a.Key.Start, b.Key.Start), bytes.Compare(a.name, b.name))
		})
		for _, r := range rows {
			if !yield(r.Item, nil) {
				return
			}
		}
	}
}
