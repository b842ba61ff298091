package topology

import (
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// Windowed is a grouped stream divided into windows of a fixed length, to be
// aggregated.
//
// Tumbling and hopping windows have their places in time. Sliding windows follow the
// records: each record of a key makes the window that ends with it and, once there
// is another record in it, the first one behind it, so that two records share a
// window if they are at most the difference apart. Their bounds are both inclusive,
// and only they pass over null values.
//
//	--1(0:10)--1(0:12)-->
//	Tumbling(5s), Count  --[0:10]:1--[0:10]:2-->
//	Sliding(5s), Count   --[0:05]:1--[0:11]:1--[0:07]:2-->
type Windowed[K, V any] struct {
	grouped *Grouped[K, V]
	windows window.Fixed
	final   bool
	late    func(*Stream[K, V])
}

// EmitFinal passes on each result once, when its window has closed: when the
// highest timestamp seen has reached the window's end and grace, or has passed them
// if the end is inclusive. Without it every change is passed on.
//
//	--1(0:01)--1(0:30)--1(1:20)-->
//	Tumbling(1m), Count           --[0:00]:1--[0:00]:2--[1:00]:1-->
//	Tumbling(1m), EmitFinal, Count  --------------------[0:00]:2-->
func (w *Windowed[K, V]) EmitFinal() *Windowed[K, V] {
	next := *w
	next.final = true
	return &next
}

// OnLate hands the records that count in no window because all of theirs have closed to
// a stream of their own: f is called once, when the aggregation is added, and says what
// becomes of it. They have the key that they are grouped by.
//
//	--1(0:10)--1(1:20)--1(0:30)-->
//	Tumbling(1m), Count  --[0:00]:1--[1:00]:1------------>
//	OnLate               ---------------------1(0:30)---->
func (w *Windowed[K, V]) OnLate(f func(late *Stream[K, V])) *Windowed[K, V] {
	next := *w
	next.late = f
	return &next
}

// Count counts the records of each key in each window. Null values count too, except
// in sliding windows.
func (w *Windowed[K, V]) Count(options ...AggregateOption) *WindowedTable[K, int64] {
	set := settingsOf(options)
	if _, sliding := w.windows.(window.SlidingSpec); !sliding {
		w.grouped.from.b.burnForCount(set)
	}
	return addWindowed(w, set, "KSTREAM-AGGREGATE-", folding[K, V, int64]{fold: processors.Counting[K, V], nulls: true})
}

// Reduce combines the values of each key in each window into one of the same
// type. The first value is taken as it is.
func (w *Windowed[K, V]) Reduce(reduce func(aggregate, value V) V, options ...AggregateOption) *WindowedTable[K, V] {
	f := folding[K, V, V]{fold: processors.Reducing[K](reduce), inherited: w.grouped.from.value}
	return addWindowed(w, settingsOf(options), "KSTREAM-REDUCE-", f)
}

// Aggregate combines the values of each key in each window into a value of
// another type, which begins as what initial returns. See Grouped.Aggregate.
func (w *Windowed[K, V]) Aggregate[A any](initial func() A, add func(key K, value V, aggregate A) A, options ...AggregateOption) *WindowedTable[K, A] {
	return addWindowed(w, settingsOf(options), "KSTREAM-AGGREGATE-", folding[K, V, A]{fold: processors.Aggregating(initial, add)})
}

// folding is how an aggregation combines values.
type folding[K, V, A any] struct {
	fold processors.Fold[K, V, A]
	// nulls says that the fold does not look at values.
	nulls bool
	// inherited is the serde that the aggregates have from the values.
	inherited serde.Serde[A]
}

func addWindowed[K, V, A any](w *Windowed[K, V], set settings, prefix string, f folding[K, V, A]) *WindowedTable[K, A] {
	b := w.grouped.from.b
	a := b.nameAggregation(set, prefix)
	keyed := w.grouped.keyed(a.store)
	key, value := aggregateSerdes(keyed, a, f.inherited)
	a.noCache = a.noCache || w.final
	keep := a.takeKeepHeaders(w.final)
	t, def := fixedTable[K, A](b, &a, w.windows, key, value)
	def.keepHeaders(keep)
	t.n = then(keyed.flow, a.node, nil, f.within(w.windows, a.store, "", w.final))
	t.n.closes = closesAfter(w.windows.GracePeriod())
	handLate(keyed.flow, t.n, w.late)
	b.addStore(def, t.n)
	return t
}

// within is the aggregation in windows of a fixed length. clock is for aggregations
// that share a store.
func (f folding[K, V, A]) within(w window.Fixed, store, clock string, final bool) processors.Supplier[K, V, window.Key[K], processors.Change[A]] {
	if windows, ok := w.(window.SlidingSpec); ok {
		return processors.SlidingAggregate[K, V, A]{Store: store, Clock: clock, Windows: windows, Fold: f.fold, Final: final}.Supplier()
	}
	return processors.WindowAggregate[K, V, A]{Store: store, Clock: clock, Windows: w.(window.Time), Fold: f.fold, Final: final, Nulls: f.nulls}.Supplier()
}

// fixedTable is the table of an aggregation in windows of a fixed length, without its
// node, and its store.
func fixedTable[K, A any](b *Builder, a *aggregation, w window.Fixed, key serde.Serde[K], value serde.Serde[A]) (*WindowedTable[K, A], *storeDef) {
	t := &WindowedTable[K, A]{table[window.Key[K], A]{b: b, value: value}}
	switch windows := w.(type) {
	case window.SlidingSpec:
		a.retain(b, 2*windows.Difference()+windows.GracePeriod(), "twice the difference and grace")
		t.key = window.Serde(key, windows.Difference())
		t.origin = kept[window.Key[K], A]{b: b, store: a.store, open: processors.SlidingRows[K, A]}
		return t, slidingStore(a.store, windows, key, value, a.settings)
	default:
		size := w.(window.Time).Size()
		a.retain(b, size+w.GracePeriod(), "window and grace")
		t.key = window.Serde(key, size)
		t.origin = kept[window.Key[K], A]{b: b, store: a.store, open: processors.WindowedRows[K, A]}
		return t, windowStore(a.store, key, value, a.settings)
	}
}

// closesAfter is how many milliseconds after its end a window takes updates.
func closesAfter(milliseconds int64) *time.Duration {
	return new(time.Duration(milliseconds) * time.Millisecond)
}

// retain settles how long a store keeps windows: at least so many milliseconds.
func (a *aggregation) retain(b *Builder, milliseconds int64, what string) {
	least := time.Duration(max(1, milliseconds)) * time.Millisecond
	if a.retention == 0 {
		a.retention = least
	} else if a.retention < least {
		b.fault("node %q: the retention %v is shorter than %s together, %v: windows would be lost before they close", a.node, a.retention, what, least)
	}
}
