package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// Filter is the table of the rows for which keep returns true. A row that keep no
// longer accepts is deleted. The rows are kept in a store of their own if one is
// named with StoreName; otherwise what needs them looks them up in the stores of
// the tables that they come from.
//
//	--a:1--a:7--b:2--a:3-->
//	Filter(v > 5)
//	-------a:7-------a:-->
//
// An update that is not accepted and replaces a row that was not either is passed
// on as a deletion if the table is in no store, since nobody knows the row then.
func (t *Table[K, V]) Filter(keep func(K, V) bool, options ...AggregateOption) *Table[K, V] {
	return &Table[K, V]{t.filter(keep, true, settingsOf(options))}
}

// FilterNot is the table of the rows for which drop returns false. See Filter.
func (t *Table[K, V]) FilterNot(drop func(K, V) bool, options ...AggregateOption) *Table[K, V] {
	return &Table[K, V]{t.filter(drop, false, settingsOf(options))}
}

// MapValues is the table with a new value for each row. f has to give the same
// result for the same value. The rows are kept in a store of their own if one is
// named with StoreName.
//
//	--a:1--b:2--a:-->
//	MapValues(v*10)
//	--a:10--b:20--a:-->
func (t *Table[K, V]) MapValues[V2 any](f func(V) V2, options ...AggregateOption) *Table[K, V2] {
	return t.MapValuesWithKey(func(_ K, value V) V2 { return f(value) }, options...)
}

// MapValuesWithKey is MapValues for a function that looks at the key too.
func (t *Table[K, V]) MapValuesWithKey[V2 any](f func(K, V) V2, options ...AggregateOption) *Table[K, V2] {
	return &Table[K, V2]{t.valued(f, settingsOf(options))}
}

// Filter is the table of the rows for which keep returns true. See Table.Filter.
func (t *WindowedTable[K, V]) Filter(keep func(window.Key[K], V) bool, options ...AggregateOption) *WindowedTable[K, V] {
	return &WindowedTable[K, V]{t.filter(keep, true, settingsOf(options))}
}

// FilterNot is the table of the rows for which drop returns false.
func (t *WindowedTable[K, V]) FilterNot(drop func(window.Key[K], V) bool, options ...AggregateOption) *WindowedTable[K, V] {
	return &WindowedTable[K, V]{t.filter(drop, false, settingsOf(options))}
}

// MapValues is the table with a new value for each row.
func (t *WindowedTable[K, V]) MapValues[V2 any](f func(V) V2, options ...AggregateOption) *WindowedTable[K, V2] {
	return t.MapValuesWithKey(func(_ window.Key[K], value V) V2 { return f(value) }, options...)
}

// MapValuesWithKey is MapValues for a function that looks at the key too.
func (t *WindowedTable[K, V]) MapValuesWithKey[V2 any](f func(window.Key[K], V) V2, options ...AggregateOption) *WindowedTable[K, V2] {
	return &WindowedTable[K, V2]{t.valued(f, settingsOf(options))}
}

func (t *table[K, V]) filter(test func(K, V) bool, want bool, set settings) table[K, V] {
	made := processors.Derived[K, V, V]{
		Row: func(key K, row V) (V, bool) { return row, test(key, row) == want },
		// Of a table that keeps versions every update counts: it may be an older one.
		Selective: !versioned(t.origin),
	}
	// Where the rows are known anyway, updates tell, and nothing is deleted twice.
	out := t.derive(made, "KTABLE-FILTER-", set, t.value)
	out.asked = t.origin.olds(false)
	return out.table
}

func (t *table[K, V]) valued[V2 any](f func(K, V) V2, set settings) table[K, V2] {
	isNil, ok := serde.Nilable[V2]()
	if !ok {
		isNil = func(V2) bool { return false }
	}
	made := processors.Derived[K, V, V2]{Row: func(key K, row V) (V2, bool) {
		value := f(key, row)
		return value, !isNil(value)
	}}
	return t.derive(made, "KTABLE-MAPVALUES-", set, nil).table
}

// derivedTable is a derived table while it is being made.
type derivedTable[K, P, V any] struct {
	table[K, V]
	*view[K, P, V]
}

// derive enters a table that is made of t row by row.
func (t *table[K, V]) derive[V2 any](made processors.Derived[K, V, V2], prefix string, set settings, inherited serde.Serde[V2]) derivedTable[K, V, V2] {
	b := t.b
	if set.materialized && set.store == "" {
		b.index++ // Kafka Streams names a store here, and then makes none
	}
	name := b.named(set.name, prefix)
	if set.versioned && set.store == "" {
		b.fault("node %q: only a table that is kept can have a History: name its store with StoreName", name)
	}
	o := &view[K, V, V2]{of: t.origin}
	made.Olds, made.Store = func() bool { return o.asked }, set.store
	o.made = made
	key, value := pick[K](b, at(name), set.key), pick[V2](b, at(name), set.value)
	if key == nil {
		key = t.key
	}
	if value == nil {
		value = inherited
	}
	out := table[K, V2]{b: b, key: key, value: value, origin: o}
	out.n = addProcessor(b, name, nil, made.Supplier(), t.n)
	if set.store != "" {
		b.addStore(keyValueStore(set.store, resolve(b, at(name), key, true), resolve(b, at(name), value, false), set), out.n)
		out.origin = keptView[K, V2]{keptRows[K, V2](b, set.store), &o.asked}
	}
	return derivedTable[K, V, V2]{out, o}
}
