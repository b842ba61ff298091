package postgres

import (
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/record"
)

// Sink writes what ops makes of each record to the given tables; the others are short
// forms of it. The name is the sink's for good: its positions are kept under it. Within a
// batch tables are written in the order given here, and rows are deleted in the reverse
// order, so put those that others refer to first.
func Sink[K, V any](pool *pgxpool.Pool, name string, tables []AnyTable, ops func(record.Record[K, V]) (Op, error), options ...connectors.Option) connectors.Sink[K, V] {
	convert := func(r record.Record[K, V]) (Op, bool, error) {
		o, err := ops(r)
		return o, err == nil && len(o.changes) > 0, err
	}
	return connectors.To(name, NewTarget(pool, tables...), convert, options...)
}

// Upsert keeps one row for each key: row makes it of a record, and a tombstone deletes it.
// For a tombstone row is given the zero value, and only the fields of the key are looked at.
// See TableOf for R.
func Upsert[K, V, R any](pool *pgxpool.Pool, name, table string, row func(K, V) R, options ...connectors.Option) connectors.Sink[K, V] {
	t := TableOf[R](table)
	t.requireKey()
	return Sink(pool, name, []AnyTable{t}, func(r record.Record[K, V]) (Op, error) {
		switch {
		case r.NullKey:
			return Op{}, errNullKey
		case r.Tombstone:
			return t.Delete(row(r.Key, r.Value)), nil
		}
		return t.Put(row(r.Key, r.Value)), nil
	}, options...)
}

// Append appends a row for each record, once. Tombstones are left out. See TableOf for R,
// which has no key here.
func Append[K, V, R any](pool *pgxpool.Pool, name, table string, row func(record.Record[K, V]) R, options ...connectors.Option) connectors.Sink[K, V] {
	t := TableOf[R](table)
	t.requireNoKey()
	return Sink(pool, name, []AnyTable{t}, func(r record.Record[K, V]) (Op, error) {
		if r.Tombstone {
			return Op{}, nil
		}
		return t.Put(row(r)), nil
	}, options...)
}
