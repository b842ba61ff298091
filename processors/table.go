package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// Table writes each record to a store, as a row under its key, and passes on
// what changed. A tombstone deletes the row. A record without a key is dropped.
// A record that is older than the row it replaces still replaces it, as in Kafka
// Streams, unless the store keeps versions: then it becomes an older version.
func Table[K, V any](store string) Supplier[K, V, K, Change[V]] {
	return func(c *Context[K, Change[V]]) (Processor[K, V], error) {
		kept, err := KeptRows(c, store)
		if err != nil {
			return nil, err
		}
		return Func[K, V](func(r record.Record[K, V]) error {
			if r.NullKey {
				c.Drop(dropNullKey)
				return nil
			}
			return kept.Write(record.WithValue(r, Change[V]{New: r.Value, HasNew: !r.Tombstone}))
		}), nil
	}
}

// View is Table for a table that nothing reads by key, so that it needs no store.
// The updates that it passes on do not tell what the row was.
func View[K, V any]() Supplier[K, V, K, Change[V]] {
	return func(c *Context[K, Change[V]]) (Processor[K, V], error) {
		values := nullsOf[V]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if r.NullKey {
				c.Drop(dropNullKey)
				return nil
			}
			has := !r.Tombstone && !values.isNil(r.Value)
			return c.Forward(record.WithValue(r, Change[V]{New: r.Value, HasNew: has}))
		}), nil
	}
}

// forwardWrite forwards what a write changed, with the timestamp and the headers
// of the write.
func forwardWrite[K, K2, V any](c *Context[K, Change[V]], key K, w *state.Written[K2, V]) error {
	out := record.Record[K, Change[V]]{Key: key, Headers: w.Headers()}
	out.Value.New, out.Timestamp, out.Value.HasNew = w.New()
	out.Value.Old, _, out.Value.HasOld = w.Old()
	c.at = c.node
	return c.Forward(out)
}
