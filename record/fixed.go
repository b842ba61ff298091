package record

// Fixed is a Record whose key cannot be changed: what processors of values are
// given and forward, so that their output needs no repartitioning.
type Fixed[K, V any] struct {
	key     K
	nullKey bool
	Value   V
	// Timestamp is the event time in milliseconds since the Unix epoch.
	Timestamp int64
	Headers   Headers
	// Tombstone says that there is no value.
	Tombstone bool
}

// Fix makes the key of a record unchangeable.
func Fix[K, V any](r Record[K, V]) Fixed[K, V] {
	return Fixed[K, V]{key: r.Key, nullKey: r.NullKey, Value: r.Value, Timestamp: r.Timestamp, Headers: r.Headers, Tombstone: r.Tombstone}
}

// Key is the key of the record.
func (f Fixed[K, V]) Key() K { return f.key }

// NullKey says that the record has no key. Key is then the zero K.
func (f Fixed[K, V]) NullKey() bool { return f.nullKey }

// Record is the record as one whose key may be changed.
func (f Fixed[K, V]) Record() Record[K, V] {
	return Record[K, V]{Key: f.key, NullKey: f.nullKey, Value: f.Value, Timestamp: f.Timestamp, Headers: f.Headers, Tombstone: f.Tombstone}
}

// WithFixedValue returns the record with another value and everything else kept.
// The result is not a tombstone.
func WithFixedValue[V2, K, V any](f Fixed[K, V], value V2) Fixed[K, V2] {
	return Fixed[K, V2]{key: f.key, nullKey: f.nullKey, Value: value, Timestamp: f.Timestamp, Headers: f.Headers}
}
