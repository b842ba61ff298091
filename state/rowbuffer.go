package state

import (
	"encoding/binary"
	"fmt"
)

// rowBuffer is what Buffer is without the types of its keys and values.
//
// Rows are in the cache and in the backend like those of any store, so that there
// may be more of them than fit into memory. They are logged when the task commits.
type rowBuffer struct {
	rows store[placing, heldRow]
	// times orders the rows, nil if their times follow from their keys: then they lie in
	// that order themselves.
	times  *store[placing, nothing]
	held   *heldSerde
	head   head
	tally  tally
	marked tally
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
	// clock is the wall clock.
	clock func() int64
}

// tally is how much a buffer holds, if that is measured.
type tally struct{ rows, bytes int64 }

// openRowBuffer opens a buffer. timeOf, if times follow from keys, is for keys of the
// changelog; whoever calls the buffer gives the time with the key.
func openRowBuffer(name string, timeOf func(key []byte) (int64, error), clock func() int64, o Options) heldRows {
	b := &rowBuffer{held: &heldSerde{}, written: -1, latest: -1, clock: clock}
	o.Caching = true
	foreign := byTime
	if timeOf != nil {
		foreign = byKey
		b.rows.open(name, timedLayout(b.held, timeOf), o)
		b.rows.core.absent = b.unwritten
	} else {
		b.times = &store[placing, nothing]{}
		b.times.open(name, placeLayout(), Options{Space: o.Space, Caching: true})
		b.rows.open(name, keyedLayout(b.held), o)
		b.Capacity(o.Capacity)
	}
	b.head.reset()
	b.fault = b.clearIf(foreign)
	return b
}

// put holds an update back. Its prior value and its time are those of the row that
// is there already, if one is.
func (b *rowBuffer) put(at placing, h heldRow) error {
	if b.fault != nil {
		return b.fault
	}
	e, err := b.rows.lookup(at)
	if err != nil {
		return err
	}
	had := e.present
	if had {
		h.Prior, h.time = e.value.Prior, e.value.time
	} else {
		h.Prior, h.time = h.Old, at.time
	}
	b.count(e, &h, had)
	if !had {
		if err := b.enter(e, h.time); err != nil {
			return err
		}
	}
	return b.rows.set(e, version[heldRow]{value: h, ts: h.Timestamp, present: true}, nil)
}

// enter gives a new row its place.
func (b *rowBuffer) enter(e *Entry[placing, heldRow], time int64) error {
	b.latest = max(b.latest, time)
	if b.times == nil {
		b.head.add(e.key, e.typed.key)
		return nil
	}
	place, err := b.times.fresh(placing{time: time, key: e.typed.key})
	if err != nil {
		return err
	}
	b.head.add(place.key, e.typed.key)
	return b.times.set(place, version[nothing]{present: true}, nil)
}

// take gives up the first row if its time is at most until. ok is false if there is
// none.
func (b *rowBuffer) take(until int64) (key []byte, h heldRow, ok bool, err error) {
	for b.head.least <= until {
		place, first, found, err := b.first()
		if err != nil || !found || placeTime(place) > until {
			return key, h, false, err
		}
		e, err := b.rows.lookup(placing{time: placeTime(place), key: first})
		if err != nil {
			return key, h, false, err
		}
		b.head.remove(place)
		h, ok = e.value, e.present && e.value.time == placeTime(place)
		if err := b.leave(e, placeTime(place), ok); ok || err != nil {
			return first, h, ok, err
		}
	}
	return key, h, false, nil
}

// leave removes a row, or the place of one that is not there any more: a row that was
// deleted while the store was rebuilt.
func (b *rowBuffer) leave(e *Entry[placing, heldRow], time int64, present bool) error {
	if b.times != nil {
		place, err := b.times.fresh(placing{time: time, key: e.typed.key})
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
	b.count(e, nil, true)
	b.spent += 2 * int(e.size) // it is also among the writes to be flushed
	return b.rows.set(e, version[heldRow]{}, nil)
}

// leastSpent is what removed rows may take, in a small cache too.
const leastSpent = 4 << 20

// exhausted says that the rows removed lately take as much memory as the cache may.
func (b *rowBuffer) exhausted() bool { return b.spent > max(b.rows.core.capacity, leastSpent) }

// relieve says that removed rows have been flushed.
func (b *rowBuffer) relieve() { b.spent = 0 }

// Name is the name of the store.
func (b *rowBuffer) Name() string { return b.rows.Name() }

// prior is what was passed on last of a row that is held back, nil if nothing was.
func (b *rowBuffer) prior(at placing) (prior []byte, held bool, err error) {
	e, err := b.rows.lookup(at)
	if err != nil {
		return nil, false, err
	}
	return e.value.Prior, e.present, nil
}

func (b *rowBuffer) size() (rows, bytes int64) { return b.tally.rows, b.tally.bytes }

// onFlush sets what a flush does before it logs.
func (b *rowBuffer) onFlush(next func() (bool, error), forward func() error) {
	b.next, b.forward = next, forward
}

// measure counts the rows, and their bytes if asked for, and has them counted from
// then on.
func (b *rowBuffer) measure(bytes bool) error {
	b.held.measured = bytes
	for item, err := range b.rows.scan(b.section()) {
		if err != nil {
			return fmt.Errorf("state: store %q: %w", b.rows.core.name, err)
		}
		b.tally.rows++
		b.tally.bytes += int64(len(item.Key.key) + item.Value.weight)
	}
	return nil
}

// count accounts for a row that is put, or removed if h is nil.
func (b *rowBuffer) count(e *Entry[placing, heldRow], h *heldRow, had bool) {
	key := int64(len(e.typed.key))
	if had {
		b.tally.rows--
		b.tally.bytes -= key + int64(e.value.weight)
	}
	if h == nil {
		return
	}
	if b.held.measured {
		b.held.weigh(h)
	}
	b.tally.rows++
	b.tally.bytes += key + int64(h.weight)
}

// placeTime is the time in a place: a key that is ordered by time.
func placeTime(place string) int64 { return int64(binary.BigEndian.Uint64([]byte(place[1:9]))) }
