package state

import (
	"bytes"
	"fmt"
	"math"
	"slices"
)

// prepare looks, before the first use, at what the backend holds.
func (s *JoinWindow[K, V]) prepare() error {
	if s.prepared {
		return nil
	}
	if err := s.relocate(); err != nil {
		return &BackendError{Err: err}
	}
	last, ok, err := s.last()
	if err != nil {
		return &BackendError{Err: err}
	}
	s.resident = 0
	if ok && last < math.MaxInt64>>s.shift {
		s.resident = (last + 1) << (s.shift - s.recent.shift)
	} else if ok {
		s.resident = math.MaxInt64
	}
	s.prepared = true
	if ok && s.sequence == 0 {
		return s.resume()
	}
	return nil
}

// resume takes the progress from the rows that there are.
func (s *JoinWindow[K, V]) resume() error {
	err := s.space.backend.Scan(s.appendSpanNumber(nil, 0), s.behind(), false, func(key, _ []byte) bool {
		ts, sequence := placeOf(key)
		s.latest, s.sequence = max(s.latest, ts), max(s.sequence, int64(sequence))
		return true
	})
	if err != nil {
		return &BackendError{Err: err}
	}
	s.marks.latest, s.marks.sequence = s.latest, s.sequence // a unit of work may have begun
	return nil
}

// merged adds to rows, which are in memory, those of the backend.
func (s *JoinWindow[K, V]) merged(rows []Row[V], from, to int64) ([]Row[V], error) {
	s.loaded = s.loaded[:0]
	if to>>s.recent.shift < s.resident {
		return s.load(rows, from, to)
	}
	return s.load(rows, from, s.resident<<s.recent.shift-1)
}

// load reads the rows of the key at hand with from <= timestamp <= to.
func (s *JoinWindow[K, V]) load(rows []Row[V], from, to int64) ([]Row[V], error) {
	for span := from >> s.shift; span <= to>>s.shift; span++ {
		begin := append(s.appendSpanNumber(nil, uint64(span)), s.keyed...)
		low, high := appendPlace(bytes.Clone(begin), from, 0), appendPlace(begin, to, math.MaxUint32)
		var fault error
		err := s.space.backend.Scan(low, append(high, 0), false, func(key, value []byte) bool {
			if len(key) == len(low) { // keys that begin like this one may lie between
				fault = s.decode(key, value)
			}
			return fault == nil
		})
		if err != nil {
			return nil, &BackendError{Err: err}
		}
		if fault != nil {
			return nil, fault
		}
	}
	// What has been written of late is in both.
	if len(rows) > 0 {
		s.loaded = append(s.loaded, rows...)
		slices.SortStableFunc(s.loaded, compareRows)
		s.loaded = slices.CompactFunc(s.loaded, func(a, b Row[V]) bool { return compareRows(a, b) == 0 })
	}
	return s.loaded, nil
}

func (s *JoinWindow[K, V]) decode(key, value []byte) error {
	row := Row[V]{}
	row.Timestamp, row.sequence = placeOf(key)
	var err error
	if row.Value, err = s.value.Decode(bytes.Clone(value)); err != nil {
		return fmt.Errorf("state: store %q: decode value: %w", s.name, err)
	}
	s.loaded = append(s.loaded, row)
	return nil
}
