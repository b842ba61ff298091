package state

import (
	"iter"

	"github.com/tidwall/btree"
)

// Item is one row of a store, as scans return it.
type Item[K, V any] struct {
	Key   K
	Value V
	// Timestamp is in milliseconds since the Unix epoch.
	Timestamp int64
}

// index orders cells by key. It is an interface so that what imports this package
// need not compile the tree behind it again.
type index interface {
	set(c *cell)
	// cursor walks the cells as they are now.
	cursor() cursor
}

// cursor is at a cell, or at none where its methods return false.
type cursor interface {
	// Seek goes to the first cell whose key is at or after key.
	Seek(key string) bool
	Last() bool
	Next() bool
	Prev() bool
	Value() *cell
}

type tree struct{ cells btree.Map[string, *cell] }

func newIndex() index { return &tree{} }

func (t *tree) set(c *cell) { t.cells.Set(c.key, c) }

func (t *tree) cursor() cursor {
	it := t.cells.Copy().Iter()
	return &it
}

// sync brings the index of the pinned cells up to date.
func (o *overlay) sync() {
	if o.index == nil {
		o.index = newIndex()
		o.indexed = 0
		for _, c := range o.inflight {
			o.index.set(c)
		}
	}
	for _, c := range o.pending[o.indexed:] {
		o.index.set(c)
	}
	o.indexed = len(o.pending)
}

// scan yields the rows with a backend key in [from, to) in order; to may be nil.
// Writes made while it runs may or may not be seen.
func (s *store[K, V]) scan(from, to []byte, reverse bool) iter.Seq2[Item[K, V], error] {
	return func(yield func(Item[K, V], error) bool) {
		m := merge{overlay: &s.core, reverse: reverse, from: string(from), to: string(to), bounded: to != nil}
		m.yield = func(c *cell, key, row []byte) bool {
			if c != nil {
				e := entryOf[K, V](c)
				return yield(Item[K, V]{Key: e.typed, Value: e.value, Timestamp: e.ts}, nil)
			}
			item, err := s.layout.item(key, row)
			return yield(item, err) && err == nil
		}
		if err := m.run(); err != nil {
			yield(Item[K, V]{}, err)
		}
	}
}

// merge walks the backend and the pinned cells side by side.
type merge struct {
	overlay *overlay
	// yield is called for each row: a pinned cell, or key and row in the backend.
	yield   func(c *cell, key, row []byte) bool
	reverse bool
	from    string
	to      string
	bounded bool
	pinned  cursor
	more    bool
	stopped bool
}

func (m *merge) run() error {
	o := m.overlay
	o.sync()
	m.pinned = o.index.cursor()
	m.more = m.seek()
	from := append(append([]byte(nil), o.space.prefix[:]...), m.from...)
	to := o.space.end()
	if m.bounded {
		to = append(append([]byte(nil), o.space.prefix[:]...), m.to...)
	}
	err := o.space.backend.Scan(from, to, m.reverse, m.row)
	for err == nil && !m.stopped && m.more {
		m.emitPinned()
	}
	if err != nil && !m.stopped {
		return &BackendError{Err: err}
	}
	return nil
}

func (m *merge) seek() bool {
	if !m.reverse {
		return m.inRange(m.pinned.Seek(m.from))
	}
	if !m.bounded {
		return m.inRange(m.pinned.Last())
	}
	// Seek finds the first key at or after the bound; the one before it is ours.
	if m.pinned.Seek(m.to) {
		return m.inRange(m.pinned.Prev())
	}
	return m.inRange(m.pinned.Last())
}

func (m *merge) inRange(ok bool) bool {
	if !ok {
		return false
	}
	key := m.pinned.Value().key
	return key >= m.from && (!m.bounded || key < m.to)
}

func (m *merge) advance() {
	if m.reverse {
		m.more = m.inRange(m.pinned.Prev())
	} else {
		m.more = m.inRange(m.pinned.Next())
	}
}

// emitPinned yields the pinned cell at hand, if it has a value, and moves on.
func (m *merge) emitPinned() {
	c := m.pinned.Value()
	m.advance()
	if c.present {
		m.stopped = !m.yield(c, nil, nil)
	}
}

// row is called for every row of the backend.
func (m *merge) row(key, value []byte) bool {
	suffix := key[spacePrefix:]
	for m.more && !m.stopped && m.before(m.pinned.Value().key, suffix) {
		m.emitPinned()
	}
	if m.stopped {
		return false
	}
	if m.more && m.pinned.Value().key == string(suffix) {
		m.emitPinned()
		return !m.stopped
	}
	m.stopped = !m.yield(nil, suffix, value)
	return !m.stopped
}

func (m *merge) before(pinned string, key []byte) bool {
	if m.reverse {
		return pinned > string(key)
	}
	return pinned < string(key)
}

// item decodes a row that a scan found. The bytes are valid during the scan
// only, so they are copied before anything decoded from them can escape.
func (l *layout[K, V]) item(key, row []byte) (Item[K, V], error) {
	var item Item[K, V]
	owned := append(append(make([]byte, 0, len(key)+len(row)), key...), row...)
	k, err := l.decodeKey(owned[:len(key):len(key)])
	if err != nil {
		return item, err
	}
	item.Key = k
	item.Value, item.Timestamp, err = l.decodeRow(owned[len(key):])
	return item, err
}
