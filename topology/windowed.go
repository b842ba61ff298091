package topology

import (
	"context"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
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
	least := time.Duration(w.windows.Size()+w.windows.GracePeriod()) * time.Millisecond
	if a.retention == 0 {
		a.retention = least
	} else if a.retention < least {
		b.fault("node %q: the retention %v is shorter than window and grace together, %v: windows would be lost before they close", a.node, a.retention, least)
	}
	a.noCache = a.noCache || w.final
	b.addStore(windowStore(a.store, key, value, a.settings), n)
	return &WindowedTable[K, A]{b: b, n: n, key: key, value: value, windows: w.windows}
}

// WindowedTable is a table with a row for each key and window. It is a type of
// its own, and not a Table of window keys, because Go does not allow a generic
// type's methods to return ever larger instances of it.
type WindowedTable[K, V any] struct {
	b       *Builder
	n       *node
	key     serde.Serde[K]
	value   serde.Serde[V]
	windows window.Time
}

// ToStream is the stream of the table's changes.
func (t *WindowedTable[K, V]) ToStream(options ...OperatorOption) *WindowedStream[K, V] {
	name := t.b.named(settingsOf(options).name, "KTABLE-TOSTREAM-")
	n := addProcessor(t.b, name, nil, processors.ToStream[window.Key[K], V](), t.n)
	return &WindowedStream[K, V]{flow[window.Key[K], V]{
		b: t.b, n: n, key: window.Serde(t.key, t.windows.Size()), value: t.value,
	}}
}

// WindowedStream is a stream whose keys are windowed. Map and SelectKey lead back
// to a plain Stream. Written to a topic, a key is the encoded inner key followed
// by the window's start, as Kafka Streams' TimeWindowedSerializer writes it, and
// the inner key alone decides on the partition.
type WindowedStream[K, V any] struct{ flow[window.Key[K], V] }

// Filter keeps the records for which keep returns true.
func (s *WindowedStream[K, V]) Filter(keep func(window.Key[K], V) bool, options ...OperatorOption) *WindowedStream[K, V] {
	return &WindowedStream[K, V]{s.filter(processors.Filter(keep), options)}
}

// FilterNot drops the records for which drop returns true.
func (s *WindowedStream[K, V]) FilterNot(drop func(window.Key[K], V) bool, options ...OperatorOption) *WindowedStream[K, V] {
	return &WindowedStream[K, V]{s.filter(processors.FilterNot(drop), options)}
}

// Peek calls f for each record and passes it on.
func (s *WindowedStream[K, V]) Peek(f func(window.Key[K], V), options ...OperatorOption) *WindowedStream[K, V] {
	return &WindowedStream[K, V]{s.peek(f, "KSTREAM-PEEK-", options)}
}

// ForEach calls f for each record and ends the stream.
func (s *WindowedStream[K, V]) ForEach(f func(window.Key[K], V), options ...OperatorOption) {
	s.peek(f, "KSTREAM-FOREACH-", options)
}

// MapValues makes a new value of each record.
func (s *WindowedStream[K, V]) MapValues[V2 any](f func(V) V2, options ...OperatorOption) *WindowedStream[K, V2] {
	values := processors.MapValues(func(_ window.Key[K], value V) V2 { return f(value) })
	return &WindowedStream[K, V2]{s.valued(values, "KSTREAM-MAPVALUES-", options)}
}

// Map makes a new key and value of each record.
func (s *WindowedStream[K, V]) Map[K2, V2 any](f func(window.Key[K], V) (K2, V2), options ...OperatorOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.mapped(processors.Map(f), "KSTREAM-MAP-", options)}
}

// MapRecords is the general form of Map.
func (s *WindowedStream[K, V]) MapRecords[K2, V2 any](f func(context.Context, record.Record[window.Key[K], V]) (record.Record[K2, V2], error), options ...OperatorOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.mapped(processors.MapRecords(f), "KSTREAM-MAP-", options)}
}

// FlatMap makes any number of records of each one.
func (s *WindowedStream[K, V]) FlatMap[K2, V2 any](f func(key window.Key[K], value V, emit func(K2, V2)), options ...OperatorOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.mapped(processors.FlatMap(f), "KSTREAM-FLATMAP-", options)}
}

// SelectKey makes a new key of each record.
func (s *WindowedStream[K, V]) SelectKey[K2 any](f func(window.Key[K], V) K2, options ...OperatorOption) *Stream[K2, V] {
	return &Stream[K2, V]{s.keyed(f, s.name(options, "KSTREAM-KEY-SELECT-"))}
}

// Process runs a processor of the user for each record.
func (s *WindowedStream[K, V]) Process[K2, V2 any](supplier processors.Supplier[window.Key[K], V, K2, V2], options ...ProcessOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.process(supplier, options)}
}

// To writes the stream to a topic, which has to exist.
func (s *WindowedStream[K, V]) To(topic string, options ...SinkOption) { s.to(topic, options) }
