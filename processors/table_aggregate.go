package processors

import "github.com/tidemill/tidemill/record"

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
		kept, err := KeptRows(c, store)
		if err != nil {
			return nil, err
		}
		return &tableAggregate[K, V, A]{TableFold: fold, kept: kept, aggregates: nullsOf[A]()}, nil
	}
}

type tableAggregate[K, V, A any] struct {
	TableFold[K, V, A]
	kept       *Kept[K, A]
	aggregates nulls[A]
}

func (p *tableAggregate[K, V, A]) Process(r record.Record[K, Change[V]]) error {
	at, err := p.kept.find(r.Key)
	if err != nil {
		return err
	}
	aggregate, had := at.row, at.has
	if had {
		r.Timestamp = max(r.Timestamp, at.ts)
	}
	if r.Value.HasOld && had {
		aggregate = p.Subtract(r.Key, r.Value.Old, aggregate)
		had = !p.aggregates.isNil(aggregate)
	}
	if r.Value.HasNew {
		aggregate, had = p.Add(r.Key, r.Value.New, aggregate, had), true
	}
	return p.kept.replace(at, record.WithValue(r, Change[A]{New: aggregate, HasNew: had}))
}
