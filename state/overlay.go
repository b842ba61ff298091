package state

import "github.com/tidemill/tidemill/record"

// cell is what an overlay knows of one key of its store. It is the beginning of an
// Entry, which holds what depends on the types of the store.
type cell struct {
	key   string // as in the backend, without the space's prefix
	epoch uint64 // of the last write; 0 if there was none
	ts    int64
	size  int32
	// dirty is the cell's place in the overlay's list of unflushed writes, from 1;
	// 0 if it is not in it.
	dirty int32
	// present says that the key has a value.
	present bool
	// used says that the cell was looked up since the hand passed it; clocked that
	// it is among those that the hand passes.
	used, clocked bool
	// stored says that the backend may have a row of it, or is being given one.
	stored bool
}

// unflushed is a write that has not been flushed yet.
type unflushed struct {
	cell *cell
	// ts and present are those of the version that was flushed last. Its value is in
	// the store.
	ts      int64
	present bool
	// headers are those of the record that wrote last.
	headers record.Headers
}

// undo is what a write replaced, but for the value.
type undo struct {
	cell    *cell
	before  cell
	headers record.Headers
}

// typed is the part of a store that knows its types.
type typed interface {
	// restore takes back the value that the i-th write of the journal wrote.
	restore(c *cell, i int)
	// take makes the i-th unflushed write the one that forward forwards.
	take(i int)
	forward() error
	// appendValue appends the encoded value of a cell that has one.
	appendValue(dst []byte, c *cell) ([]byte, error)
}

// overlay is the write-back cache over one space. Cells that were written since
// the last applied checkpoint are pinned: they are the only place where their value
// is. The others are a cache: when they are over its capacity, a hand goes round
// them and drops what was not used since it came by last.
//
// It is free of types, so that a program is not compiled with one overlay for each
// pair of them.
type overlay struct {
	name    string
	space   Space
	keys    keyBytes
	log     *Changelog
	caching bool
	typed   typed
	// entrySize is the size of an entry of the store without what it points to.
	entrySize int
	// scratch holds the space's prefix followed by the key looked up last; row is
	// memory for a row.
	scratch, row []byte

	// entries is nil in a store that keeps the entries itself.
	entries map[string]*cell
	// spare is about how many bytes the cells that are not pinned take, at most
	// capacity. clock holds these cells, and some that were pinned since the hand
	// passed them.
	spare, capacity int
	clock           []*cell
	hand            int

	dirty []unflushed // in the order of the writes
	// flushed counts the entries of dirty that FlushLog has handed out, written is the
	// one handed out last.
	flushed int
	written unflushed
	// pending was written since the last checkpoint began; inflight is what that
	// checkpoint is writing. Together they are the pinned cells.
	pending, inflight []*cell
	epoch, applied    uint64
	pinnedBytes       int

	// index orders the first indexed cells of pending, and all of inflight. It
	// exists only once a scan has asked for it.
	index   index
	indexed int

	journal    []undo
	journaling bool
	// hits and misses count the look-ups that memory and the backend answered.
	hits, misses int64
	// place, if set, takes the key of a row apart, and floor is where rows begin that do
	// not end before a time.
	place func(row string) placed
	floor func(since int64) []byte
	// units counts the calls of Mark.
	units uint64
	// latest is the latest window start or end written, in a store of windows.
	latest int64
	// absent, if set, says that a key is surely not in the backend.
	absent func(key []byte) (bool, error)
	// expired, if set, tells which backend keys below it are to be dropped, and spent
	// which rows need not reach the backend any more. checkpointing is called first.
	expired       func() []byte
	outlived      func(last []byte) []byte
	spent         func(key string) bool
	checkpointing func()
	// watch, if set, is told of each write.
	watch Watcher
	marks struct {
		dirty, pending, pinned int
		latest                 int64
	}
}

// entryOverhead is what an entry costs beside its own fields, its key and its
// value: its share of the map and the lists, and the rounding up of allocations.
const entryOverhead = 48

// sized sets the size of a cell whose encoded value has this many bytes.
func (o *overlay) sized(c *cell, value int) {
	c.size = int32(entryOverhead + 2*len(c.key) + value + o.entrySize)
}

