package state

import (
	"fmt"

	"github.com/tidemill/tidemill/record"
)

// store is the overlay with what happens to its writes. The exported stores are
// this with methods for their shape of key.
type store[K, V any] struct {
	overlay[K, V]
	name    string
	log     *Changelog
	caching bool
	onWrite func(*Written[K, V]) error
	// flushed counts the entries of dirty that FlushLog has handed out.
	flushed int
	// written is the write that FlushForward has to forward.
	written Written[K, V]
	// expired, if set, tells which backend keys below it are to be dropped, and spent
	// which rows need not reach the backend any more.
	expired func() []byte
	spent   func(K) bool
	row     []byte
}

func (s *store[K, V]) open(name string, l layout[K, V], o Options) {
	s.name, s.log, s.caching = name, o.Log, o.Caching
	s.init(o.Space, l, o.Capacity)
}

// Written is a write as it becomes visible downstream: several writes of a key
// between two commits are one, if the store caches.
type Written[K, V any] struct {
	entry   *Entry[K, V]
	old     version[V]
	headers record.Headers
}

// Key is the key that was written.
func (w *Written[K, V]) Key() K { return w.entry.typed }

// New is the new value, its timestamp and whether there is one.
func (w *Written[K, V]) New() (V, int64, bool) { return w.entry.Value() }

// Old is what was visible downstream before.
func (w *Written[K, V]) Old() (V, int64, bool) { return w.old.value, w.old.ts, w.old.present }

// Headers are those of the record that wrote last.
func (w *Written[K, V]) Headers() record.Headers { return w.headers }

// OnWrite sets the function that is called for every write when it becomes
// visible downstream: at once, or at the next flush if the store caches. What it
// is given is valid during the call.
func (s *store[K, V]) OnWrite(f func(*Written[K, V]) error) { s.onWrite = f }

// Caching says whether writes are held back until the task commits.
func (s *store[K, V]) Caching() bool { return s.caching }

// Name is the name of the store.
func (s *store[K, V]) Name() string { return s.name }

// set is a write with everything that follows from it.
func (s *store[K, V]) set(e *Entry[K, V], v version[V], headers record.Headers) error {
	if v.present {
		v.value = s.layout.ownValue(v.value)
	}
	s.write(e, v, headers)
	if s.caching {
		return nil
	}
	s.settle()
	if err := s.logEntry(e); err != nil {
		return err
	}
	return s.FlushForward()
}

// settle makes the write made last the one to forward.
func (s *store[K, V]) settle() {
	s.take(len(s.dirty) - 1)
	s.dirty = s.dirty[:len(s.dirty)-1]
}

// take makes the write at a place of the list the one to forward.
func (s *store[K, V]) take(i int) *Entry[K, V] {
	d := s.dirty[i]
	s.dirty[i] = unflushed[K, V]{}
	d.entry.dirty = 0
	s.written = Written[K, V](d)
	return d.entry
}

func (s *store[K, V]) logEntry(e *Entry[K, V]) error {
	if s.log == nil {
		return nil
	}
	buf := s.layout.toChangelog(s.log.Outbox.Buffer(), e.key)
	split := len(buf)
	var headers record.Headers
	if s.log.Headers {
		headers = s.written.headers
	}
	if e.now.present {
		var err error
		if buf, err = s.layout.value.Append(buf, e.now.value); err != nil {
			return fmt.Errorf("state: store %q: encode value: %w", s.name, err)
		}
	}
	s.resize(e, len(buf)-split)
	s.log.add(buf, split, !e.now.present, e.now.ts, headers)
	return nil
}

// resize sets the size of an entry that has just been written.
func (s *store[K, V]) resize(e *Entry[K, V], value int) {
	s.pinnedBytes -= int(e.size)
	e.resize(value)
	s.pinnedBytes += int(e.size)
}

// FlushLog logs the next unflushed write. A key that was created and deleted
// again since the last flush has no effect outside and is passed over.
func (s *store[K, V]) FlushLog() (bool, error) {
	e := s.unlogged()
	if e == nil {
		return false, nil
	}
	return true, s.logEntry(e)
}

// unlogged takes the next unflushed write that has an effect; nil is none.
func (s *store[K, V]) unlogged() *Entry[K, V] {
	for s.flushed < len(s.dirty) {
		e := s.take(s.flushed)
		s.flushed++
		if s.written.old.present || e.now.present {
			return e
		}
	}
	s.dirty, s.flushed = s.dirty[:0], 0
	return nil
}

// FlushForward forwards the write that FlushLog logged.
func (s *store[K, V]) FlushForward() error {
	if s.onWrite == nil {
		return nil
	}
	return s.onWrite(&s.written)
}

// AppendKey appends a key as the store orders it.
func (s *store[K, V]) AppendKey(dst []byte, key K) ([]byte, error) {
	return s.layout.appendKey(dst, key)
}

// Mark implements Lifecycle.
func (s *store[K, V]) Mark() { s.mark() }

// Rollback implements Lifecycle.
func (s *store[K, V]) Rollback() { s.rollback() }

// Pinned implements Lifecycle.
func (s *store[K, V]) Pinned() int { return s.pinnedBytes }

// Capacity implements Lifecycle.
func (s *store[K, V]) Capacity(bytes int) { s.capacity = bytes }

// Space implements Lifecycle.
func (s *store[K, V]) Space() Space { return s.space }

// Lifecycle is the store as its task drives it.
func (s *store[K, V]) Lifecycle() Lifecycle { return s }

// Checkpoint implements Lifecycle.
func (s *store[K, V]) Checkpoint(b Batch) error {
	var bound []byte
	if s.expired != nil {
		bound = s.expired()
	}
	if bound != nil {
		b.DeleteRange(s.space.prefix[:], append(s.space.prefix[:spacePrefix:spacePrefix], bound...))
	}
	for _, e := range s.pending {
		if e.key < string(bound) || !e.stored && s.spent != nil && s.spent(e.typed) {
			continue
		}
		key := append(s.scratch[:spacePrefix], e.key...)
		s.scratch = key
		if !e.now.present {
			if e.stored {
				b.Delete(key)
			}
			continue
		}
		e.stored = true
		row, err := s.layout.appendRow(s.row[:0], e.now)
		if err != nil {
			return fmt.Errorf("state: store %q: encode value: %w", s.name, err)
		}
		s.row = row
		b.Set(key, row)
		e.resize(len(row))
	}
	s.inflight, s.pending = s.pending, s.inflight[:0]
	s.indexed, s.index = 0, nil
	s.pinnedBytes = 0
	s.epoch++
	return nil
}

// Checkpointed implements Lifecycle.
func (s *store[K, V]) Checkpointed() {
	s.applied = s.epoch - 1
	for _, e := range s.inflight {
		if !s.pinned(e) {
			s.release(e)
		}
	}
	s.makeRoom(0)
	clear(s.inflight)
	s.inflight = s.inflight[:0]
	s.index, s.indexed = nil, 0
}

// Row implements Lifecycle.
func (s *store[K, V]) Row(key, value []byte, ts int64) (k, v []byte, err error) {
	k, err = s.layout.fromChangelog(append(s.scratch[:0], s.space.prefix[:]...), key)
	if err != nil {
		return nil, nil, fmt.Errorf("state: store %q: %w", s.name, err)
	}
	s.scratch = k
	if value == nil {
		return k, nil, nil
	}
	v = appendTimestamp(s.row[:0], ts)
	s.row = append(v, value...)
	return k, s.row, nil
}
