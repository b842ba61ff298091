package topology

import (
	"context"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// Stream is an unbounded sequence of records, each independent of the others.
type Stream[K, V any] struct{ flow[K, V] }

// Filter keeps the records for which keep returns true.
//
//	--1--6--2--7-->
//	Filter(v > 5)
//	-----6-----7-->
func (s *Stream[K, V]) Filter(keep func(K, V) bool, options ...OperatorOption) *Stream[K, V] {
	return &Stream[K, V]{s.filter(processors.Filter(keep), options)}
}

// FilterNot drops the records for which drop returns true.
//
//	--1--6--2--7-->
//	FilterNot(v > 5)
//	--1-----2----->
func (s *Stream[K, V]) FilterNot(drop func(K, V) bool, options ...OperatorOption) *Stream[K, V] {
	return &Stream[K, V]{s.filter(processors.FilterNot(drop), options)}
}

// Map makes a new key and value of each record. What follows and needs records
// partitioned by key repartitions them first; use MapValues where the key stays.
//
//	--a:1--b:2-->
//	Map(k+k, v*10)
//	--aa:10--bb:20-->
func (s *Stream[K, V]) Map[K2, V2 any](f func(K, V) (K2, V2), options ...OperatorOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.mapped(processors.Map(f), "KSTREAM-MAP-", options)}
}

// MapValues makes a new value of each record and keeps its key.
//
//	--a:1--b:2-->
//	MapValues(v*10)
//	--a:10--b:20-->
func (s *Stream[K, V]) MapValues[V2 any](f func(V) V2, options ...OperatorOption) *Stream[K, V2] {
	return s.MapValuesWithKey(func(_ K, value V) V2 { return f(value) }, options...)
}

// MapValuesWithKey is MapValues for a function that looks at the key too.
func (s *Stream[K, V]) MapValuesWithKey[V2 any](f func(K, V) V2, options ...OperatorOption) *Stream[K, V2] {
	return &Stream[K, V2]{s.valued(processors.MapValues(f), "KSTREAM-MAPVALUES-", options)}
}

// MapRecords is the general form of Map: f sees headers, time and nulls, may set
// them, and may fail, which the policy for processing then handles. The context
// ends when the worker has to stop at once.
func (s *Stream[K, V]) MapRecords[K2, V2 any](f func(context.Context, record.Record[K, V]) (record.Record[K2, V2], error), options ...OperatorOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.mapped(processors.MapRecords(f), "KSTREAM-MAP-", options)}
}

// FlatMap makes any number of records of each one: f calls emit for each.
//
//	--a:2--b:1-->
//	FlatMap(v times)
//	--a:2--a:2--b:1-->
func (s *Stream[K, V]) FlatMap[K2, V2 any](f func(key K, value V, emit func(K2, V2)), options ...OperatorOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.mapped(processors.FlatMap(f), "KSTREAM-FLATMAP-", options)}
}

// FlatMapValues makes any number of values of each record and keeps its key.
//
//	--a:"x y"--b:"z"-->
//	FlatMapValues(strings.Fields)
//	--a:"x"--a:"y"--b:"z"-->
func (s *Stream[K, V]) FlatMapValues[V2 any](f func(V) []V2, options ...OperatorOption) *Stream[K, V2] {
	values := processors.FlatMapValues(func(_ K, value V) []V2 { return f(value) })
	return &Stream[K, V2]{s.valued(values, "KSTREAM-FLATMAPVALUES-", options)}
}

// SelectKey makes a new key of each record and keeps its value. What follows and
// needs records partitioned by key repartitions them first.
//
//	--a:1--b:2-->
//	SelectKey(v)
//	--1:1--2:2-->
func (s *Stream[K, V]) SelectKey[K2 any](f func(K, V) K2, options ...OperatorOption) *Stream[K2, V] {
	return &Stream[K2, V]{s.keyed(f, s.name(options, "KSTREAM-KEY-SELECT-"))}
}

// Peek calls f for each record and passes it on. Under exactly-once f may be
// called again for a record whose transaction was aborted.
func (s *Stream[K, V]) Peek(f func(K, V), options ...OperatorOption) *Stream[K, V] {
	return &Stream[K, V]{s.peek(f, "KSTREAM-PEEK-", options)}
}

// ForEach calls f for each record and ends the stream. See Peek on repetition.
func (s *Stream[K, V]) ForEach(f func(K, V), options ...OperatorOption) {
	s.peek(f, "KSTREAM-FOREACH-", options)
}

// Merge is the union of two streams. Records of the two have no order among each
// other.
//
//	--1-----2-->
//	-----a----->
//	Merge
//	--1--a--2-->
func (s *Stream[K, V]) Merge(other *Stream[K, V], options ...OperatorOption) *Stream[K, V] {
	if s.b != other.b {
		s.b.fault("Merge of streams of two builders: build them with one")
		return s
	}
	n := addProcessor(s.b, s.name(options, "KSTREAM-MERGE-"), nil, processors.Pass[K, V](), s.n, other.n)
	n.merges = true
	return &Stream[K, V]{flow[K, V]{b: s.b, n: n, key: s.key, value: s.value, rekeyed: s.rekeyed || other.rekeyed}}
}

// Process runs a processor of the user for each record, with its own stores and
// punctuations. Its keys count as changed; give the result types' serdes with
// those of what follows.
func (s *Stream[K, V]) Process[K2, V2 any](supplier processors.Supplier[K, V, K2, V2], options ...ProcessOption) *Stream[K2, V2] {
	return &Stream[K2, V2]{s.process(supplier, options)}
}

// ProcessValues is Process for a processor that leaves the keys as they are, so that
// nothing has to be repartitioned behind it.
func (s *Stream[K, V]) ProcessValues[V2 any](supplier processors.ValueSupplier[K, V, V2], options ...ProcessOption) *Stream[K, V2] {
	return &Stream[K, V2]{s.processValues(supplier, options)}
}

// To writes the stream to a topic, which has to exist. Records keep their
// timestamp and headers, and go to the partition that Kafka's Java client would
// choose for their key.
func (s *Stream[K, V]) To(topic string, options ...SinkOption) {
	s.to(topic, options)
}

// ToChosen writes each record to the topic that choose returns for it. All of
// those topics have to exist. An empty name drops the record.
func (s *Stream[K, V]) ToChosen(choose func(record.Record[K, V]) string, options ...SinkOption) {
	s.addSink(processors.Sink[K, V]{Choose: choose}, &sinkTopic{dynamic: true}, options)
}
