package processors

import "github.com/tidemill/tidemill/record"

// Peek calls f for each record and passes the record on unchanged. A null value
// of a type that has no nil is passed on without f being called.
func Peek[K, V any](f func(K, V)) Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		in := nullsOf[V]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if !in.hides(r.Tombstone) {
				f(r.Key, r.Value)
			}
			return c.Forward(r)
		}), nil
	}
}

// Pass passes on every record. It stands where streams are merged.
func Pass[K, V any]() Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		return Func[K, V](c.Forward), nil
	}
}

// HasKey passes on the records that have a key: the others cannot be
// partitioned by it.
func HasKey[K, V any]() Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		return Func[K, V](func(r record.Record[K, V]) error {
			if r.NullKey {
				c.Drop(dropNullKey)
				return nil
			}
			return c.Forward(r)
		}), nil
	}
}

// dropNullKey is the reason for which operators that need a key drop a record.
const dropNullKey = "null key"
