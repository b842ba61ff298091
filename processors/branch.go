package processors

import "github.com/tidemill/tidemill/record"

// Branch gives each record to the child of the first test that accepts it. The
// i-th test belongs to the i-th child; a nil test accepts everything. A record
// that no test accepts is dropped.
func Branch[K, V any](tests []func(K, V) bool) Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		in := nullsOf[V]()
		return Func[K, V](func(r record.Record[K, V]) error {
			for i, accepts := range tests {
				if accepts == nil {
					return c.forwardAt(i, r)
				}
				if !in.hides(r.Tombstone) && accepts(r.Key, r.Value) {
					return c.forwardAt(i, r)
				}
			}
			return nil
		}), nil
	}
}
