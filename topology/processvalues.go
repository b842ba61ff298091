package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/window"
)

// ProcessValues is the table with a new value for each row, which a mapper of the
// user makes with the help of the stores that it is connected with by Stores. See
// MapValues for one that needs none.
//
//	--a:1--b:2--a:3--a:-->
//	ProcessValues(v, number of updates so far)
//	--a:(1,1)--b:(2,1)--a:(3,2)--a:-->
//
// The mapper is called once for each update, also for a deletion, and for nothing
// else: what was made of a row once cannot be made again. So if something needs the
// rows, or what they were, they are kept in a store, which StoreName names. Kafka
// Streams calls the mapper again for that, and changes its stores once too often.
func (t *Table[K, V]) ProcessValues[V2 any](supplier processors.RowSupplier[K, V, V2], options ...ProcessTableOption) *Table[K, V2] {
	return &Table[K, V2]{t.processed(supplier, settingsOf(options))}
}

// ProcessValues is the table with a new value for each row. See
// Table.ProcessValues.
func (t *WindowedTable[K, V]) ProcessValues[V2 any](supplier processors.RowSupplier[window.Key[K], V, V2], options ...ProcessTableOption) *WindowedTable[K, V2] {
	return &WindowedTable[K, V2]{t.processed(supplier, settingsOf(options))}
}

func (t *table[K, V]) processed[V2 any](supplier processors.RowSupplier[K, V, V2], set settings) table[K, V2] {
	b := t.b
	name := b.named(set.name, "KTABLE-TRANSFORMVALUES-")
	store := set.store
	if store == "" {
		store = name + "-store"
	}
	key, value := flow[K, V2]{b: b, key: t.key}.chosen(name, set)
	o := &onDemand[K, V2]{kept: keptRows[K, V2](b, store)}
	n := addProcessor(b, name, nil, processors.MapRows(supplier, func() string {
		if o.stored {
			return store
		}
		return ""
	}), t.n)
	for _, connected := range set.connected {
		b.useStore(connected, n)
	}
	o.enter = func() {
		b.addStore(keyValueStore(store, resolve(b, at(name), key, true), resolve(b, at(name), value, false), set), n)
	}
	if set.store != "" {
		o.keep()
	}
	return table[K, V2]{b: b, n: n, key: key, value: value, origin: o}
}
