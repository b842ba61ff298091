package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// Grouped is a stream whose records are to be aggregated by key.
type Grouped[K, V any] struct {
	from *Stream[K, V]
	set  settings
}

// GroupByKey groups the records by the key that they have, for an aggregation.
func (s *Stream[K, V]) GroupByKey(options ...GroupOption) *Grouped[K, V] {
	return group(s, settingsOf(options))
}

// GroupBy groups the records by a new key. They are sent through a repartition
// topic, so that all records of a key meet in one task.
func (s *Stream[K, V]) GroupBy[K2 any](f func(K, V) K2, options ...GroupOption) *Grouped[K2, V] {
	set := settingsOf(options)
	name := s.b.named(set.name, "KSTREAM-KEY-SELECT-")
	return group(&Stream[K2, V]{s.keyed(f, name)}, set)
}

func group[K, V any](s *Stream[K, V], set settings) *Grouped[K, V] {
	from := *s
	if key := pick[K](s.b, at(s.n.name), set.key); key != nil {
		from.key = key
	}
	if value := pick[V](s.b, at(s.n.name), set.value); value != nil {
		from.value = value
	}
	return &Grouped[K, V]{from: &from, set: set}
}

// aggregation is what the aggregations of a grouped stream have in common.
type aggregation struct {
	settings
	store, node string
}

// burnForCount uses up the index that a count of Kafka Streams uses up if it is told
// how to keep its store, but not under which name.
func (b *Builder) burnForCount(set settings) {
	if set.materialized && set.store == "" {
		b.index++
	}
}

// nameAggregation gives the store and the node of an aggregation their names.
func (b *Builder) nameAggregation(s settings, prefix string) aggregation {
	a := aggregation{settings: s, store: s.store}
	if a.store == "" {
		a.store = b.newName(prefix + "STATE-STORE-")
	}
	a.node = b.named(s.name, prefix)
	return a
}

// keyed is the grouped stream, partitioned by its key.
func (g *Grouped[K, V]) keyed(store string) *Stream[K, V] {
	prefix := g.set.name
	if prefix == "" {
		prefix = store
	}
	return g.from.repartitioned(prefix, settings{})
}

// Count counts the records of each key.
//
//	--a--b--a-->
//	Count
//	--a:1--b:1--a:2-->
func (g *Grouped[K, V]) Count(options ...AggregateOption) *Table[K, int64] {
	set := settingsOf(options)
	g.from.b.burnForCount(set)
	return addAggregate(g, set, "KSTREAM-AGGREGATE-", processors.Counting[K, V], nil)
}

// Reduce combines the values of each key into one of the same type. The first
// value is taken as it is.
//
//	--a:1--a:2--a:3-->
//	Reduce(sum)
//	--a:1--a:3--a:6-->
func (g *Grouped[K, V]) Reduce(reduce func(aggregate, value V) V, options ...AggregateOption) *Table[K, V] {
	return addAggregate(g, settingsOf(options), "KSTREAM-REDUCE-", processors.Reducing[K](reduce), g.from.value)
}

// Aggregate combines the values of each key into a value of another type, which
// begins as what initial returns. add must return a new aggregate rather than
// change the one that it is given, unless nothing else can see the change.
func (g *Grouped[K, V]) Aggregate[A any](initial func() A, add func(key K, value V, aggregate A) A, options ...AggregateOption) *Table[K, A] {
	return addAggregate(g, settingsOf(options), "KSTREAM-AGGREGATE-", processors.Aggregating(initial, add), nil)
}

func addAggregate[K, V, A any](g *Grouped[K, V], set settings, prefix string, fold processors.Fold[K, V, A], inherited serde.Serde[A]) *Table[K, A] {
	b := g.from.b
	a := b.nameAggregation(set, prefix)
	keyed := g.keyed(a.store)
	key, value := aggregateSerdes(keyed, a, inherited)
	n := then(keyed.flow, a.node, nil, processors.Aggregate(a.store, fold))
	b.addStore(keyValueStore(a.store, key, value, a.settings), n)
	return &Table[K, A]{table[K, A]{b: b, n: n, key: key, value: value, origin: keptRows[K, A](b, a.store)}}
}

// aggregateSerdes are the serdes of an aggregation's store: those of its options,
// else those of the stream for keys and of the type for values.
func aggregateSerdes[K, V, A any](s *Stream[K, V], a aggregation, inherited serde.Serde[A]) (serde.Serde[K], serde.Serde[A]) {
	key, value := pick[K](s.b, at(a.node), a.key), pick[A](s.b, at(a.node), a.value)
	if key == nil {
		key = s.key
	}
	if value == nil {
		value = inherited
	}
	return resolve(s.b, at(a.node), key, true), resolve(s.b, at(a.node), value, false)
}

// WindowedBy divides the records of each key into windows of a fixed length:
// window.Tumbling, window.Hopping or window.Sliding.
func (g *Grouped[K, V]) WindowedBy(w window.Fixed) *Windowed[K, V] {
	if !g.from.b.checkWindows(g.from.n.name, w) {
		w = window.Tumbling(1e6) // stands in, so that building can go on
	}
	return &Windowed[K, V]{grouped: g, windows: w}
}

// WindowedBySession divides the records of each key into sessions: periods of
// activity that end when the key has been quiet for more than the gap.
func (g *Grouped[K, V]) WindowedBySession(w window.SessionSpec) *SessionWindowed[K, V] {
	if !g.from.b.checkWindows(g.from.n.name, w) {
		w = window.Session(1e6)
	}
	return &SessionWindowed[K, V]{grouped: g, windows: w}
}

// checkWindows notes what is wrong with windows that a node was given.
func (b *Builder) checkWindows(node string, w interface{ Err() error }) bool {
	if w == nil {
		b.fault("node %q: WindowedBy was given no windows: give it window.Tumbling, window.Hopping or window.Sliding", node)
		return false
	}
	if err := w.Err(); err != nil {
		b.fault("node %q: %w", node, err)
		return false
	}
	return true
}
