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
	onWrite func(*Entry[K, V]) error
	// flushed counts the entries of dirty that FlushLog has handed out.
	flushed int
	// forward is the entry that FlushForward has to forward, if any.
	forward *Entry[K, V]
	// expired, if set, tells which backend keys below it are to be dropped.
	expired func() []byte
	row     []byte
}

func (s *store[K, V]) open(name string, l layout[K, V], o Options) {
	s.name, s.log, s.caching = name, o.Log, o.Caching
	s.init(o.Space, l, o.Capacity)
}

// OnWrite sets the function that is called for every write when it becomes
// visible downstream: at once, or at the next flush if the store caches. The
// entry then tells the version before with Old.
func (s *store[K, V]) OnWrite(f func(*Entry[K, V]) error) { s.onWrite = f }

// Caching says whether writes are held back until the task commits.
func (s *store[K, V]) Caching() bool { return s.caching }

// Name is the name of the store.
func (s *store[K, V]) Name() string { return s.name }

// Old is, during a call of the function set by OnWrite, the version that was
// visible downstream before.
func (e *Entry[K, V]) Old() (V, int64, bool) { return e.old.value, e.old.ts, e.old.present }

// Headers are those of the record that wrote the entry last.
func (e *Entry[K, V]) Headers() record.Headers { return e.headers }

// set is a write with everything that follows from it.
func (s *store[K, V]) set(e *Entry[K, V], v version[V], headers record.Headers) error {
	if v.present {
		v.value = s.layout.ownValue(v.value)
	}
	s.write(e, v, headers)
	if s.caching {
		return nil
	}
	e.dirty = false
	s.dirty = s.dirty[:len(s.dirty)-1]
	if err := s.logEntry(e); err != nil || s.onWrite == nil {
		return err
	}
	return s.onWrite(e)
}

func (s *store[K, V]) logEntry(e *Entry[K, V]) error {
	if s.log == nil {
		return nil
	}
	buf := s.layout.toChangelog(s.log.Outbox.Buffer(), e.key)
	split := len(buf)
	out := record.Output{Topic: s.log.Topic, Partition: s.log.Partition, Timestamp: e.now.ts, Changelog: s.log.Number}
	if e.now.present {
		var err error
		if buf, err = s.layout.value.Append(buf, e.now.value); err != nil {
			return fmt.Errorf("state: store %q: encode value: %w", s.name, err)
		}
		out.Value = buf[split:len(buf):len(buf)]
	}
	out.Key = buf[:split:split]
	s.log.Outbox.Add(out, buf)
	return nil
}

// FlushLog logs the next unflushed write. A key that was created and deleted
// again since the last flush has no effect outside and is passed over.
func (s *store[K, V]) FlushLog() (bool, error) {
	for s.flushed < len(s.dirty) {
		e := s.dirty[s.flushed]
		s.dirty[s.flushed] = nil
		s.flushed++
		e.dirty = false
		if e.old.present || e.now.present {
			s.forward = e
			return true, s.logEntry(e)
		}
	}
	s.dirty, s.flushed = s.dirty[:0], 0
	return false, nil
}

// FlushForward forwards the write that FlushLog logged.
func (s *store[K, V]) FlushForward() error {
	e := s.forward
	s.forward = nil
	if s.onWrite == nil {
		return nil
	}
	err := s.onWrite(e)
	var none version[V]
	e.old, e.headers = none, nil
	return err
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
		if e.key < string(bound) {
			continue
		}
		key := append(s.scratch[:spacePrefix], e.key...)
		s.scratch = key
		if !e.now.present {
			b.Delete(key)
			continue
		}
		row, err := s.layout.appendRow(s.row[:0], e.now)
		if err != nil {
			return fmt.Errorf("state: store %q: encode value: %w", s.name, err)
		}
		s.row = row
		b.Set(key, row)
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
