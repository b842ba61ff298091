package topology

import (
	"context"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/window"
)

// WindowedTable is a table with a row for each key and window. It is a type of
// its own, and not a Table of window keys, because Go does not allow a generic
// type's methods to return ever larger instances of it.
type WindowedTable[K, V any] struct{ table[window.Key[K], V] }

// ToStream is the stream of the table's changes.
func (t *WindowedTable[K, V]) ToStream(options ...OperatorOption) *WindowedStream[K, V] {
	return &WindowedStream[K, V]{t.toStream(options)}
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

// ProcessValues is Process for a processor that leaves the keys as they are.
func (s *WindowedStream[K, V]) ProcessValues[V2 any](supplier processors.ValueSupplier[window.Key[K], V, V2], options ...ProcessOption) *WindowedStream[K, V2] {
	return &WindowedStream[K, V2]{s.processValues(supplier, options)}
}

// To writes the stream to a topic, which has to exist.
func (s *WindowedStream[K, V]) To(topic string, options ...SinkOption) { s.to(topic, options) }
