package state

import "encoding/binary"

// Expirer is implemented by a Lifecycle whose rows expire without a word in the
// changelog. A store that is rebuilt once is rid of them by its first checkpoint; one
// that follows its changelog for long is told to drop them now and then.
type Expirer interface {
	// Outlived is the end of what has expired by the time of the latest row in the
	// backend, nil if nothing has. It remembers nothing.
	Outlived() (end []byte, err error)
	// Drop adds to a batch the deletion of everything before such an end. It comes when
	// no record that is yet to be processed, or to be processed again, can be as early
	// as that.
	Drop(b Batch, end []byte)
}

// Outlived implements Expirer.
func (o *overlay) Outlived() (end []byte, err error) {
	if o.outlived == nil {
		return nil, nil
	}
	err = o.space.backend.Scan(o.space.prefix[:], o.space.end(), true, func(key, _ []byte) bool {
		end = o.outlived(key[spacePrefix:])
		return false
	})
	if err != nil {
		return nil, &BackendError{Err: err}
	}
	return end, nil
}

// Drop implements Expirer.
func (o *overlay) Drop(b Batch, end []byte) {
	b.DeleteRange(o.space.prefix[:], append(o.space.prefix[:spacePrefix:spacePrefix], end...))
}

// outlived is the first key that has not expired when last is the last one.
func (s *Window[K, V]) outlived(last []byte) []byte {
	oldest := int64(binary.BigEndian.Uint64(last)) - s.retention + 1
	if oldest <= 0 {
		return nil
	}
	return appendTimestamp(nil, oldest)
}

// outlived is the first key of the first bucket that may have something which has not
// expired when last is the last key.
func (s *spans[K, V]) outlived(last []byte) []byte {
	bucket := (bucketOf(last)*s.width - s.retention) / s.width
	if bucket <= 0 {
		return nil
	}
	return appendTimestamp(nil, bucket)
}

// Outlived implements Expirer.
func (s *JoinWindow[K, V]) Outlived() (end []byte, err error) {
	last, ok, err := s.last()
	if err != nil {
		return nil, &BackendError{Err: err}
	}
	if oldest := last<<s.shift - s.retention + 1; ok && oldest > 0 {
		return s.appendSpan(nil, oldest), nil
	}
	return nil, nil
}

// Drop implements Expirer.
func (s *JoinWindow[K, V]) Drop(b Batch, end []byte) {
	b.DeleteRange(s.appendSpanNumber(nil, 0), end)
}
