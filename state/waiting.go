package state

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Waiting keeps the records of one side of a join that have found no other so far,
// by their time and key. It is one side of an Unmatched store.
//
// Records are in memory from the earliest on, as far as the capacity reaches.
type Waiting[K, V any] struct {
	side     byte
	name     string
	space    Space
	key      serde.Serde[K]
	value    serde.Serde[V]
	ownKey   func(K) K
	ownValue func(V) V
	log      *Changelog
	clock    func() int64

	// entries are those in memory, by their key in the backend, and those that have
	// been removed since the last applied checkpoint. queue orders them.
	entries map[string]*waiting[K, V]
	queue   waitingQueue[K, V]
	live    int // how many are in memory and not removed
	scratch []byte
	row     []byte

	backlog backlog

	pending, inflight []*waiting[K, V]
	epoch, applied    uint64
	bytes, capacity   int
	pinnedBytes       int

	journal    []undoWaiting[K, V]
	journaling bool
	marks      struct{ pending, pinned int }
}

// waiting are the records of one time and key.
type waiting[K, V any] struct {
	key   string
	typed K
	ts    int64
	// first and more are the values, unless the entry has been removed.
	first   V
	more    []V
	removed bool
	// stored says that the backend has a row of it, or will when the checkpoint
	// under way has been applied.
	stored bool
	queued bool
	epoch  uint64
	size   int
}

type undoWaiting[K, V any] struct {
	entry  *waiting[K, V]
	before waiting[K, V]
	// created says that there was no entry before.
	created bool
}

// Add has one more record of a key wait.
func (w *Waiting[K, V]) Add(key K, ts int64, value V) error {
	e, err := w.find(key, ts)
	if err != nil {
		return err
	}
	value = w.ownValue(value)
	if e == nil {
		e = w.create(key, ts)
	} else {
		w.note(e, false)
	}
	if e.removed {
		e.removed, e.first, e.more = false, value, nil
		w.live++
		w.queue.push(e)
	} else {
		e.more = append(e.more, value)
	}
	w.touch(e)
	if w.row, err = w.appendList(w.row[:0], e); err != nil {
		return fmt.Errorf("state: store %q: encode value: %w", w.name, err)
	}
	w.logChange(e, w.row)
	return nil
}

// Remove has the records of a key and time wait no longer, if there are any.
func (w *Waiting[K, V]) Remove(key K, ts int64) error {
	if w.live == 0 && w.backlog.empty() {
		return nil
	}
	e, err := w.find(key, ts)
	if err != nil || e == nil || e.removed {
		return err
	}
	w.remove(e)
	return nil
}

func (w *Waiting[K, V]) remove(e *waiting[K, V]) {
	w.note(e, false)
	var none V
	e.removed, e.first, e.more = true, none, nil
	w.live--
	w.touch(e)
	w.logChange(e, nil)
}

// find returns the entry of a key and time, or nil if there is none.
func (w *Waiting[K, V]) find(key K, ts int64) (*waiting[K, V], error) {
	if err := w.prepare(); err != nil {
		return nil, err
	}
	b, err := w.AppendKey(append(w.scratch[:0], w.space.prefix[:]...), key, ts)
	if err != nil {
		return nil, fmt.Errorf("state: store %q: encode key: %w", w.name, err)
	}
	w.scratch = b
	if e := w.entries[string(b[spacePrefix:])]; e != nil || !w.backlog.has(ts) {
		return e, nil
	}
	row, ok, err := w.space.backend.Get(nil, b)
	if err != nil {
		return nil, &BackendError{Err: err}
	}
	if !ok {
		return nil, nil
	}
	return w.enter(b[spacePrefix:], row)
}

// AppendKey appends what the records of a key and time have in common.
func (w *Waiting[K, V]) AppendKey(dst []byte, key K, ts int64) ([]byte, error) {
	return w.key.Append(append(appendTimestamp(dst, ts), w.side), key)
}

// create makes the entry of the key that find has looked for, without a record.
func (w *Waiting[K, V]) create(key K, ts int64) *waiting[K, V] {
	e := &waiting[K, V]{key: string(w.scratch[spacePrefix:]), typed: w.ownKey(key), ts: ts, removed: true}
	e.size = int(unsafe.Sizeof(*e)) + entryOverhead + 2*len(e.key)
	w.entries[e.key] = e
	w.bytes += e.size
	w.note(e, true)
	return e
}

// note remembers an entry as it is before a change.
func (w *Waiting[K, V]) note(e *waiting[K, V], created bool) {
	if w.journaling {
		w.journal = append(w.journal, undoWaiting[K, V]{entry: e, before: *e, created: created})
	}
}

// touch enters a changed entry into the list of what the next checkpoint writes.
func (w *Waiting[K, V]) touch(e *waiting[K, V]) {
	if e.epoch != w.epoch {
		e.epoch = w.epoch
		w.pending = append(w.pending, e)
		w.pinnedBytes += e.size
	}
}

func (w *Waiting[K, V]) logChange(e *waiting[K, V], row []byte) {
	if w.log == nil {
		return
	}
	buf := append(w.log.Outbox.Buffer(), e.key...)
	split := len(buf)
	buf = append(buf, row...)
	out := record.Output{Topic: w.log.Topic, Partition: w.log.Partition, Timestamp: w.clock(), Changelog: w.log.Number, Key: buf[:split:split]}
	if row != nil {
		out.Value = buf[split:len(buf):len(buf)]
	}
	w.log.Outbox.Add(out, buf)
}

// next returns the entry that comes first, if it is before a time.
func (w *Waiting[K, V]) next(before int64) (*waiting[K, V], error) {
	if err := w.prepare(); err != nil {
		return nil, err
	}
	for w.backlog.reaches(before - 1) {
		if err := w.load(); err != nil {
			return nil, err
		}
	}
	for len(w.queue) > 0 {
		e := w.queue[0]
		if !e.removed {
			if e.ts >= before {
				return nil, nil
			}
			return e, nil
		}
		w.queue.pop()
	}
	return nil, nil
}

// waitingPlace is the length of the timestamp and the side, which begin a key.
const waitingPlace = 9

func timeOf(key []byte) int64 { return int64(binary.BigEndian.Uint64(key)) }
