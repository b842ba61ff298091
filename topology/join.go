package topology

import "github.com/tidemill/tidemill/processors"

// Join joins each record with the row that the table has under its key when the
// record comes. A record without such a row, without a key or without a value is
// dropped. Both sides need the same number of partitions.
//
//	stream  --a:1-------a:2--b:3-->
//	table   ------a:x------------->
//	Join    ------------a:2x------>
func (s *Stream[K, V]) Join[T, R any](table *Table[K, T], join func(V, T) R, options ...OperatorOption) *Stream[K, R] {
	return addStreamTableJoin(s, table, "KSTREAM-JOIN-", settingsOf(options), processors.StreamTableJoin[K, V, T, R]{
		Found: func(_ K, value V, row T) R { return join(value, row) },
	})
}

// LeftJoin is Join that keeps records without a key or a row: join is called with
// nil for them.
//
//	stream    --a:1-------a:2--b:3-->
//	table     ------a:x------------->
//	LeftJoin  --a:1-------a:2x--b:3-->
func (s *Stream[K, V]) LeftJoin[T, R any](table *Table[K, T], join func(V, *T) R, options ...OperatorOption) *Stream[K, R] {
	return addStreamTableJoin(s, table, "KSTREAM-LEFTJOIN-", settingsOf(options), processors.StreamTableJoin[K, V, T, R]{
		Found:   func(_ K, value V, row T) R { return join(value, &row) },
		Missing: func(_ K, value V) R { return join(value, nil) },
	})
}

func addStreamTableJoin[K, V, T, R any](s *Stream[K, V], table *Table[K, T], prefix string, set settings, join processors.StreamTableJoin[K, V, T, R]) *Stream[K, R] {
	b := s.b
	if b != table.b {
		b.fault("a join of a stream and a table of two builders: build them with one")
	}
	topic := set.name
	if topic == "" {
		topic = s.n.name
	}
	keyed := s.repartitioned(topic, settings{nullKeys: join.Missing != nil})
	join.Rows = table.origin.rows
	stores := table.origin.stores()
	name := b.named(set.name, prefix)
	n := then(keyed.flow, name, stores, join.Supplier())
	b.joins = append(b.joins, [2]*node{keyed.n, table.n})
	return &Stream[K, R]{flow[K, R]{b: b, n: n, key: s.key}}
}
