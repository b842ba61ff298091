package state

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Buffer holds updates of rows back, one of each key, and gives them up in the order
// of their times, those of one time in the order of their encoded keys. A row keeps
// the time and the place that its first update got.
//
// Rows are in the cache and in the backend like those of any store, so that there
// may be more of them than fit into memory. They are logged when the task commits.
type Buffer[K, V any] struct {
	rows store[K, Held[V]]
	// times orders the rows, nil if timeOf tells their times from their keys: then
	// they lie in that order themselves.
	times  *store[placing[K], nothing]
	timeOf func(K) int64
	held   *heldSerde[V]
	// ownValue makes a value independent of what it was decoded from.
	ownValue func(V) V
	head     head[K]
	tally    tally
	marked   tally
	// written is the latest time of a row that the backend may have, once known.
	written, latest int64
	known           bool
	// spent is about how many bytes the rows removed since Relieve still take.
	spent int
	// next and forward are called at a flush, see OnFlush; forwarding says that it was
	// next that has something to forward.
	next       func() (bool, error)
	forward    func() error
	forwarding bool
	// fault is what went wrong when the buffer was opened.
	fault error
	// Clock is the wall clock.
	Clock func() int64
}

// tally is how much a buffer holds, if that is measured.
type tally struct{ rows, bytes int64 }

// NewBuffer opens a buffer. timeOf tells the time of a row from its key; nil says
// that each row comes with its own. If local state is in the order of the other kind
// of buffer, it is emptied, to be rebuilt from the changelog.
func NewBuffer[K, V any](name string, key serde.Serde[K], value serde.Serde[V], timeOf func(K) int64, o Options) *Buffer[K, V] {
	b := &Buffer[K, V]{
		timeOf: timeOf, held: &heldSerde[V]{value: value}, ownValue: owning(value), written: -1, latest: -1,
		Clock: func() int64 { return 0 },
	}
	o.Caching = true
	foreign := byTime
	if timeOf != nil {
		foreign = byKey
		b.rows.open(name, timedLayout(key, b.held, timeOf), o)
		b.rows.absent = b.unwritten
	} else {
		b.times = &store[placing[K], nothing]{}
		b.times.open(name, placeLayout(key), Options{Space: o.Space, Caching: true})
		b.rows.open(name, keyedLayout(key, b.held), o)
		b.Capacity(o.Capacity)
	}
	b.head.reset()
	b.fault = b.clearIf(foreign)
	return b
}

// Put holds an update back. Of h, Prior is ignored: it is what the row was when the
// first update of it came. So is Time, unless this is the first update and rows come
// with their times.
func (b *Buffer[K, V]) Put(key K, h Held[V]) error {
	if b.fault != nil {
		return b.fault
	}
	e, err := b.rows.lookup(key)
	if err != nil {
		return err
	}
	before, had := e.now.value, e.now.present
	b.own(&h)
	switch {
	case had:
		h.Prior, h.HasPrior, h.Time = before.Prior, before.HasPrior, before.Time
	case b.timeOf != nil:
		h.Prior, h.HasPrior, h.Time = h.Old, h.HasOld, b.timeOf(key)
	default:
		h.Prior, h.HasPrior = h.Old, h.HasOld
	}
	if err := b.count(e, &h, had); err != nil {
		return err
	}
	if !had {
		if err := b.enter(e, h.Time); err != nil {
			return err
		}
	}
	return b.rows.set(e, version[Held[V]]{value: h, ts: h.Timestamp, present: true}, nil)
}

// own makes an update independent of the record that it came with.
func (b *Buffer[K, V]) own(h *Held[V]) {
	if h.HasOld {
		h.Old = b.ownValue(h.Old)
	}
	if h.HasNew {
		h.New = b.ownValue(h.New)
	}
	if len(h.Headers) == 0 {
		h.Headers = nil
		return
	}
	headers := make(record.Headers, len(h.Headers))
	for i, one := range h.Headers {
		headers[i] = record.Header{Key: one.Key, Value: bytes.Clone(one.Value)}
	}
	h.Headers = headers
}

