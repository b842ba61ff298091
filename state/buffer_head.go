package state

import (
	"math"

	"github.com/tidwall/btree"
)

// headRows is how many rows are read at a time. It bounds how often a buffer is
// scanned, and how much of it is in its head.
const headRows = 256

// head is the beginning of a buffer: its first rows, by place. All rows are in it
// whose place is not behind bound, or all there are.
type head struct {
	keys  btree.Map[string, []byte]
	bound string
	whole bool
	// least is a time that no row is before.
	least int64
}

// reset forgets everything.
func (h *head) reset() {
	h.keys.Clear()
	h.bound, h.whole, h.least = "", false, math.MinInt64
}

// add enters a new row of the buffer, if it belongs here.
func (h *head) add(place string, key []byte) {
	if !h.whole && place > h.bound {
		return
	}
	h.keys.Set(place, key)
	h.least = min(h.least, placeTime(place))
	if h.keys.Len() > 2*headRows {
		h.trim()
	}
}

// trim shortens a head that has grown.
func (h *head) trim() {
	for h.keys.Len() > headRows {
		h.keys.PopMax()
	}
	h.bound, _, _ = h.keys.Max()
	h.whole = false
}

// remove takes a row out.
func (h *head) remove(place string) {
	h.keys.Delete(place)
	h.settle()
}

// settle finds the least time.
func (h *head) settle() {
	place, _, ok := h.keys.Min()
	switch {
	case ok:
		h.least = placeTime(place)
	case h.whole:
		h.least = math.MaxInt64
	default:
		h.least = placeTime(h.bound)
	}
}

// first is the first row of the buffer.
func (b *rowBuffer) first() (place string, key []byte, ok bool, err error) {
	if place, key, ok = b.head.keys.Min(); ok || b.head.whole {
		return place, key, ok, nil
	}
	if b.times == nil {
		err = b.fill(b.readRows)
	} else {
		err = b.fill(b.readPlaces)
	}
	if err != nil {
		return "", key, false, err
	}
	place, key, ok = b.head.keys.Min()
	return place, key, ok, nil
}

// fill reads the rows behind the head into it.
func (b *rowBuffer) fill(read func(from []byte, yield func(place string, key []byte) bool) error) error {
	n, last := 0, ""
	err := read([]byte(b.head.bound), func(place string, key []byte) bool {
		if place == b.head.bound {
			return true
		}
		b.head.keys.Set(place, key)
		last = place
		n++
		return n < headRows
	})
	if err != nil {
		return err
	}
	b.head.bound, b.head.whole = last, n < headRows
	b.head.settle()
	return nil
}

// readRows reads rows that lie in the order of their times. They are kept in the
// cache, since they will be asked for soon.
func (b *rowBuffer) readRows(from []byte, yield func(place string, key []byte) bool) error {
	start, end, _ := b.section()
	if len(from) == 0 {
		from = start
	}
	for item, err := range b.rows.scan(from, end, false) {
		if err != nil {
			return err
		}
		e, err := b.rows.fresh(item.Key)
		if err != nil {
			return err
		}
		if e.epoch == 0 && !e.present {
			e.value, e.ts, e.present, e.stored = item.Value, item.Timestamp, true, true
		}
		if !yield(e.key, e.typed.key) {
			return nil
		}
	}
	return nil
}

// readPlaces reads places, which say where rows are.
func (b *rowBuffer) readPlaces(from []byte, yield func(place string, key []byte) bool) error {
	if len(from) == 0 {
		from = []byte{byPlace}
	}
	for item, err := range b.times.scan(from, []byte{byPlace + 1}, false) {
		if err != nil {
			return err
		}
		place, err := b.times.layout.appendKey(nil, item.Key)
		if err != nil {
			return err
		}
		if !yield(string(place), item.Key.key) {
			return nil
		}
	}
	return nil
}
