package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// Kept is the store of a table. What is written to it is passed on, with what the
// row was.
type Kept[K, V any] struct {
	c *Context[K, Change[V]]
	// rows is set, or else versions.
	rows     *state.KeyValue[K, V]
	versions *state.Versioned[K, V]
	nulls    nulls[V]
}

// KeptRows opens the store of a table.
func KeptRows[K, V any](c *Context[K, Change[V]], store string) (*Kept[K, V], error) {
	k := &Kept[K, V]{c: c, nulls: nullsOf[V]()}
	if versions, ok := c.stores[store].(*state.Versioned[K, V]); ok {
		k.versions = versions
		return k, nil
	}
	rows, err := Store[*state.KeyValue[K, V]](c.Task, store)
	if err != nil {
		return nil, err
	}
	k.rows = rows
	rows.OnWrite(func(w *state.Written[K, V]) error { return forwardWrite(c, w.Key(), w) })
	return k, nil
}

// Write makes the new row of an update the row in the store.
func (k *Kept[K, V]) Write(r record.Record[K, Change[V]]) error {
	at, err := k.find(r.Key)
	if err != nil {
		return err
	}
	return k.replace(at, r)
}

// found is a row that is about to be replaced.
type found[K, V any] struct {
	entry *state.Entry[K, V] // nil if the store keeps versions
	row   V
	ts    int64
	has   bool
}

// find looks up the newest version of a row.
func (k *Kept[K, V]) find(key K) (at found[K, V], err error) {
	if k.versions != nil {
		var v state.Version[V]
		v, at.has, err = k.versions.Get(key)
		at.row, at.ts = v.Value, v.From
		return at, err
	}
	if at.entry, err = k.rows.Lookup(key); err == nil {
		at.row, at.ts, at.has = k.rows.Current(at.entry)
	}
	return at, err
}

// replace makes the new row of an update the one in the store. Nothing may have
// been written since the row was found.
func (k *Kept[K, V]) replace(at found[K, V], r record.Record[K, Change[V]]) error {
	switch {
	case at.entry == nil:
		return k.insert(at, r)
	case !r.Value.HasNew:
		return k.rows.Remove(at.entry, r.Timestamp, r.Headers)
	default:
		return k.rows.Set(at.entry, r.Value.New, r.Timestamp, r.Headers)
	}
}

// dropBeforeHistory is the reason for which a table that keeps versions drops an update
// that is older than its history.
const dropBeforeHistory = "older than the history"

// insert makes the new row of an update a version of the row and passes it on. What
// the row was is its newest version, also where the update concerns an older one.
func (k *Kept[K, V]) insert(at found[K, V], r record.Record[K, Change[V]]) error {
	out := Change[V]{Old: at.row, HasOld: at.has}
	var to int64
	var accepted bool
	var err error
	if out.HasNew = r.Value.HasNew && !k.nulls.isNil(r.Value.New); out.HasNew {
		out.New = r.Value.New
		to, accepted, err = k.versions.Put(r.Key, out.New, r.Timestamp)
	} else {
		to, accepted, err = k.versions.Remove(r.Key, r.Timestamp)
	}
	if err != nil {
		return err
	}
	if !accepted {
		k.c.Drop(dropBeforeHistory)
		return nil
	}
	out.Older = to != state.Forever
	return k.c.Forward(record.WithValue(r, out))
}
