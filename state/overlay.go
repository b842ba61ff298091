package state

import (
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/tidemill/tidemill/record"
)

// Entry is one key of a store in memory. It is read through its methods and
// written through the store that it came from; it is valid until the next call on
// that store that looks up another key.
type Entry[K, V any] struct {
	key   string // as in the backend, without the space's prefix
	typed K
	now   version[V]
	epoch uint64 // of the last write; 0 if there was none
	size  int32
	// dirty is the entry's place in the overlay's list of unflushed writes, from 1;
	// 0 if it is not in it.
	dirty int32
	// used says that the entry was looked up since the hand passed it; clocked that
	// it is among those that the hand passes.
	used, clocked bool
	// stored says that the backend may have a row of it, or is being given one.
	stored bool
}

type version[V any] struct {
	value   V
	ts      int64
	present bool
}

// Key is the key of the entry.
func (e *Entry[K, V]) Key() K { return e.typed }

// Value is the value, its timestamp and whether there is one.
func (e *Entry[K, V]) Value() (V, int64, bool) { return e.now.value, e.now.ts, e.now.present }

// unflushed is a write that has not been flushed yet.
type unflushed[K, V any] struct {
	entry *Entry[K, V]
	// old is the version that was flushed last.
	old version[V]
	// headers are those of the record that wrote last.
	headers record.Headers
}

// overlay is the typed write-back cache over one space. Entries that were
// written since the last applied checkpoint are pinned: they are the only place
// where their value is. The others are a cache: when they are over its capacity, a
// hand goes round them and drops what was not used since it came by last.
type overlay[K, V any] struct {
	space  Space
	layout layout[K, V]
	// scratch holds the space's prefix followed by the key looked up last.
	scratch []byte

	// entries is nil in a store that keeps the entries itself.
	entries map[string]*Entry[K, V]
	// spare is about how many bytes the entries that are not pinned take, at most
	// capacity. clock holds these entries, and some that were pinned since the hand
	// passed them.
	spare, capacity int
	clock           []*Entry[K, V]
	hand            int

	dirty []unflushed[K, V] // in the order of the writes
	// pending was written since the last checkpoint began; inflight is what that
	// checkpoint is writing. Together they are the pinned entries.
	pending, inflight []*Entry[K, V]
	epoch, applied    uint64
	pinnedBytes       int

	// index orders the first indexed entries of pending, and all of inflight. It
	// exists only once a scan has asked for it.
	index   *btree.Map[string, *Entry[K, V]]
	indexed int

	journal    []undo[K, V]
	journaling bool
	// units counts the calls of mark.
	units uint64
	// latest is the latest window start or end written, in a store of windows.
	latest int64
	// absent, if set, says that a key is surely not in the backend.
	absent func(key K) (bool, error)
	marks  struct {
		dirty, pending, pinned int
		latest                 int64
	}
}

type undo[K, V any] struct {
	entry   *Entry[K, V]
	before  Entry[K, V]
	headers record.Headers
}

// entryOverhead is what an entry costs beside its own fields, its key and its
// value: its share of the map and the lists, and the rounding up of allocations.
const entryOverhead = 48

// resize sets the size of an entry whose encoded value has this many bytes.
func (e *Entry[K, V]) resize(value int) {
	e.size = int32(entryOverhead + 2*len(e.key) + value + int(unsafe.Sizeof(*e)))
}

// weight is about how many bytes the encoded value of an entry has.
func (e *Entry[K, V]) weight() int {
	return int(e.size) - entryOverhead - 2*len(e.key) - int(unsafe.Sizeof(*e))
}

func (o *overlay[K, V]) init(space Space, l layout[K, V], capacity int) {
	o.space, o.layout, o.capacity = space, l, capacity
	o.scratch = append(o.scratch, space.prefix[:]...)
	o.entries = map[string]*Entry[K, V]{}
	o.epoch = 1
}

// lookup returns the entry of a key, loading it from the backend if need be.
func (o *overlay[K, V]) lookup(key K) (*Entry[K, V], error) {
	b, err := o.layout.appendKey(o.scratch[:spacePrefix], key)
	if err != nil {
		return nil, err
	}
	o.scratch = b
	if e := o.entries[string(b[spacePrefix:])]; e != nil {
		e.used = true
		return e, nil
	}
	return o.load(key, b[spacePrefix:])
}

func (o *overlay[K, V]) load(key K, bytes []byte) (*Entry[K, V], error) {
	e := &Entry[K, V]{key: string(bytes), typed: o.layout.ownKey(key)}
	value, ok, err := o.stored(key)
	if err != nil {
		return nil, &BackendError{Err: err}
	}
	if ok {
		if e.now.value, e.now.ts, err = o.layout.decodeRow(value); err != nil {
			return nil, err
		}
		e.now.present, e.stored = true, true
	}
	o.keep(e, len(value))
	return e, nil
}

