package processors

import "github.com/tidemill/tidemill/record"

// MapValues makes a new value of each record and keeps its key. A null value of
// a type that has no nil stays null without f being called.
func MapValues[K, V, V2 any](f func(K, V) V2) Supplier[K, V, K, V2] {
	return func(c *Context[K, V2]) (Processor[K, V], error) {
		in, values := nullsOf[V](), nullsOf[V2]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if in.hides(r.Tombstone) {
				var none V2
				out := record.WithValue(r, none)
				out.Tombstone = true
				return c.Forward(out)
			}
			out := record.WithValue(r, f(r.Key, r.Value))
			out.Tombstone = values.isNil(out.Value)
			return c.Forward(out)
		}), nil
	}
}
