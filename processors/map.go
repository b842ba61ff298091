package processors

import (
	"context"

	"github.com/tidemill/tidemill/record"
)

// Map makes a new key and a new value of each record.
func Map[K, V, K2, V2 any](f func(K, V) (K2, V2)) Supplier[K, V, K2, V2] {
	return func(c *Context[K2, V2]) (Processor[K, V], error) {
		in, keys, values := nullsOf[V](), nullsOf[K2](), nullsOf[V2]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if in.hides(r.Tombstone) {
				c.Drop(dropNull)
				return nil
			}
			key, value := f(r.Key, r.Value)
			return c.Forward(remade(r, key, keys, value, values))
		}), nil
	}
}

// SelectKey makes a new key of each record and keeps its value, null or not.
func SelectKey[K, V, K2 any](f func(K, V) K2) Supplier[K, V, K2, V] {
	return func(c *Context[K2, V]) (Processor[K, V], error) {
		in, keys := nullsOf[V](), nullsOf[K2]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if in.hides(r.Tombstone) {
				c.Drop(dropNull)
				return nil
			}
			out := record.WithKey(r, f(r.Key, r.Value))
			out.NullKey = keys.isNil(out.Key)
			return c.Forward(out)
		}), nil
	}
}

// MapRecords is the general form of Map: f sees and returns everything, and may
// fail.
func MapRecords[K, V, K2, V2 any](f func(context.Context, record.Record[K, V]) (record.Record[K2, V2], error)) Supplier[K, V, K2, V2] {
	return func(c *Context[K2, V2]) (Processor[K, V], error) {
		keys, values := nullsOf[K2](), nullsOf[V2]()
		return Func[K, V](func(r record.Record[K, V]) error {
			out, err := f(c.Context(), r)
			if err != nil {
				return err
			}
			out.NullKey = out.NullKey || keys.isNil(out.Key)
			out.Tombstone = out.Tombstone || values.isNil(out.Value)
			return c.Forward(out)
		}), nil
	}
}
