package state

import (
	"unsafe"

	"github.com/tidwall/btree"

	"github.com/tidemill/tidemill/record"
)

// Entry is one key of a store in memory. Its fields are read through the
// methods and written through the store that it came from; it is valid until
// the next call on that store that looks up another key.
type Entry[K, V any] struct {
	key   string // as in the backend, without the space's prefix
	typed K
	now   version[V]
	// old is the version that was flushed last, while dirty is set.
	old     version[V]
	headers record.Headers
	epoch   uint64 // of the last write; 0 if there was none
	size    int
	dirty   bool
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

// overlay is the typed write-back cache over one space. Entries that were
// written since the last applied checkpoint are pinned: they are the only place
// where their value is. The others are a cache of two generations: when the
// younger one is full it becomes the older one, and what is still unpinned and
// unused in the older one by then is dropped.
type overlay[K, V any] struct {
	space  Space
	layout layout[K, V]
	// scratch holds the space's prefix followed by the key looked up last.
	scratch []byte

	young, old           map[string]*Entry[K, V]
	youngBytes, capacity int

	dirty []*Entry[K, V] // written since the last flush, in order
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
	entry  *Entry[K, V]
	before Entry[K, V]
}

// entryOverhead is what an entry costs beside its key and value: its own fields
// and its share of the map and the lists.
const entryOverhead = 64

func (o *overlay[K, V]) init(space Space, l layout[K, V], capacity int) {
	o.space, o.layout, o.capacity = space, l, capacity
	o.scratch = append(o.scratch, space.prefix[:]...)
	o.young, o.old = map[string]*Entry[K, V]{}, map[string]*Entry[K, V]{}
	o.epoch = 1
}

// lookup returns the entry of a key, loading it from the backend if need be.
func (o *overlay[K, V]) lookup(key K) (*Entry[K, V], error) {
	b, err := o.layout.appendKey(o.scratch[:spacePrefix], key)
	if err != nil {
		return nil, err
	}
	o.scratch = b
	bytes := b[spacePrefix:]
	if e := o.young[string(bytes)]; e != nil {
		return e, nil
	}
	if e := o.old[string(bytes)]; e != nil {
		o.keep(e)
		return e, nil
	}
	return o.load(key, bytes)
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
	e.size = entryOverhead + 2*len(bytes) + len(value) + int(unsafe.Sizeof(*e))
	o.keep(e)
	return e, nil
}

// keep puts an entry into the younger generation.
func (o *overlay[K, V]) keep(e *Entry[K, V]) {
	if o.youngBytes+e.size > o.capacity/2 {
		o.rotate()
	}
	o.young[e.key] = e
	o.youngBytes += e.size
}

func (o *overlay[K, V]) rotate() {
	dropped := o.old
	o.old = o.young
	o.young, o.youngBytes = make(map[string]*Entry[K, V], len(o.old)), 0
	for key, e := range dropped {
		if o.pinned(e) && o.old[key] == nil {
			o.young[key] = e
			o.youngBytes += e.size
		}
	}
}

func (o *overlay[K, V]) pinned(e *Entry[K, V]) bool { return e.epoch > o.applied }

// write replaces the version of an entry.
func (o *overlay[K, V]) write(e *Entry[K, V], v version[V], headers record.Headers) {
	if o.journaling {
		o.journal = append(o.journal, undo[K, V]{entry: e, before: *e})
	}
	if !e.dirty {
		e.old, e.dirty = e.now, true
		o.dirty = append(o.dirty, e)
	}
	if e.epoch != o.epoch {
		e.epoch = o.epoch
		o.pending = append(o.pending, e)
		o.pinnedBytes += e.size
	}
	e.now, e.headers = v, headers
}

// mark begins a record: from here on its writes can be taken back.
func (o *overlay[K, V]) mark() {
	clear(o.journal)
	o.journal = o.journal[:0]
	o.journaling = true
	o.marks.dirty, o.marks.pending, o.marks.pinned = len(o.dirty), len(o.pending), o.pinnedBytes
	o.marks.latest = o.latest
}

// rollback takes back every write since mark.
func (o *overlay[K, V]) rollback() {
	for i := len(o.journal) - 1; i >= 0; i-- {
		*o.journal[i].entry = o.journal[i].before
	}
	clear(o.journal)
	o.journal = o.journal[:0]
	if o.indexed > o.marks.pending {
		o.index, o.indexed = nil, 0
	}
	o.dirty, o.pending, o.pinnedBytes = o.dirty[:o.marks.dirty], o.pending[:o.marks.pending], o.marks.pinned
	o.latest = o.marks.latest
}
