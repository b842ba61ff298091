package record

import "time"

// Record is one typed record on its way through a topology. It is passed by
// value: an operator that changes a field changes its own copy only. The key,
// the value and the headers may share memory with other records, so treat what
// they point to as read-only.
type Record[K, V any] struct {
	Key   K
	Value V
	// Timestamp is the event time in milliseconds since the Unix epoch.
	Timestamp int64
	Headers   Headers
	// NullKey says that the record has no key. Key is then the zero K.
	NullKey bool
	// Tombstone says that the record has no value, which deletes the key in a
	// table. Value is then the zero V.
	Tombstone bool
}

// Time is the event time of the record, in UTC.
func (r Record[K, V]) Time() time.Time { return time.UnixMilli(r.Timestamp).UTC() }

// WithKey returns the record with another key and everything else kept.
func WithKey[K2, K, V any](r Record[K, V], key K2) Record[K2, V] {
	return Record[K2, V]{Key: key, Value: r.Value, Timestamp: r.Timestamp, Headers: r.Headers, Tombstone: r.Tombstone}
}

// WithValue returns the record with another value and everything else kept. The
// result is not a tombstone.
func WithValue[V2, K, V any](r Record[K, V], value V2) Record[K, V2] {
	return Record[K, V2]{Key: r.Key, Value: value, Timestamp: r.Timestamp, Headers: r.Headers, NullKey: r.NullKey}
}

// Metadata says where the record that a task is working on came from.
type Metadata struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Raw is a fetched record before decoding. A nil Key or Value is null; an empty
// one is not.
type Raw struct {
	Key, Value []byte
	Headers    Headers
	// Timestamp is in milliseconds since the Unix epoch.
	Timestamp int64
	Offset    int64
}