// fresh returns the entry of a key that is known to have no row. The key must
// share no memory with anything that changes.
func (o *overlay[K, V]) fresh(key K) (*Entry[K, V], error) {
	b, err := o.layout.appendKey(o.scratch[:spacePrefix], key)
	if err != nil {
		return nil, err
	}
	o.scratch = b
	if e := o.entries[string(b[spacePrefix:])]; e != nil {
		return e, nil
	}
	e := &Entry[K, V]{key: string(b[spacePrefix:]), typed: key}
	o.keep(e, 0)
	return e, nil
}

// found returns the entry of a row that a scan found, without keeping it.
func (o *overlay[K, V]) found(item Item[K, V]) (*Entry[K, V], error) {
	b, err := o.layout.appendKey(o.scratch[:spacePrefix], item.Key)
	if err != nil {
		return nil, err
	}
	o.scratch = b
	if e := o.entries[string(b[spacePrefix:])]; e != nil {
		return e, nil
	}
	return &Entry[K, V]{key: string(b[spacePrefix:]), typed: item.Key, now: version[V]{item.Value, item.Timestamp, true}, stored: true}, nil
}

// enter keeps an entry that found returned, unless there is one of its key by now.
func (o *overlay[K, V]) enter(e *Entry[K, V]) *Entry[K, V] {
	if have := o.entries[e.key]; have != nil {
		return have
	}
	o.keep(e, 0)
	return e
}

// keep enters an entry that is about this large beside its key.
func (o *overlay[K, V]) keep(e *Entry[K, V], size int) {
	e.resize(size)
	o.makeRoom(int(e.size))
	o.entries[e.key] = e
	o.release(e)
}

// stored is the row of the key in scratch that the backend has.
func (o *overlay[K, V]) stored(key K) (row []byte, ok bool, err error) {
	if o.absent != nil {
		if absent, err := o.absent(key); absent || err != nil {
			return nil, false, err
		}
	}
	return o.space.backend.Get(nil, o.scratch)
}

// release makes an entry one that may be dropped.
func (o *overlay[K, V]) release(e *Entry[K, V]) {
	if o.entries == nil {
		return
	}
	o.spare += int(e.size)
	if !e.clocked {
		e.clocked = true
		o.clock = append(o.clock, e)
	}
}

// makeRoom drops entries until as many bytes are free.
func (o *overlay[K, V]) makeRoom(bytes int) {
	for o.spare+bytes > o.capacity && len(o.clock) > 0 {
		if o.hand >= len(o.clock) {
			o.hand = 0
		}
		e := o.clock[o.hand]
		switch {
		case o.pinned(e):
			o.unclock()
		case e.used:
			e.used = false
			o.hand++
		default:
			o.unclock()
			delete(o.entries, e.key)
			o.spare -= int(e.size)
		}
	}
}

// unclock takes the entry at the hand from the clock.
func (o *overlay[K, V]) unclock() {
	last := len(o.clock) - 1
	o.clock[o.hand].clocked = false
	o.clock[o.hand], o.clock[last] = o.clock[last], nil
	o.clock = o.clock[:last]
}

func (o *overlay[K, V]) pinned(e *Entry[K, V]) bool { return e.epoch > o.applied }

// write replaces the version of an entry.
func (o *overlay[K, V]) write(e *Entry[K, V], v version[V], headers record.Headers) {
	if o.journaling {
		u := undo[K, V]{entry: e, before: *e}
		if e.dirty > 0 {
			u.headers = o.dirty[e.dirty-1].headers
		}
		o.journal = append(o.journal, u)
	}
	if e.dirty == 0 {
		o.dirty = append(o.dirty, unflushed[K, V]{entry: e, old: e.now})
		e.dirty = int32(len(o.dirty))
	}
	o.dirty[e.dirty-1].headers = headers
	if e.epoch != o.epoch {
		if o.entries != nil && !o.pinned(e) {
			o.spare -= int(e.size)
		}
		e.epoch = o.epoch
		o.pending = append(o.pending, e)
		o.pinnedBytes += int(e.size)
	}
	e.now = v
}

// mark begins a record: from here on its writes can be taken back.
func (o *overlay[K, V]) mark() {
	if len(o.journal) > 0 {
		clear(o.journal)
		o.journal = o.journal[:0]
	}
	o.journaling = true
	o.units++
	o.marks.dirty, o.marks.pending, o.marks.pinned = len(o.dirty), len(o.pending), o.pinnedBytes
	o.marks.latest = o.latest
}

// rollback takes back every write since mark.
func (o *overlay[K, V]) rollback() {
	for i := len(o.journal) - 1; i >= 0; i-- {
		u := &o.journal[i]
		clocked, was := u.entry.clocked, o.pinned(u.entry)
		*u.entry = u.before
		u.entry.clocked = clocked
		if was && !o.pinned(u.entry) {
			o.release(u.entry)
		}
		if u.before.dirty > 0 {
			o.dirty[u.before.dirty-1].headers = u.headers
		}
	}
	clear(o.journal)
	o.journal = o.journal[:0]
	if o.indexed > o.marks.pending {
		o.index, o.indexed = nil, 0
	}
	clear(o.dirty[o.marks.dirty:])
	o.dirty, o.pending, o.pinnedBytes = o.dirty[:o.marks.dirty], o.pending[:o.marks.pending], o.marks.pinned
	o.latest = o.marks.latest
}
