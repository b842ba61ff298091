package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// TableFold computes the next aggregate of the rows of a table from its present
// one, when a row comes, goes or changes.
type TableFold[K, V, A any] struct {
	Add      Fold[K, V, A]
	Subtract func(key K, value V, aggregate A) A
}

// CountingRows counts rows.
func CountingRows[K, V any]() TableFold[K, V, int64] {
	return TableFold[K, V, int64]{Add: Counting[K, V], Subtract: func(_ K, _ V, n int64) int64 { return n - 1 }}
}

// AggregateTable keeps one aggregate for each key in a store and passes on what
// changed. What was is subtracted before what is now is added. Without an aggregate
// there is nothing to subtract from. The result's timestamp is the highest of the
// updates in it.
func AggregateTable[K, V, A any](store string, fold TableFold[K, V, A]) Supplier[K, Change[V], K, Change[A]] {
	return func(c *Context[K, Change[A]]) (Processor[K, Change[V]], error) {
		rows, err := Store[*state.KeyValue[K, A]](c.Task, store)
		if err != nil {
			return nil, err
		}
		rows.OnWrite(func(w *state.Written[K, A]) error { return forwardWrite(c, w.Key(), w) })
		return &tableAggregate[K, V, A]{TableFold: fold, rows: rows, aggregates: nullsOf[A]()}, nil
	}
}

type tableAggregate[K, V, A any] struct {
	TableFold[K, V, A]
	rows       *state.KeyValue[K, A]
	aggregates nulls[A]
}

func (p *tableAggregate[K, V, A]) Process(r record.Record[K, Change[V]]) error {
	e, err := p.rows.Lookup(r.Key)
	if err != nil {
		return err
	}
	aggregate, ts, had := e.Value()
	if had {
		r.Timestamp = max(r.Timestamp, ts)
	}
	if r.Value.HasOld && had {
		aggregate = p.Subtract(r.Key, r.Value.Old, aggregate)
		had = !p.aggregates.isNil(aggregate)
	}
	if r.Value.HasNew {
		aggregate, had = p.Add(r.Key, r.Value.New, aggregate, had), true
	}
	if !had {
		return p.rows.Remove(e, r.Timestamp, r.Headers)
	}
	return p.rows.Set(e, aggregate, r.Timestamp, r.Headers)
}
