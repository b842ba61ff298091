package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
)

// Table is the newest state of each key, kept in a store, together with the
// stream of its changes.
type Table[K, V any] struct {
	b     *Builder
	n     *node
	key   serde.Serde[K]
	value serde.Serde[V]
	store string
}

// materialize writes the records of a stream into the store of a table.
func materialize[K, V any](s *Stream[K, V], store, name string, set settings) *Table[K, V] {
	n := then(s.flow, name, nil, processors.Table[K, V](store))
	key, value := s.serdes(name, set, "")
	s.b.addStore(keyValueStore(s.b, store, key, value, set), n)
	return &Table[K, V]{b: s.b, n: n, key: key, value: value, store: store}
}

// ToTable makes a table of the stream: each record is the newest state of its
// key, and a tombstone deletes it. Records without a key are dropped.
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
	if key := pick[K](s.b, name, set.key); key != nil {
		from.key = key
	}
	if value := pick[V](s.b, name, set.value); value != nil {
		from.value = value
	}
	return materialize(from.repartitioned(name, settings{}), store, name, set)
}

// ToStream is the stream of the table's changes: the new value of a row, or a
// tombstone.
func (t *Table[K, V]) ToStream(options ...OperatorOption) *Stream[K, V] {
	name := t.b.named(settingsOf(options).name, "KTABLE-TOSTREAM-")
	n := addProcessor(t.b, name, nil, processors.ToStream[K, V](), t.n)
	return &Stream[K, V]{flow[K, V]{b: t.b, n: n, key: t.key, value: t.value}}
}

// StoreName is the name of the store that holds the table.
func (t *Table[K, V]) StoreName() string { return t.store }
