package state

import (
	"encoding/binary"
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// layout says how a store writes its keys and values, to the backend and to the
// changelog. In the backend a row is the timestamp (8 bytes, big-endian)
// followed by the encoded value.
type layout[K, V any] struct {
	keyBytes
	// appendKey appends the key as the backend orders it.
	appendKey func(dst []byte, key K) ([]byte, error)
	decodeKey func(data []byte) (K, error)
	ownKey    func(K) K
	value     serde.Serde[V]
	ownValue  func(V) V
}

// keyBytes translates between the key in the backend and the key in the changelog.
type keyBytes struct {
	toChangelog   func(dst []byte, key string) []byte
	fromChangelog func(dst, key []byte) ([]byte, error)
}

// plainBytes is for stores whose keys are the same in both.
func plainBytes() keyBytes {
	return keyBytes{
		toChangelog:   func(dst []byte, key string) []byte { return append(dst, key...) },
		fromChangelog: func(dst, key []byte) ([]byte, error) { return append(dst, key...), nil },
	}
}

func (l *layout[K, V]) decodeRow(row []byte) (v V, ts int64, err error) {
	if len(row) < 8 {
		return v, 0, fmt.Errorf("state: a stored row has %d bytes, want at least 8: the state folder is damaged; delete it, it is rebuilt from the changelog", len(row))
	}
	ts = int64(binary.BigEndian.Uint64(row))
	v, err = l.value.Decode(row[8:])
	return v, ts, err
}

func appendTimestamp(dst []byte, ts int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(ts))
}

// owning returns the function that makes a decoded value independent of the
// bytes that it was decoded from.
func owning[T any](s serde.Serde[T]) func(T) T {
	if o, ok := s.(serde.Owner[T]); ok {
		return o.Own
	}
	return func(v T) T { return v }
}

// plainLayout orders rows by the encoded key, which is the changelog's key too.
func plainLayout[K, V any](key serde.Serde[K], value serde.Serde[V]) layout[K, V] {
	return layout[K, V]{
		keyBytes:  plainBytes(),
		appendKey: key.Append,
		decodeKey: key.Decode,
		ownKey:    owning(key),
		value:     value,
		ownValue:  owning(value),
	}
}
