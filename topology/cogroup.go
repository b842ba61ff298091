package topology

import (
	"slices"

	"github.com/tidemill/tidemill/window"
)

// Cogrouped is several grouped streams that are to be aggregated together. Their
// values may be of different types: each stream comes with the function that adds
// its values to the aggregate.
type Cogrouped[K, A any] struct {
	b      *Builder
	inputs []cogroupInput[K, A]
}

// Cogroup begins to aggregate several grouped streams into one table: add adds a
// value of this stream to the aggregate of its key. And adds the other streams.
//
//	deposits     --a:5-----------b:1-->
//	withdrawals  ------a:2--a:1------->
//	Cogroup(deposits, +).And(withdrawals, -).Aggregate(0)
//	             --a:5--a:3--a:2--b:1-->
//
// add must return a new aggregate rather than change the one that it is given,
// unless nothing else can see the change. Streams whose keys may have changed are
// repartitioned; give each of them a name with Named, where it is grouped, if
// there is more than one. All streams need the same number of partitions. Records
// of different streams have no order among them, except that a task prefers the
// lowest timestamp. Each stream may have an OnLate of its own, if there are windows.
func Cogroup[K, V, A any](g *Grouped[K, V], add func(key K, value V, aggregate A) A, options ...CogroupOption) *Cogrouped[K, A] {
	c := &Cogrouped[K, A]{b: g.from.b}
	return c.And(g, add, options...)
}

// CogroupOption is an option of a stream of a cogroup.
type CogroupOption interface {
	change(*settings)
	cogroup()
}

// And adds a stream. See Cogroup.
func (c *Cogrouped[K, A]) And[V any](g *Grouped[K, V], add func(key K, value V, aggregate A) A, options ...CogroupOption) *Cogrouped[K, A] {
	if g.from.b != c.b {
		c.b.fault("a cogroup of streams of two builders: build them with one")
		return c
	}
	for _, other := range c.inputs {
		if other.groups(g) {
			c.b.fault("node %q: the same grouped stream is twice in a cogroup: make one function of the two", g.from.n.name)
		}
	}
	next := *c
	next.inputs = append(slices.Clip(c.inputs), &cogroupStream[K, V, A]{group: g, from: g.from, add: add, late: settingsOf(options).late})
	return &next
}

// Aggregate keeps one aggregate for each key, which begins as what initial
// returns. A nil result of a nilable type deletes it. Records without a key or
// without a value are dropped. The result's timestamp is the highest of the
// records in it.
func (c *Cogrouped[K, A]) Aggregate(initial func() A, options ...AggregateOption) *Table[K, A] {
	made := newCogroup(c, settingsOf(options))
	def := keyValueStore(made.store, made.key, made.value, made.settings)
	n := made.merged[K](def, func(in cogroupInput[K, A], name string) *node {
		return in.aggregate(name, made.store, initial)
	})
	return &Table[K, A]{table[K, A]{b: c.b, n: n, key: made.key, value: made.value, origin: keptRows[K, A](c.b, made.store)}}
}

// WindowedBy divides the records of each key into windows of a fixed length. See
// Grouped.WindowedBy.
func (c *Cogrouped[K, A]) WindowedBy(w window.Fixed) *CogroupedWindows[K, A] {
	if !c.b.checkWindows(c.inputs[0].node().name, w) {
		w = window.Tumbling(1e6)
	}
	return &CogroupedWindows[K, A]{from: c, windows: w}
}

// WindowedBySession divides the records of each key into sessions. See
// Grouped.WindowedBySession.
func (c *Cogrouped[K, A]) WindowedBySession(w window.SessionSpec) *CogroupedSessions[K, A] {
	if !c.b.checkWindows(c.inputs[0].node().name, w) {
		w = window.Session(1e6)
	}
	return &CogroupedSessions[K, A]{from: c, windows: w}
}

// CogroupedWindows is a cogroup divided into windows of a fixed length. Each stream
// has a time of its own: a record is late by the highest timestamp of its stream. If
// one may run ahead of another by more than a window and its grace, choose a Retention
// that covers that.
type CogroupedWindows[K, A any] struct {
	from    *Cogrouped[K, A]
	windows window.Fixed
}

// Aggregate is Cogrouped.Aggregate for each key and window. Null values of nilable
// types are given to the functions, except in sliding windows. See
// Windowed.Aggregate.
func (c *CogroupedWindows[K, A]) Aggregate(initial func() A, options ...AggregateOption) *WindowedTable[K, A] {
	made := newCogroup(c.from, settingsOf(options))
	t, def := fixedTable[K, A](made.b, &made.aggregation, c.windows, made.key, made.value)
	t.n = made.merged[window.Key[K]](def, func(in cogroupInput[K, A], name string) *node {
		return in.windowed(name, made.store, c.windows, initial)
	})
	return t
}

// CogroupedSessions is a cogroup divided into sessions: a record of any of the streams
// extends or joins those that it is near to. See CogroupedWindows for the time.
type CogroupedSessions[K, A any] struct {
	from    *Cogrouped[K, A]
	windows window.SessionSpec
}

// Aggregate is Cogrouped.Aggregate for each key and session. Null values of nilable
// types are given to the functions. merge joins two sessions into one, the earlier one
// first. See SessionWindowed.Aggregate.
func (c *CogroupedSessions[K, A]) Aggregate(initial func() A, merge func(key K, a, b A) A, options ...AggregateOption) *WindowedTable[K, A] {
	made := newCogroup(c.from, settingsOf(options))
	t, def := sessionTable[K, A](made.b, &made.aggregation, c.windows, made.key, made.value)
	t.n = made.merged[window.Key[K]](def, func(in cogroupInput[K, A], name string) *node {
		return in.sessions(name, made.store, c.windows, initial, merge)
	})
	return t
}
