package processors

import "github.com/tidemill/tidemill/record"

// Fold computes the next aggregate of a key from its present one; had is false
// if there is none yet. A nil result of a nilable type deletes the aggregate.
type Fold[K, V, A any] func(key K, value V, aggregate A, had bool) A

// Counting counts records.
func Counting[K, V any](_ K, _ V, n int64, _ bool) int64 { return n + 1 }

// Reducing begins with the first value as it is.
func Reducing[K, V any](reduce func(aggregate, value V) V) Fold[K, V, V] {
	return func(_ K, value, aggregate V, had bool) V {
		if !had {
			return value
		}
		return reduce(aggregate, value)
	}
}

// Aggregating begins with what initial returns.
func Aggregating[K, V, A any](initial func() A, add func(K, V, A) A) Fold[K, V, A] {
	return func(key K, value V, aggregate A, had bool) A {
		if !had {
			aggregate = initial()
		}
		return add(key, value, aggregate)
	}
}

// Aggregate keeps one aggregate for each key in a store and passes on what
// changed. The result's timestamp is the highest of the records in it. Records
// without a key or without a value are dropped.
func Aggregate[K, V, A any](store string, fold Fold[K, V, A]) Supplier[K, V, K, Change[A]] {
	return func(c *Context[K, Change[A]]) (Processor[K, V], error) {
		kept, err := KeptRows(c, store)
		if err != nil {
			return nil, err
		}
		return Func[K, V](func(r record.Record[K, V]) error {
			if r.NullKey || r.Tombstone {
				c.Drop(dropNullKeyOrValue)
				return nil
			}
			at, err := kept.find(r.Key)
			if err != nil {
				return err
			}
			next := record.WithValue(r, Change[A]{New: fold(r.Key, r.Value, at.row, at.has), HasNew: true})
			if at.has {
				next.Timestamp = max(at.ts, r.Timestamp)
			}
			return kept.replace(at, next)
		}), nil
	}
}

const dropNullKeyOrValue = "null key or value"
