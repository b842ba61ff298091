package state

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"unsafe"
)

// backlog is what of a Waiting store may be in the backend only: the entries from a
// key on, up to a time.
type backlog struct {
	known bool
	// from is the key, without the space's prefix; nil if nothing is in the backend
	// only.
	from []byte
	// first and last bound the timestamps.
	first, last int64
}

func (b *backlog) empty() bool { return b.known && b.from == nil }

// has says whether entries with this timestamp may be in the backend only.
func (b *backlog) has(ts int64) bool { return b.reaches(ts) && ts <= b.last }

// reaches says whether entries with this timestamp or an earlier one may be.
func (b *backlog) reaches(ts int64) bool { return b.from != nil && ts >= b.first }

func (b *backlog) clear() { *b = backlog{known: true} }

// begin sets where the backlog begins.
func (b *backlog) begin(key []byte) {
	b.known, b.from, b.first = true, key, timeOf(key)
}

// prepare looks, before the first use, at what the backend holds.
func (w *Waiting[K, V]) prepare() error {
	if w.backlog.known {
		return nil
	}
	w.backlog.begin(make([]byte, waitingPlace))
	err := w.space.backend.Scan(w.space.prefix[:], w.space.end(), true, func(key, _ []byte) bool {
		w.backlog.last = timeOf(key[spacePrefix:])
		return false
	})
	if err != nil {
		return &BackendError{Err: err}
	}
	return w.load()
}

// loadBatch is how many rows are loaded at a time.
const loadBatch = 512

// load moves the beginning of the backlog to memory.
func (w *Waiting[K, V]) load() error {
	from := append(bytes.Clone(w.space.prefix[:]), w.backlog.from...)
	n := 0
	var fault error
	var next []byte
	err := w.space.backend.Scan(from, w.space.end(), false, func(key, value []byte) bool {
		key = key[spacePrefix:]
		if n++; n > loadBatch {
			next = bytes.Clone(key)
			return false
		}
		if key[8] == w.side && w.entries[string(key)] == nil {
			_, fault = w.enter(key, bytes.Clone(value))
		}
		return fault == nil
	})
	switch {
	case err != nil:
		return &BackendError{Err: err}
	case fault != nil:
		return fault
	case next == nil:
		w.backlog.clear()
	default:
		w.backlog.begin(next)
	}
	return nil
}

// enter makes an entry of a row of the backend, which it keeps.
func (w *Waiting[K, V]) enter(key, row []byte) (*waiting[K, V], error) {
	e := &waiting[K, V]{key: string(key), ts: timeOf(key), stored: true}
	var err error
	if e.typed, err = w.key.Decode([]byte(e.key[waitingPlace:])); err != nil {
		return nil, fmt.Errorf("state: store %q: decode key: %w", w.name, err)
	}
	if err := w.decodeList(row, e); err != nil {
		return nil, fmt.Errorf("state: store %q: %w", w.name, err)
	}
	e.size = int(unsafe.Sizeof(*e)) + entryOverhead + 2*len(key) + len(row)
	w.entries[e.key] = e
	w.bytes += e.size
	w.live++
	w.queue.push(e)
	return e, nil
}

// evict drops the latest of those entries that the backend has, until half of the
// capacity is free.
func (w *Waiting[K, V]) evict() {
	var clean []*waiting[K, V]
	for _, e := range w.entries {
		if e.stored && !e.removed && e.epoch <= w.applied {
			clean = append(clean, e)
		}
	}
	slices.SortFunc(clean, func(a, b *waiting[K, V]) int { return cmp.Compare(b.key, a.key) })
	last := int64(-1)
	var from *waiting[K, V]
	for _, e := range clean {
		if w.bytes <= w.capacity/2 {
			break
		}
		from, last = e, max(last, e.ts)
		delete(w.entries, e.key)
		w.bytes -= e.size
		w.live--
		e.queued = false
	}
	if from == nil {
		return
	}
	w.queue.keep(func(e *waiting[K, V]) bool { return e.queued && !e.removed })
	if w.backlog.from == nil || from.key < string(w.backlog.from) {
		w.backlog.begin([]byte(from.key))
	}
	w.backlog.last = max(w.backlog.last, last)
}
