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
	// used says that the entry was looked up since the cache was last swept.
	used bool
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
// where their value is. The others are a cache: when it is over its capacity, it
// is swept of what was not used since the last time.
type overlay[K, V any] struct {
	space  Space
	layout layout[K, V]
	// scratch holds the space's prefix followed by the key looked up last.
	scratch []byte

	entries         map[string]*Entry[K, V]
	bytes, capacity int

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
	// latest is the latest window start written, in a window store.
	latest int64
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
	value, ok, err := o.space.backend.Get(nil, o.scratch)
	if err != nil {
		return nil, &BackendError{Err: err}
	}
	if ok {
		if e.now.value, e.now.ts, err = o.layout.decodeRow(value); err != nil {
			return nil, err
		}
		e.now.present = true
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

// keep enters an entry that is about this large beside its key.
func (o *overlay[K, V]) keep(e *Entry[K, V], size int) {
	e.size = int32(entryOverhead + 2*len(e.key) + size + int(unsafe.Sizeof(*e)))
	if o.bytes+int(e.size) > o.capacity {
		o.sweep()
	}
	o.entries[e.key] = e
	o.bytes += int(e.size)
}

// sweep drops unpinned entries until a quarter of the capacity is free: first
// those that were not used since the last sweep, then any.
func (o *overlay[K, V]) sweep() {
	goal := o.capacity - o.capacity/4
	for _, spare := range []bool{true, false} {
		for key, e := range o.entries {
			if o.bytes <= goal {
				return
			}
			if o.pinned(e) {
				continue
			}
			if spare && e.used {
				e.used = false
				continue
			}
			delete(o.entries, key)
			o.bytes -= int(e.size)
		}
	}
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
	o.marks.dirty, o.marks.pending, o.marks.pinned = len(o.dirty), len(o.pending), o.pinnedBytes
	o.marks.latest = o.latest
}

// rollback takes back every write since mark.
func (o *overlay[K, V]) rollback() {
	for i := len(o.journal) - 1; i >= 0; i-- {
		u := &o.journal[i]
		*u.entry = u.before
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
