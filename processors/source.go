package processors

import (
	"errors"
	"fmt"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// DecodeError is the error of a source that cannot make a typed record of the
// bytes that it was given.
type DecodeError struct {
	// Part is what could not be decoded: key, value or timestamp.
	Part string
	Err  error
}

func (e *DecodeError) Error() string { return fmt.Sprintf("decode %s: %v", e.Part, e.Err) }
func (e *DecodeError) Unwrap() error { return e.Err }

var errNegativeTimestamp = errors.New("the timestamp is negative: give the stream a Timestamps option that makes one")

// Source decodes fetched records once and hands them to the topology.
type Source[K, V any] struct {
	Context *Context[K, V]
	Key     serde.Serde[K]
	Value   serde.Serde[V]
	// Timestamps, if set, replaces the timestamp of each record: it is given the
	// record and the highest timestamp of its partition so far, or -1.
	Timestamps func(r record.Record[K, V], partitionTime int64) int64

	// peeked is the raw record that At decoded already, into next.
	peeked *record.Raw
	next   record.Record[K, V]
}

// At is the timestamp that a record will be given, for choosing between the
// inputs of a task. It is the record's own if it cannot be decoded.
func (s *Source[K, V]) At(raw *record.Raw, partitionTime int64) int64 {
	if s.Timestamps == nil {
		return raw.Timestamp
	}
	r, err := s.decode(raw, partitionTime)
	if err != nil {
		return raw.Timestamp
	}
	s.peeked, s.next = raw, r
	return r.Timestamp
}

// Process decodes a record and forwards it, and returns the timestamp that it was
// given. A DecodeError means that nothing was forwarded.
func (s *Source[K, V]) Process(raw *record.Raw, partitionTime int64) (at int64, err error) {
	var r record.Record[K, V]
	if s.peeked == raw {
		r, s.peeked = s.next, nil
	} else if r, err = s.decode(raw, partitionTime); err != nil {
		return 0, err
	}
	(*Owner)(s.Context.Task).Observe(r.Timestamp, r.Headers)
	return r.Timestamp, s.Context.Forward(r)
}

func (s *Source[K, V]) decode(raw *record.Raw, partitionTime int64) (r record.Record[K, V], err error) {
	r = record.Record[K, V]{Timestamp: raw.Timestamp, Headers: raw.Headers, NullKey: raw.Key == nil, Tombstone: raw.Value == nil}
	if !r.NullKey {
		if r.Key, err = s.Key.Decode(raw.Key); err != nil {
			return r, &DecodeError{Part: "key", Err: err}
		}
	}
	if !r.Tombstone {
		if r.Value, err = s.Value.Decode(raw.Value); err != nil {
			return r, &DecodeError{Part: "value", Err: err}
		}
	}
	if s.Timestamps != nil {
		r.Timestamp = s.Timestamps(r, partitionTime)
	}
	if r.Timestamp < 0 {
		return r, &DecodeError{Part: "timestamp", Err: errNegativeTimestamp}
	}
	return r, nil
}