// weight is about how many bytes the encoded value of a cell has.
func (o *overlay) weight(c *cell) int {
	return int(c.size) - entryOverhead - 2*len(c.key) - o.entrySize
}

// resize sets the size of a pinned cell.
func (o *overlay) resize(c *cell, value int) {
	o.pinnedBytes -= int(c.size)
	o.sized(c, value)
	o.pinnedBytes += int(c.size)
}

func (o *overlay) open(name string, keys keyBytes, t typed, entrySize int, opts Options) {
	o.name, o.space, o.keys, o.log, o.caching, o.capacity = name, opts.Space, keys, opts.Log, opts.Caching, opts.Capacity
	o.typed, o.entrySize = t, entrySize
	o.scratch = append(o.scratch, o.space.prefix[:]...)
	o.entries = map[string]*cell{}
	o.epoch = 1
}

// keep enters a cell that is about this large beside its key.
func (o *overlay) keep(c *cell, size int) {
	o.sized(c, size)
	o.makeRoom(int(c.size))
	o.entries[c.key] = c
	o.release(c)
}

// stored is the row of the key in scratch that the backend has.
func (o *overlay) stored() (row []byte, ok bool, err error) {
	if o.absent != nil {
		if absent, err := o.absent(o.scratch[spacePrefix:]); absent || err != nil {
			return nil, false, err
		}
	}
	row, ok, err = o.space.backend.Get(nil, o.scratch)
	if err != nil {
		err = &BackendError{Err: err}
	}
	return row, ok, err
}

// release makes a cell one that may be dropped.
func (o *overlay) release(c *cell) {
	if o.entries == nil {
		return
	}
	o.spare += int(c.size)
	if !c.clocked {
		c.clocked = true
		o.clock = append(o.clock, c)
	}
}

// makeRoom drops cells until as many bytes are free.
func (o *overlay) makeRoom(bytes int) {
	for o.spare+bytes > o.capacity && len(o.clock) > 0 {
		if o.hand >= len(o.clock) {
			o.hand = 0
		}
		c := o.clock[o.hand]
		switch {
		case o.pinned(c):
			o.unclock()
		case c.used:
			c.used = false
			o.hand++
		default:
			o.unclock()
			delete(o.entries, c.key)
			o.spare -= int(c.size)
		}
	}
}

// unclock takes the cell at the hand from the clock.
func (o *overlay) unclock() {
	last := len(o.clock) - 1
	o.clock[o.hand].clocked = false
	o.clock[o.hand], o.clock[last] = o.clock[last], nil
	o.clock = o.clock[:last]
}

func (o *overlay) pinned(c *cell) bool { return c.epoch > o.applied }

// write notes that a cell gets another version, whose value is the store's to set.
func (o *overlay) write(c *cell, ts int64, present bool, headers record.Headers) {
	if o.journaling {
		u := undo{cell: c, before: *c}
		if c.dirty > 0 {
			u.headers = o.dirty[c.dirty-1].headers
		}
		o.journal = append(o.journal, u)
	}
	if c.dirty == 0 {
		o.dirty = append(o.dirty, unflushed{cell: c, ts: c.ts, present: c.present})
		c.dirty = int32(len(o.dirty))
	}
	o.dirty[c.dirty-1].headers = headers
	if c.epoch != o.epoch {
		if o.entries != nil && !o.pinned(c) {
			o.spare -= int(c.size)
		}
		c.epoch = o.epoch
		o.pending = append(o.pending, c)
		o.pinnedBytes += int(c.size)
	}
	c.ts, c.present = ts, present
}

// Mark implements Lifecycle.
func (o *overlay) Mark() {
	if len(o.journal) > 0 {
		clear(o.journal)
		o.journal = o.journal[:0]
	}
	o.journaling = true
	o.units++
	o.marks.dirty, o.marks.pending, o.marks.pinned = len(o.dirty), len(o.pending), o.pinnedBytes
	o.marks.latest = o.latest
}

// Rollback implements Lifecycle.
func (o *overlay) Rollback() {
	for i := len(o.journal) - 1; i >= 0; i-- {
		u := &o.journal[i]
		clocked, was := u.cell.clocked, o.pinned(u.cell)
		*u.cell = u.before
		u.cell.clocked = clocked
		o.typed.restore(u.cell, i)
		if was && !o.pinned(u.cell) {
			o.release(u.cell)
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
