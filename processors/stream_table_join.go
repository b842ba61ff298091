package processors

import (
	"github.com/tidemill/tidemill/record"
)

// StreamTableJoin joins each record of a stream with the row that the table has
// under the same key at that moment, or had at the record's time if it keeps
// versions. Only the stream side triggers a result, and
// the result has its timestamp and headers. A record without a value is dropped.
type StreamTableJoin[K, V, T, R any] struct {
	// Rows opens the table for a task.
	Rows  func(*Task) (Rows[K, T], error)
	Found func(K, V, T) R
	// Missing is called for a record without a key or without a row, which is
	// dropped if Missing is nil.
	Missing func(K, V) R
}

// Supplier makes the join.
func (j StreamTableJoin[K, V, T, R]) Supplier() Supplier[K, V, K, R] {
	return func(c *Context[K, R]) (Processor[K, V], error) {
		rows, err := j.Rows(c.Task)
		if err != nil {
			return nil, err
		}
		results := nullsOf[R]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if r.Tombstone || r.NullKey && j.Missing == nil {
				c.Drop(dropNullKeyOrValue)
				return nil
			}
			var row T
			found := false
			if !r.NullKey {
				if row, _, found, err = rows(r.Key, r.Timestamp); err != nil {
					return err
				}
			}
			if !found && j.Missing == nil {
				return nil
			}
			var result R
			if found {
				result = j.Found(r.Key, r.Value, row)
			} else {
				result = j.Missing(r.Key, r.Value)
			}
			out := record.WithValue(r, result)
			out.Tombstone = results.isNil(result)
			return c.Forward(out)
		}), nil
	}
}
