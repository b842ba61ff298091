package state

import "encoding/binary"

// Expirer is implemented by a Lifecycle whose rows expire without a word in the
// changelog. A store that is rebuilt once is rid of them by its first checkpoint; one
// that follows its changelog for long is told to drop them now and then.
type Expirer interface {
	// Expire adds to a batch the deletion of what has expired by the time of the
	// latest row in the backend. Nothing of it is remembered.
	Expire(b Batch) error
}

// Expire implements Expirer.
func (o *overlay) Expire(b Batch) error {
	if o.outlived == nil {
		return nil
	}
	var bound []byte
	err := o.space.backend.Scan(o.space.prefix[:], o.space.end(), true, func(key, _ []byte) bool {
		bound = o.outlived(key[spacePrefix:])
		return false
	})
	if err != nil {
		return &BackendError{Err: err}
	}
	if bound != nil {
		b.DeleteRange(o.space.prefix[:], append(o.space.prefix[:spacePrefix:spacePrefix], bound...))
	}
	return nil
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

// Expire implements Expirer.
func (s *JoinWindow[K, V]) Expire(b Batch) error {
	last, ok, err := s.last()
	if err != nil {
		return &BackendError{Err: err}
	}
	if oldest := last<<s.shift - s.retention + 1; ok && oldest > 0 {
		b.DeleteRange(s.appendSpanNumber(nil, 0), s.appendSpan(nil, oldest))
	}
	return nil
}
