package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// Table writes each record to a store, as a row under its key, and passes on
// what changed. A tombstone deletes the row. A record without a key is dropped.
// A record that is older than the row it replaces still replaces it, as in Kafka
// Streams.
func Table[K, V any](store string) Supplier[K, V, K, Change[V]] {
	return func(c *Context[K, Change[V]]) (Processor[K, V], error) {
		rows, err := Store[*state.KeyValue[K, V]](c.Task, store)
		if err != nil {
			return nil, err
		}
		rows.OnWrite(func(e *state.Entry[K, V]) error { return forwardEntry(c, e.Key(), e) })
		return Func[K, V](func(r record.Record[K, V]) error {
			if r.NullKey {
				c.Drop(dropNullKey)
				return nil
			}
			e, err := rows.Lookup(r.Key)
			if err != nil {
				return err
			}
			if r.Tombstone {
				return rows.Remove(e, r.Timestamp, r.Headers)
			}
			return rows.Set(e, r.Value, r.Timestamp, r.Headers)
		}), nil
	}
}

// forwardEntry forwards what a write changed, with the timestamp and the headers
// of the write.
func forwardEntry[K, K2, V any](c *Context[K, Change[V]], key K, e *state.Entry[K2, V]) error {
	out := record.Record[K, Change[V]]{Key: key, Headers: e.Headers()}
	out.Value.New, out.Timestamp, out.Value.HasNew = e.Value()
	out.Value.Old, _, out.Value.HasOld = e.Old()
	c.at = c.node
	return c.Forward(out)
}
