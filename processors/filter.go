package processors

import "github.com/tidemill/tidemill/record"

// Filter passes on the records for which keep returns true.
func Filter[K, V any](keep func(K, V) bool) Supplier[K, V, K, V] {
	return filter(keep, true)
}

// FilterNot passes on the records for which drop returns false.
func FilterNot[K, V any](drop func(K, V) bool) Supplier[K, V, K, V] {
	return filter(drop, false)
}

func filter[K, V any](test func(K, V) bool, want bool) Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		values := nullsOf[V]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if values.hides(r.Tombstone) {
				c.Drop(dropNull)
				return nil
			}
			if test(r.Key, r.Value) != want {
				return nil
			}
			return c.Forward(r)
		}), nil
	}
}
