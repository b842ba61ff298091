package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// Table is the newest state of each key, together with the stream of its changes.
// It is kept in a store where that is needed.
type Table[K, V any] struct{ table[K, V] }

// table is what Table and WindowedTable have in common: a place in the topology
// that the updates of rows with these types pass.
type table[K, V any] struct {
	b      *Builder
	n      *node
	key    serde.Serde[K]
	value  serde.Serde[V]
	origin origin[K, V]
}

// addTable enters a table of the records of a stream. It is kept in a store at once
// if the store was named; otherwise something else has to need it.
func addTable[K, V any](s flow[K, V], store, name string, set settings) table[K, V] {
	key, value := s.chosen(name, set)
	o := &onDemand[K, V]{kept: keptRows[K, V](s.b, store)}
	n := then(s, name, nil, func(c *processors.Context[K, processors.Change[V]]) (processors.Processor[K, V], error) {
		if o.stored {
			return processors.Table[K, V](store)(c)
		}
		return processors.View[K, V]()(c)
	})
	o.enter = func() {
		key, value := resolve(s.b, at(name), key, true), resolve(s.b, at(name), value, false)
		s.b.addStore(keyValueStore(store, key, value, set), n)
	}
	if set.store != "" || set.versioned || set.mortal {
		o.keep()
	}
	return table[K, V]{b: s.b, n: n, key: key, value: value, origin: o}
}

// ToTable makes a table of the stream: each record is the newest state of its
// key, and a tombstone deletes it. Records without a key are dropped. Whether the
// rows are kept in a store follows the rules of Builder.Table.
//
//	--a:1--b:2--a:3-->
//	ToTable
//	 {a:1}  {a:1,b:2}  {a:3,b:2}
func (s *Stream[K, V]) ToTable(options ...AggregateOption) *Table[K, V] {
	set := settingsOf(options)
	name := s.b.named(set.name, "KSTREAM-TOTABLE-")
	store := set.store
	if store == "" {
		store = s.b.newName("KSTREAM-TOTABLE-STATE-STORE-")
	}
	from := *s
	if key := pick[K](s.b, at(name), set.key); key != nil {
		from.key = key
	}
	if value := pick[V](s.b, at(name), set.value); value != nil {
		from.value = value
	}
	return &Table[K, V]{addTable(from.repartitioned(name, settings{}).flow, store, name, set)}
}

// ToStream is the stream of the table's changes: the new value of a row, or a
// tombstone.
func (t *Table[K, V]) ToStream(options ...OperatorOption) *Stream[K, V] {
	return &Stream[K, V]{t.toStream(options)}
}

func (t *table[K, V]) toStream(options []OperatorOption) flow[K, V] {
	name := t.b.named(settingsOf(options).name, "KTABLE-TOSTREAM-")
	n := addProcessor(t.b, name, nil, processors.ToStream[K, V](), t.n)
	return flow[K, V]{b: t.b, n: n, key: t.key, value: t.value}
}

// StoreName is the name of the store that holds the table, or empty if nothing has
// needed one so far.
func (t *Table[K, V]) StoreName() string {
	switch o := t.origin.(type) {
	case kept[K, V]:
		return o.store
	case keptView[K, V]:
		return o.store
	case *onDemand[K, V]:
		if o.stored {
			return o.store
		}
	}
	return ""
}

// Versions refers to the store that holds the table and its history, for processors
// of the user. They must not write to it. The table needs the option History.
func (t *Table[K, V]) Versions() Store[*state.Versioned[K, V]] {
	name := t.StoreName()
	if def := t.b.storeOf(name); name != "" && def.versioned {
		return Store[*state.Versioned[K, V]]{def}
	}
	t.b.fault("node %q: the table keeps no versions that Versions could refer to: give it the option History", t.n.name)
	return Store[*state.Versioned[K, V]]{&storeDef{name: name}}
}

// Rows refers to the store that holds the table, for processors of the user. They
// must not write to it. A table that is made of another one has to be kept for
// this: name its store with StoreName.
func (t *Table[K, V]) Rows() Store[*state.KeyValue[K, V]] {
	if o, ok := t.origin.(*onDemand[K, V]); ok {
		o.keep()
	}
	name := t.StoreName()
	if name == "" {
		t.b.fault("node %q: the table is in no store that Rows could refer to: name one with StoreName", t.n.name)
	}
	if t.b.storeOf(name).versioned {
		t.b.fault("node %q: the table keeps versions: use Versions instead of Rows", t.n.name)
	}
	return Store[*state.KeyValue[K, V]]{t.b.storeOf(name)}
}
