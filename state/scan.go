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

// sync brings the index of the pinned entries up to date.
func (o *overlay[K, V]) sync() {
	if o.index == nil {
		o.index = new(btree.Map[string, *Entry[K, V]])
		o.indexed = 0
		for _, e := range o.inflight {
			o.index.Set(e.key, e)
		}
	}
	for _, e := range o.pending[o.indexed:] {
		o.index.Set(e.key, e)
	}
	o.indexed = len(o.pending)
}

// scan yields the rows with a backend key in [from, to) in order; to may be nil.
// Writes made while it runs may or may not be seen.
func (o *overlay[K, V]) scan(from, to []byte, reverse bool) iter.Seq2[Item[K, V], error] {
	return func(yield func(Item[K, V], error) bool) {
		m := merge[K, V]{overlay: o, yield: yield, reverse: reverse, from: string(from), to: string(to), bounded: to != nil}
		m.run()
	}
}

// merge walks the backend and the pinned entries side by side.
type merge[K, V any] struct {
	overlay *overlay[K, V]
	yield   func(Item[K, V], error) bool
	reverse bool
	from    string
	to      string
	bounded bool
	pinned  btree.MapIter[string, *Entry[K, V]]
	more    bool
	stopped bool
}

func (m *merge[K, V]) run() {
	o := m.overlay
	o.sync()
	pinned := o.index.Copy()
	m.pinned = pinned.Iter()
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
		m.yield(Item[K, V]{}, &BackendError{Err: err})
	}
}

func (m *merge[K, V]) seek() bool {
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

func (m *merge[K, V]) inRange(ok bool) bool {
	if !ok {
		return false
	}
	key := m.pinned.Key()
	return key >= m.from && (!m.bounded || key < m.to)
}

func (m *merge[K, V]) advance() {
	if m.reverse {
		m.more = m.inRange(m.pinned.Prev())
	} else {
		m.more = m.inRange(m.pinned.Next())
	}
}

// emitPinned yields the pinned entry at hand, if it has a value, and moves on.
func (m *merge[K, V]) emitPinned() {
	e := m.pinned.Value()
	m.advance()
	if e.now.present {
		m.stopped = !m.yield(Item[K, V]{Key: e.typed, Value: e.now.value, Timestamp: e.now.ts}, nil)
	}
}

// row is called for every row of the backend.
func (m *merge[K, V]) row(key, value []byte) bool {
	suffix := key[spacePrefix:]
	for m.more && !m.stopped && m.before(m.pinned.Key(), suffix) {
		m.emitPinned()
	}
	if m.stopped {
		return false
	}
	if m.more && m.pinned.Key() == string(suffix) {
		m.emitPinned()
		return !m.stopped
	}
	item, err := m.overlay.layout.item(suffix, value)
	m.stopped = !m.yield(item, err) || err != nil
	return !m.stopped
}

func (m *merge[K, V]) before(pinned string, key []byte) bool {
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
