package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// nulls knows how a type writes null. A nilable type has nil for it, which
// callbacks see and return like any value. Any other type has none: plain
// callbacks never see a null value then, and a null key is the zero key.
type nulls[T any] struct {
	nilable bool
	isNil   func(T) bool
}

func nullsOf[T any]() nulls[T] {
	isNil, ok := serde.Nilable[T]()
	if !ok {
		isNil = func(T) bool { return false }
	}
	return nulls[T]{nilable: ok, isNil: isNil}
}

// hides says whether a plain callback must not be given this record's value.
func (n nulls[V]) hides(tombstone bool) bool { return tombstone && !n.nilable }

// dropNull is the reason for which plain callbacks do not see a record.
const dropNull = "null value"

// remade returns a record with a new key and value, null where they are nil.
func remade[K, V, K2, V2 any](r record.Record[K, V], key K2, keys nulls[K2], value V2, values nulls[V2]) record.Record[K2, V2] {
	return record.Record[K2, V2]{
		Key: key, Value: value, Timestamp: r.Timestamp, Headers: r.Headers,
		NullKey: keys.isNil(key), Tombstone: values.isNil(value),
	}
}
