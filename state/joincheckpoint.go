package state

import "fmt"

// Lifecycle is the store as its task drives it.
func (s *JoinWindow[K, V]) Lifecycle() Lifecycle { return s }

// Mark implements Lifecycle.
func (s *JoinWindow[K, V]) Mark() {
	clear(s.journal)
	s.journal, s.journaling = s.journal[:0], true
	s.marks.pending, s.marks.latest, s.marks.sequence = s.pending.mark(), s.latest, s.sequence
}

// Rollback implements Lifecycle.
func (s *JoinWindow[K, V]) Rollback() {
	for i := len(s.journal) - 1; i >= 0; i-- {
		s.recent.take(s.journal[i].strand, s.journal[i].row, s.journal[i].size)
	}
	clear(s.journal)
	s.journal = s.journal[:0]
	s.pending.rollback(s.marks.pending)
	s.latest, s.sequence = s.marks.latest, s.marks.sequence
}

// FlushLog implements Lifecycle. Nothing is ever held back.
func (s *JoinWindow[K, V]) FlushLog() (bool, error) { return false, nil }

// FlushForward implements Lifecycle.
func (s *JoinWindow[K, V]) FlushForward() error { return nil }

// Pinned implements Lifecycle.
func (s *JoinWindow[K, V]) Pinned() int { return s.pending.bytes }

// Capacity implements Lifecycle.
func (s *JoinWindow[K, V]) Capacity(bytes int) { s.capacity = bytes }

// Space implements Lifecycle.
func (s *JoinWindow[K, V]) Space() Space { return s.space }

// Checkpoint implements Lifecycle. What has expired meanwhile is not written.
func (s *JoinWindow[K, V]) Checkpoint(b Batch) error {
	oldest := s.oldest()
	if span := oldest >> s.shift; oldest > 0 && span > s.cleared {
		b.DeleteRange(s.appendSpanNumber(nil, uint64(s.cleared)), s.appendSpanNumber(nil, uint64(span)))
		s.cleared = span
	}
	s.pending.each(func(key, value []byte) {
		if ts, _ := placeOf(key); ts >= oldest {
			b.Set(key, value)
		}
	})
	s.pending, s.inflight = s.inflight, s.pending
	s.epoch++
	return nil
}

// Checkpointed implements Lifecycle. Memory is cleared of rows that have expired,
// then of the oldest that are in the backend, until it is within the capacity.
func (s *JoinWindow[K, V]) Checkpointed() {
	s.applied = s.epoch - 1
	s.inflight.reset()
	if oldest := s.oldest(); oldest > 0 {
		s.recent.dropBelow(oldest >> s.recent.shift)
	}
	for len(s.recent.slices) > 0 && s.recent.bytes > s.capacity && s.recent.slices[0].epoch <= s.applied {
		number := s.recent.slices[0].number
		s.recent.dropBelow(number + 1)
		s.resident = max(s.resident, number+1)
	}
}

// Row implements Lifecycle.
func (s *JoinWindow[K, V]) Row(key, value []byte, _ int64) (k, v []byte, err error) {
	if s.keyed, err = s.appendStored(s.keyed[:0], key); err != nil {
		return nil, nil, fmt.Errorf("state: store %q: %w", s.name, err)
	}
	return s.keyed, value, nil
}
