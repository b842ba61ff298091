package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// SessionWindowed is a grouped stream divided into sessions, to be aggregated. A
// record at most the gap away from a session extends it, and one between two
// sessions joins them into one. Each time the old ones are deleted from the table
// and a new one is put into it, with its end as the timestamp. Both bounds of a
// session are inclusive: they are its first and its last record.
//
//	--a(0:10)------a(0:14)------------------>
//	Session(5s), Count
//	--a[0:10,0:10]:1--a[0:10,0:10]:--a[0:10,0:14]:2-->
type SessionWindowed[K, V any] struct {
	grouped *Grouped[K, V]
	windows window.SessionSpec
	final   bool
	late    func(*Stream[K, V])
}

// EmitFinal passes on each result once, when its session has closed: when the highest
// timestamp seen has passed the session's end, the gap and the grace. Without it
// every change is passed on.
//
//	--a(0:10)--a(0:14)--b(0:20)-->
//	Session(5s), EmitFinal, Count
//	--------------------a[0:10,0:14]:2-->
func (w *SessionWindowed[K, V]) EmitFinal() *SessionWindowed[K, V] {
	next := *w
	next.final = true
	return &next
}

// OnLate is as in Windowed: it has the records that are in no session because theirs
// would be over.
func (w *SessionWindowed[K, V]) OnLate(f func(late *Stream[K, V])) *SessionWindowed[K, V] {
	next := *w
	next.late = f
	return &next
}

// Count counts the records of each key in each session, null values included.
func (w *SessionWindowed[K, V]) Count(options ...AggregateOption) *WindowedTable[K, int64] {
	set := settingsOf(options)
	w.grouped.from.b.burnForCount(set)
	return addSessions(w, set, "KSTREAM-AGGREGATE-", merging[K, V, int64]{
		folding: folding[K, V, int64]{fold: processors.Counting[K, V], nulls: true},
		merge:   func(_ K, a, b int64) int64 { return a + b },
	})
}

// Reduce combines the values of each key in each session into one of the same type.
// The first value is taken as it is. Sessions are joined with the same function, the
// earlier one first.
func (w *SessionWindowed[K, V]) Reduce(reduce func(aggregate, value V) V, options ...AggregateOption) *WindowedTable[K, V] {
	return addSessions(w, settingsOf(options), "KSTREAM-REDUCE-", merging[K, V, V]{
		folding: folding[K, V, V]{fold: processors.Reducing[K](reduce), inherited: w.grouped.from.value},
		merge:   func(_ K, a, b V) V { return reduce(a, b) },
	})
}

// Aggregate combines the values of each key in each session into a value of another
// type. merge joins two sessions into one, the earlier one first. A record begins
// with what initial returns, which is merged with the aggregate of each session that
// the record joins, and then added to: so merging with what initial returns should
// change nothing. add and merge must return a new aggregate rather than change those
// that they are given, unless nothing else can see the change.
func (w *SessionWindowed[K, V]) Aggregate[A any](initial func() A, add func(key K, value V, aggregate A) A, merge func(key K, a, b A) A, options ...AggregateOption) *WindowedTable[K, A] {
	return addSessions(w, settingsOf(options), "KSTREAM-AGGREGATE-", merging[K, V, A]{
		folding: folding[K, V, A]{fold: processors.Aggregating(initial, add)}, initial: initial, merge: merge,
	})
}

// merging is how an aggregation of sessions combines values and joins aggregates.
type merging[K, V, A any] struct {
	folding[K, V, A]
	initial func() A
	merge   func(key K, a, b A) A
}

func addSessions[K, V, A any](w *SessionWindowed[K, V], set settings, prefix string, m merging[K, V, A]) *WindowedTable[K, A] {
	b := w.grouped.from.b
	a := b.nameAggregation(set, prefix)
	keyed := w.grouped.keyed(a.store)
	key, value := aggregateSerdes(keyed, a, m.inherited)
	a.noCache = a.noCache || w.final
	keep := a.takeKeepHeaders(w.final)
	t, def := sessionTable[K, A](b, &a, w.windows, key, value)
	def.keepHeaders(keep)
	t.n = then(keyed.flow, a.node, nil, m.within(w.windows, a.store, "", w.final))
	t.n.closes = closesAfter(w.windows.Gap() + w.windows.GracePeriod())
	handLate(keyed.flow, t.n, w.late)
	b.addStore(def, t.n)
	return t
}

// within is the aggregation in sessions. clock is for aggregations that share a store.
func (m merging[K, V, A]) within(w window.SessionSpec, store, clock string, final bool) processors.Supplier[K, V, window.Key[K], processors.Change[A]] {
	return processors.SessionAggregate[K, V, A]{
		Store: store, Clock: clock, Sessions: w, Initial: m.initial, Fold: m.fold, Merge: m.merge, Final: final, Nulls: m.nulls,
	}.Supplier()
}

// sessionTable is the table of an aggregation in sessions, without its node, and its
// store.
func sessionTable[K, A any](b *Builder, a *aggregation, w window.SessionSpec, key serde.Serde[K], value serde.Serde[A]) (*WindowedTable[K, A], *storeDef) {
	a.retain(b, w.Gap()+w.GracePeriod(), "gap and grace")
	least := 2*w.Gap() + w.GracePeriod() // so that what joins does not depend on the retention
	return &WindowedTable[K, A]{table[window.Key[K], A]{
		b: b, key: window.SessionSerde(key), value: value,
		origin: kept[window.Key[K], A]{b: b, store: a.store, open: processors.SessionRows[K, A]},
	}}, sessionStore(a.store, least, key, value, a.settings)
}
