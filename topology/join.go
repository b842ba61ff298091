package topology

import (
	"time"

	"github.com/tidemill/tidemill/processors"
)

// Join joins each record with the row that the table has under its key when the
// record comes, or that it had at the record's time if the table has a History. A
// record without such a row, without a key or without a value is dropped. Both sides
// need the same number of partitions.
//
//	stream  --a:1-------a:2--b:3-->
//	table   ------a:x------------->
//	Join    ------------a:2x------>
func (s *Stream[K, V]) Join[T, R any](table *Table[K, T], join func(V, T) R, options ...TableJoinOption) *Stream[K, R] {
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
func (s *Stream[K, V]) LeftJoin[T, R any](table *Table[K, T], join func(V, *T) R, options ...TableJoinOption) *Stream[K, R] {
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
	if set.waits {
		join.Buffer, join.Grace = name+"-Buffer", set.grace.Milliseconds()
		b.checkGrace(name, set.grace, table.origin)
	}
	n := then(keyed.flow, name, stores, join.Supplier())
	if set.waits {
		key, value := resolve(b, at(name), keyed.key, true), resolve(b, at(name), keyed.value, false)
		b.addStore(bufferStore(join.Buffer, bind(b, key, name, true), bind(b, value, name, false)), n)
	}
	b.joins = append(b.joins, [2]*node{keyed.n, table.n})
	return &Stream[K, R]{flow[K, R]{b: b, n: n, key: s.key}}
}

// checkGrace checks that a join can look up what the table was a grace period ago.
func (b *Builder) checkGrace(name string, grace time.Duration, table any) {
	back, ok := historyOf(table)
	switch {
	case grace < 0:
		b.fault("node %q: the grace period must not be negative, got %v", name, grace)
	case !ok:
		b.fault("node %q: a join with a grace period needs a table that knows what it was: give the table the option History of %v or more", name, grace)
	case back < grace:
		b.fault("node %q: the history of the table, %v, is shorter than the grace period of the join, %v: make it at least as long", name, back, grace)
	}
}
