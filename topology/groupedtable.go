package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// GroupedTable is a table whose rows are to be aggregated under other keys. When a
// row changes, what it was is taken out of its aggregate and what it is now is put
// into one, so that an aggregate is always that of the rows which there are.
//
// The rows are sent through a repartition topic, so that all rows of a key meet in
// one task. If a row moves from one key to another, the old aggregate changes first;
// the two may be in different tasks, and then there is a moment in which the row is
// in neither. If it stays under its key, the aggregate changes once.
type GroupedTable[K, V any] struct {
	b *Builder
	// n is the node that makes the new keys, and rekeyed what it does.
	n     *node
	set   settings
	key   serde.Serde[K]
	value serde.Serde[V]
	// bound is the key's serde for a topic that the updates are sent through.
	bound *serde.Serde[K]
	// shared are the updates behind the repartition topic of a named grouping.
	shared *flow[K, processors.Change[V]]
}

// GroupBy groups the rows by a new key, and gives them a new value, for an
// aggregation. f has to return the same for the same row. A row for which it
// returns a nil key or value takes no part.
//
//	--a:x--b:x--a:y--b:-->
//	GroupBy(v, 1).Count
//	--x:1--x:2--x:1--y:1--x:0-->
//
// The table is kept in a store, if it is not yet, since it takes the old row to
// change its aggregate. Updates of a version that is not the newest one of its row
// are dropped. The repartition topic is named after the grouping, with Named, or
// else after the store of the aggregation.
func (t *Table[K, V]) GroupBy[K2, V2 any](f func(K, V) (K2, V2), options ...GroupOption) *GroupedTable[K2, V2] {
	return groupTable(&t.table, f, settingsOf(options))
}

// GroupBy groups the rows by a new key. See Table.GroupBy.
func (t *WindowedTable[K, V]) GroupBy[K2, V2 any](f func(window.Key[K], V) (K2, V2), options ...GroupOption) *GroupedTable[K2, V2] {
	return groupTable(&t.table, f, settingsOf(options))
}

func groupTable[K, V, K2, V2 any](t *table[K, V], f func(K, V) (K2, V2), set settings) *GroupedTable[K2, V2] {
	b := t.b
	name := b.named(set.name, "KTABLE-SELECT-")
	g := &GroupedTable[K2, V2]{b: b, set: set, bound: new(serde.Serde[K2])}
	g.key = resolve(b, at(name), pick[K2](b, at(name), set.key), true)
	g.value = resolve(b, at(name), pick[V2](b, at(name), set.value), false)
	*g.bound = g.key
	g.n = addProcessor(b, name, nil, func(c *processors.Context[K2, processors.Change[V2]]) (processors.Processor[K, processors.Change[V]], error) {
		return processors.Regroup[K, V, K2, V2]{Row: f, Key: *g.bound}.Supplier()(c)
	}, t.n)
	t.origin.olds(true)
	return g
}

// Count counts the rows of each key. When the last one has gone, the count is 0.
//
//	--a:x--b:x--a:y-->
//	GroupBy(v, 1).Count
//	--x:1--x:2--x:1--y:1-->
func (g *GroupedTable[K, V]) Count(options ...AggregateOption) *Table[K, int64] {
	return addTableAggregate(g, settingsOf(options), "KTABLE-AGGREGATE-", processors.CountingRows[K, V](), nil)
}

// Reduce combines the rows of each key into a value of the same type. The first
// value is taken as it is, add takes in another one, and subtract takes one out
// again. An aggregate stays when its last row has gone, unless subtract returns nil.
//
//	--a:x3--b:x4--a:y3-->
//	GroupBy(letter, number).Reduce(plus, minus)
//	--x:3--x:7--x:4--y:3-->
func (g *GroupedTable[K, V]) Reduce(add, subtract func(aggregate, value V) V, options ...AggregateOption) *Table[K, V] {
	fold := processors.TableFold[K, V, V]{
		Add:      processors.Reducing[K](add),
		Subtract: func(_ K, value, aggregate V) V { return subtract(aggregate, value) },
	}
	return addTableAggregate(g, settingsOf(options), "KTABLE-REDUCE-", fold, g.value)
}

// Aggregate combines the rows of each key into a value of another type, which
// begins as what initial returns. add takes a row in, and subtract takes it out
// again. Both must return a new aggregate rather than change the one that they are
// given, unless nothing else can see the change. A nil result deletes the aggregate.
//
// Where the first aggregate of a key replaces nothing, what follows is told so;
// some aggregations of Kafka Streams tell that it replaces the initial value.
func (g *GroupedTable[K, V]) Aggregate[A any](initial func() A, add, subtract func(key K, value V, aggregate A) A, options ...AggregateOption) *Table[K, A] {
	fold := processors.TableFold[K, V, A]{Add: processors.Aggregating(initial, add), Subtract: subtract}
	return addTableAggregate(g, settingsOf(options), "KTABLE-AGGREGATE-", fold, nil)
}

func addTableAggregate[K, V, A any](g *GroupedTable[K, V], set settings, prefix string, fold processors.TableFold[K, V, A], inherited serde.Serde[A]) *Table[K, A] {
	b := g.b
	a := aggregation{settings: set, store: set.store}
	if a.store == "" {
		a.store = b.newName("KTABLE-AGGREGATE-STATE-STORE-")
	}
	sink, source := b.suffixed(set.name, "-sink", "KSTREAM-SINK-"), b.suffixed(set.name, "-source", "KSTREAM-SOURCE-")
	a.node = b.named(set.name, prefix)
	updates := g.through(a.store, sink, source)
	key, value := aggregateSerdes(&Stream[K, V]{flow[K, V]{b: b, key: g.key}}, a, inherited)
	n := then(updates, a.node, nil, processors.AggregateTable(a.store, fold))
	b.addStore(keyValueStore(a.store, key, value, a.settings), n)
	return &Table[K, A]{table[K, A]{b: b, n: n, key: key, value: value, origin: keptRows[K, A](b, a.store)}}
}

// through sends the updates through a repartition topic. A named grouping has one
// for all its aggregations, any other one for each.
func (g *GroupedTable[K, V]) through(store, sinkName, sourceName string) flow[K, processors.Change[V]] {
	if g.shared != nil {
		return *g.shared
	}
	prefix := g.set.name
	if prefix == "" {
		prefix = store
	}
	b := g.b
	topic, ok := b.newRepartition(prefix+"-repartition", settings{})
	if !ok {
		return flow[K, processors.Change[V]]{b: b, n: g.n}
	}
	full := b.application + "-" + topic.name
	key, value := bind(b, g.key, full, true), processors.ChangeSerde(bind(b, g.value, full, false))
	*g.bound = key
	sink := processors.Sink[K, processors.Change[V]]{Key: key, Value: value}
	next := throughTopic(b, topic, g.n, sinkName, sourceName, sink)
	if g.set.name != "" {
		g.shared = &next
	}
	return next
}
