package processors

import (
	"math"

	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// Rows reads one row of a table: its value, its timestamp and whether there is
// one. at asks for the row as it was at a time, in a table that keeps versions;
// any other table answers with the newest, as all do for Newest. A table that is
// in no store makes its rows of those of other tables.
type Rows[K, V any] func(key K, at int64) (value V, ts int64, found bool, err error)

// Newest asks for the newest version of a row.
const Newest = math.MaxInt64

// StoredRows reads the rows that are in a key-value store of the task, or in one
// that keeps versions.
func StoredRows[K, V any](t *Task, store string) (Rows[K, V], error) {
	if rows, ok := t.stores[store].(*state.Versioned[K, V]); ok {
		return func(key K, at int64) (V, int64, bool, error) {
			v, found, err := rows.GetAsOf(key, at)
			return v.Value, v.From, found, err
		}, nil
	}
	rows, err := Store[*state.KeyValue[K, V]](t, store)
	if err != nil {
		return nil, err
	}
	return func(key K, at int64) (value V, ts int64, found bool, err error) {
		if at != Newest {
			return rows.GetTimestamped(key)
		}
		// Who asks for the newest row is told of every update, and so of the end of one
		// that has run out: until then it is there.
		e, err := rows.Lookup(key)
		if err == nil {
			value, ts, found = e.Value()
		}
		return value, ts, found, err
	}, nil
}

// WindowedRows reads the rows that are in a window store of the task.
func WindowedRows[K, V any](t *Task, store string) (Rows[window.Key[K], V], error) {
	rows, err := Store[*state.Window[K, V]](t, store)
	if err != nil {
		return nil, err
	}
	return func(key window.Key[K], _ int64) (V, int64, bool, error) { return rows.Fetch(key.Key, key.Start) }, nil
}

// SlidingRows reads the rows that are in a store of sliding windows of the task.
func SlidingRows[K, V any](t *Task, store string) (Rows[window.Key[K], V], error) {
	rows, err := Store[*state.Sliding[K, V]](t, store)
	if err != nil {
		return nil, err
	}
	return func(key window.Key[K], _ int64) (V, int64, bool, error) { return rows.Fetch(key.Key, key.Start) }, nil
}

// SessionRows reads the rows that are in a session store of the task. Their
// timestamps are the ends of the sessions.
func SessionRows[K, V any](t *Task, store string) (Rows[window.Key[K], V], error) {
	rows, err := Store[*state.Session[K, V]](t, store)
	if err != nil {
		return nil, err
	}
	return func(key window.Key[K], _ int64) (V, int64, bool, error) {
		value, _, ok, err := rows.Fetch(key.Key, key.Start, key.End)
		return value, key.End, ok, err
	}, nil
}
