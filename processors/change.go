package processors

import "github.com/tidemill/tidemill/record"

// Change is one update of a table: what the row was and what it is now. A
// record that carries it is never itself a tombstone.
type Change[V any] struct {
	// Old is only known where something behind the table has asked for it.
	Old, New       V
	HasOld, HasNew bool
	// Older says that the update concerns a version of the row that is not its
	// newest, in a table that keeps versions.
	Older bool
}

// ToStream turns the updates of a table into records: the new value, or a
// tombstone for a deleted row.
func ToStream[K, V any]() Supplier[K, Change[V], K, V] {
	return func(c *Context[K, V]) (Processor[K, Change[V]], error) {
		return Func[K, Change[V]](func(r record.Record[K, Change[V]]) error {
			out := record.WithValue(r, r.Value.New)
			out.Tombstone = !r.Value.HasNew
			return c.Forward(out)
		}), nil
	}
}
