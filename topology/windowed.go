package topology

import (
	"cmp"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// Windowed is a grouped stream divided into windows, to be aggregated.
type Windowed[K, V any] struct {
	grouped *Grouped[K, V]
	windows window.Time
	final   bool
}

// EmitFinal passes on each result once, when its window has closed: when the
// highest timestamp seen has reached the window's end and grace. Without it every
// change is passed on.
//
//	--1(0:01)--1(0:30)--1(1:20)-->
//	Tumbling(1m), Count           --[0:00]:1--[0:00]:2--[1:00]:1-->
//	Tumbling(1m), EmitFinal, Count  --------------------[0:00]:2-->
func (w *Windowed[K, V]) EmitFinal() *Windowed[K, V] {
	next := *w
	next.final = true
	return &next
}

// Count counts the records of each key in each window, null values included.
func (w *Windowed[K, V]) Count(options ...AggregateOption) *WindowedTable[K, int64] {
	set := settingsOf(options)
	w.grouped.from.b.burnForCount(set)
	agg := processors.WindowAggregate[K, V, int64]{Fold: processors.Counting[K, V], Nulls: true}
	return addWindowed(w, set, "KSTREAM-AGGREGATE-", agg, nil)
}

// Reduce combines the values of each key in each window into one of the same
// type. The first value is taken as it is.
func (w *Windowed[K, V]) Reduce(reduce func(aggregate, value V) V, options ...AggregateOption) *WindowedTable[K, V] {
	agg := processors.WindowAggregate[K, V, V]{Fold: processors.Reducing[K](reduce)}
	return addWindowed(w, settingsOf(options), "KSTREAM-REDUCE-", agg, w.grouped.from.value)
}

// Aggregate combines the values of each key in each window into a value of
// another type, which begins as what initial returns. See Grouped.Aggregate.
func (w *Windowed[K, V]) Aggregate[A any](initial func() A, add func(key K, value V, aggregate A) A, options ...AggregateOption) *WindowedTable[K, A] {
	agg := processors.WindowAggregate[K, V, A]{Fold: processors.Aggregating(initial, add)}
	return addWindowed(w, settingsOf(options), "KSTREAM-AGGREGATE-", agg, nil)
}

func addWindowed[K, V, A any](w *Windowed[K, V], set settings, prefix string, agg processors.WindowAggregate[K, V, A], inherited serde.Serde[A]) *WindowedTable[K, A] {
	b := w.grouped.from.b
	a := b.nameAggregation(set, prefix)
	keyed := w.grouped.keyed(a.store)
	key, value := aggregateSerdes(keyed, a, inherited)
	agg.Store, agg.Windows, agg.Final = a.store, w.windows, w.final
	n := then(keyed.flow, a.node, nil, agg.Supplier())
	n.closes = new(time.Duration(w.windows.GracePeriod()) * time.Millisecond)
	a.retention = retained(b, a.node, a.retention, w.windows)
	a.noCache = a.noCache || w.final
	b.addStore(windowStore(a.store, key, value, a.settings), n)
	return &WindowedTable[K, A]{table[window.Key[K], A]{
		b: b, n: n, key: window.Serde(key, w.windows.Size()), value: value,
		origin: kept[window.Key[K], A]{b: b, store: a.store, open: processors.WindowedRows[K, A]},
	}}
}

// retained is how long a store keeps windows: as long as was chosen, or as it has to.
func retained(b *Builder, node string, chosen time.Duration, w window.Time) time.Duration {
	least := time.Duration(w.Size()+w.GracePeriod()) * time.Millisecond
	if chosen != 0 && chosen < least {
		b.fault("node %q: the retention %v is shorter than window and grace together, %v: windows would be lost before they close", node, chosen, least)
	}
	return cmp.Or(chosen, least)
}
