package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// SelfJoin is an inner join of a stream with itself that keeps its records once. Results are those of a join with two stores, in
// the same order: each record meets the earlier ones, then itself and the earlier
// ones meet it. (Kafka Streams joins a record with itself even where the window says
// otherwise, and then again does not if it is the oldest that is kept.)
func SelfJoin[K, V, O any](store string, w window.Join, match func(K, V, V) O) Supplier[K, V, K, O] {
	return func(c *Context[K, O]) (Processor[K, V], error) {
		rows, err := openSide[K, V](c.Task, store)
		if err != nil {
			return nil, err
		}
		return &selfJoin[K, V, O]{
			left: newJoinSide(c, w, rows, match), right: newJoinSide(c, w.Mirrored(), rows, swapped(match)), rows: rows,
		}, nil
	}
}

type selfJoin[K, V, O any] struct {
	left, right joinSide[K, V, V, O]
	rows        *state.JoinWindow[K, V]
}

func (p *selfJoin[K, V, O]) Process(r record.Record[K, V]) error {
	if err := p.left.Process(r); err != nil || p.left.in.lacksKey(r) || p.left.in.lacksValue(r) {
		return err
	}
	if err := p.rows.Put(r.Key, r.Value, r.Timestamp, r.Headers); err != nil {
		return err
	}
	return p.right.Process(r)
}
