package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
)

// Table is the newest state of each key, together with the stream of its changes.
// It is kept in a store where that is needed.
type Table[K, V any] struct {
	b     *Builder
	n     *node
	key   serde.Serde[K]
	value serde.Serde[V]
	store string
	// keep enters the store of a table that has none so far.
	keep func()
}

// addTable enters a table of the records of a stream. It is kept in a store at once
// if the store was named; otherwise something else has to need it.
func addTable[K, V any](s *Stream[K, V], store, name string, set settings) *Table[K, V] {
	key, value := s.serdes(name, set, "")
	stored := false
	n := then(s.flow, name, nil, func(c *processors.Context[K, processors.Change[V]]) (processors.Processor[K, V], error) {
		if stored {
			return processors.Table[K, V](store)(c)
		}
		return processors.View[K, V]()(c)
	})
	t := &Table[K, V]{b: s.b, n: n, key: key, value: value, store: store}
	t.keep = func() {
		if !stored {
			stored = true
			s.b.addStore(keyValueStore(store, key, value, set), n)
		}
	}
	if set.store != "" {
		t.keep()
	}
	return t
}

// kept is the name of the store that holds the table.
func (t *Table[K, V]) kept() string {
	if t.keep != nil {
		t.keep()
	}
	return t.store
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
	return addTable(from.repartitioned(name, settings{}), store, name, set)
}

// ToStream is the stream of the table's changes: the new value of a row, or a
// tombstone.
func (t *Table[K, V]) ToStream(options ...OperatorOption) *Stream[K, V] {
	name := t.b.named(settingsOf(options).name, "KTABLE-TOSTREAM-")
	n := addProcessor(t.b, name, nil, processors.ToStream[K, V](), t.n)
	return &Stream[K, V]{flow[K, V]{b: t.b, n: n, key: t.key, value: t.value}}
}

// StoreName is the name of the store that holds the table, or empty if nothing has
// needed one so far.
func (t *Table[K, V]) StoreName() string {
	for _, use := range t.b.stores {
		if use.name == t.store {
			return t.store
		}
	}
	return ""
}