// enter gives a new row its place.
func (b *Buffer[K, V]) enter(e *Entry[K, Held[V]], time int64) error {
	b.latest = max(b.latest, time)
	if b.times == nil {
		b.head.add(e.key, e.typed)
		return nil
	}
	place, err := b.times.fresh(placing[K]{time: time, key: e.typed})
	if err != nil {
		return err
	}
	b.head.add(place.key, e.typed)
	return b.times.set(place, version[nothing]{present: true}, nil)
}

// Next gives up the first row if its time is at most until. ok is false if there is
// none.
func (b *Buffer[K, V]) Next(until int64) (key K, h Held[V], ok bool, err error) {
	for b.head.least <= until {
		place, first, found, err := b.first()
		if err != nil || !found || placeTime(place) > until {
			return key, h, false, err
		}
		e, err := b.rows.lookup(first)
		if err != nil {
			return key, h, false, err
		}
		b.head.remove(place)
		h, ok = e.now.value, e.now.present && e.now.value.Time == placeTime(place)
		if err := b.leave(e, placeTime(place), ok); ok || err != nil {
			return first, h, ok, err
		}
	}
	return key, h, false, nil
}

// leave removes a row, or the place of one that is not there any more: a row that was
// deleted while the store was rebuilt.
func (b *Buffer[K, V]) leave(e *Entry[K, Held[V]], time int64, present bool) error {
	if b.times != nil {
		place, err := b.times.fresh(placing[K]{time: time, key: e.typed})
		if err != nil {
			return err
		}
		place.stored = true
		if err := b.times.set(place, version[nothing]{}, nil); err != nil {
			return err
		}
	}
	if !present {
		return nil
	}
	if err := b.count(e, nil, true); err != nil {
		return err
	}
	b.spent += 2 * int(e.size) // it is also among the writes to be flushed
	return b.rows.set(e, version[Held[V]]{}, nil)
}

// leastSpent is what removed rows may take, in a small cache too.
const leastSpent = 4 << 20

// Exhausted says that the rows removed since Relieve take as much memory as the
// cache may: they are in it until they are flushed and their removal is in the
// backend.
func (b *Buffer[K, V]) Exhausted() bool { return b.spent > max(b.rows.capacity, leastSpent) }

// Relieve says that removed rows have been flushed.
func (b *Buffer[K, V]) Relieve() { b.spent = 0 }

// Prior is what was passed on last of a row that is held back; held is false if
// there is none.
func (b *Buffer[K, V]) Prior(key K) (prior V, has, held bool, err error) {
	e, err := b.rows.lookup(key)
	if err != nil || !e.now.present {
		return prior, false, false, err
	}
	return e.now.value.Prior, e.now.value.HasPrior, true, nil
}

// Measure counts the rows, and their bytes if asked for, and has them counted from
// then on.
func (b *Buffer[K, V]) Measure(bytes bool) error {
	b.held.measured = bytes
	for item, err := range b.rows.scan(b.section()) {
		if err != nil {
			return fmt.Errorf("state: store %q: %w", b.rows.name, err)
		}
		b.tally.rows++
		key, err := b.rows.layout.appendKey(b.held.scratch[:0], item.Key)
		if err != nil {
			return err
		}
		b.held.scratch = key
		b.tally.bytes += int64(len(key) - b.keyAt() + item.Value.weight)
	}
	return nil
}

// Size is how many rows are held back, and how many bytes they count for, if Measure
// was asked for that.
func (b *Buffer[K, V]) Size() (rows, bytes int64) { return b.tally.rows, b.tally.bytes }

// count accounts for a row that is put, or removed if h is nil.
func (b *Buffer[K, V]) count(e *Entry[K, Held[V]], h *Held[V], had bool) error {
	key := int64(len(e.key) - b.keyAt())
	if had {
		b.tally.rows--
		b.tally.bytes -= key + int64(e.now.value.weight)
	}
	if h == nil {
		return nil
	}
	if b.held.measured {
		if err := b.held.weigh(h); err != nil {
			return fmt.Errorf("state: store %q: encode value: %w", b.rows.name, err)
		}
	}
	b.tally.rows++
	b.tally.bytes += key + int64(h.weight)
	return nil
}

// placeTime is the time in a place: a key that is ordered by time.
func placeTime(place string) int64 { return int64(binary.BigEndian.Uint64([]byte(place[1:9]))) }
