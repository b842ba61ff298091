package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// GlobalJoin joins each record of a stream with the row of a global table under a
// key that is made of the record. The result has the record's key, timestamp and
// headers. A record without a value is dropped.
type GlobalJoin[K, V, GK, GV, R any] struct {
	Store string
	// KeyOf makes the key to look up; nil of a nilable type finds nothing.
	KeyOf func(K, V) GK
	Found func(K, V, GV) R
	// Missing is called if there is no row; the record is dropped if Missing is nil.
	Missing func(K, V) R
}

// Supplier makes the join.
func (j GlobalJoin[K, V, GK, GV, R]) Supplier() Supplier[K, V, K, R] {
	return func(c *Context[K, R]) (Processor[K, V], error) {
		rows, err := Store[*state.Reader[GK, GV]](c.Task, j.Store)
		if err != nil {
			return nil, err
		}
		keys, results := nullsOf[GK](), nullsOf[R]()
		return Func[K, V](func(r record.Record[K, V]) error {
			if r.Tombstone {
				c.Drop(dropNull)
				return nil
			}
			key := j.KeyOf(r.Key, r.Value)
			var row GV
			found, null := false, keys.isNil(key)
			if !null {
				if row, found, err = rows.Get(key); err != nil {
					return err
				}
			}
			var result R
			switch {
			case found:
				result = j.Found(r.Key, r.Value, row)
			case j.Missing != nil:
				result = j.Missing(r.Key, r.Value)
			case null:
				c.Drop(dropNullKey)
				return nil
			default:
				return nil
			}
			out := record.WithValue(r, result)
			out.Tombstone = results.isNil(result)
			return c.Forward(out)
		}), nil
	}
}
