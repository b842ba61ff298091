package state

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/tidemill/tidemill/record"
)

// Lifecycle is the store as its task drives it.
func (s *TimeBuffer[K, V]) Lifecycle() Lifecycle { return s }

// AppendKey appends a key as the store orders it among those of one time.
func (s *TimeBuffer[K, V]) AppendKey(dst []byte, key K) ([]byte, error) {
	return s.keys.Append(dst, key)
}

// Mark implements Lifecycle.
func (s *TimeBuffer[K, V]) Mark() {
	s.core.Mark()
	s.marked = s.floor
}

// Rollback implements Lifecycle.
func (s *TimeBuffer[K, V]) Rollback() {
	s.core.Rollback()
	s.forget()
	s.floor = s.marked
}

// FlushLog implements Lifecycle: every write has been logged at once.
func (s *TimeBuffer[K, V]) FlushLog() (bool, error) { return s.core.FlushLog() }

// FlushForward implements Lifecycle.
func (s *TimeBuffer[K, V]) FlushForward() error { return s.core.FlushForward() }

// Checkpointed implements Lifecycle.
func (s *TimeBuffer[K, V]) Checkpointed() { s.core.Checkpointed() }

// Pinned implements Lifecycle.
func (s *TimeBuffer[K, V]) Pinned() int { return s.core.Pinned() }

// Capacity implements Lifecycle.
func (s *TimeBuffer[K, V]) Capacity(bytes int) { s.core.Capacity(bytes) }

// Space implements Lifecycle.
func (s *TimeBuffer[K, V]) Space() Space { return s.core.space }

// Checkpoint implements Lifecycle.
func (s *TimeBuffer[K, V]) Checkpoint(b Batch) error {
	if err := s.load(); err != nil {
		return err
	}
	s.save(b)
	return s.core.Checkpoint(b)
}

// belowFloor is the first key that may still be needed, if there may be something
// before it in the backend.
func (s *TimeBuffer[K, V]) belowFloor() []byte {
	if s.floor <= s.cleared {
		s.cleared = s.floor
		return nil
	}
	s.cleared = s.floor
	return appendTimestamp([]byte{inOrder}, s.floor)
}

// Row implements Lifecycle.
func (s *TimeBuffer[K, V]) Row(key, value []byte, ts int64) (k, v []byte, err error) {
	if len(key) < minDue {
		return nil, nil, fmt.Errorf("state: store %q: %w", s.core.name, errDue(key))
	}
	return s.core.Row(straight(key, value), value, ts)
}

// Replay implements Replayer: beside the rows it keeps the number of the record
// put last, so that the next one gets another.
//
// A tombstone deletes the record under its own key. Those that Kafka Streams writes
// under the keys that it has turned around delete nothing: the records for which
// they were meant have been joined under wrong keys, if at all, and are joined
// again.
func (s *TimeBuffer[K, V]) Replay(b Batch, records iter.Seq[record.Raw]) error {
	s.loaded = false
	if err := s.load(); err != nil {
		return err
	}
	for r := range records {
		key, value, err := s.Row(r.Key, r.Value, r.Timestamp)
		if err != nil {
			return err
		}
		if value == nil {
			b.Delete(key)
			continue
		}
		b.Set(key, value)
		key = key[spacePrefix:]
		s.last = binary.BigEndian.Uint32(key[len(key)-4:])
		s.floor = min(s.floor, int64(binary.BigEndian.Uint64(key[1:])))
	}
	s.save(b)
	return nil
}

// save keeps what load reads.
func (s *TimeBuffer[K, V]) save(b Batch) {
	value := binary.BigEndian.AppendUint32(nil, s.last)
	b.Set(s.core.space.key(inCount), appendTimestamp(value, s.floor))
}

// load reads what the backend knows of the buffer as a whole.
func (s *TimeBuffer[K, V]) load() error {
	if s.loaded {
		return nil
	}
	row, ok, err := s.core.space.backend.Get(nil, s.core.space.key(inCount))
	if err != nil {
		return &BackendError{Err: err}
	}
	if s.last, s.floor, s.loaded = 0, 0, true; ok && len(row) == 12 {
		s.last, s.floor = binary.BigEndian.Uint32(row), int64(binary.BigEndian.Uint64(row[4:]))
	}
	return nil
}
