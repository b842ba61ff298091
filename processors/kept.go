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
	if k.versions != nil {
		return k.insert(r)
	}
	e, err := k.rows.Lookup(r.Key)
	if err != nil {
		return err
	}
	if !r.Value.HasNew {
		return k.rows.Remove(e, r.Timestamp, r.Headers)
	}
	return k.rows.Set(e, r.Value.New, r.Timestamp, r.Headers)
}

func (k *Kept[K, V]) has(key K) (had bool, err error) {
	if k.versions != nil {
		_, had, err = k.versions.Get(key)
		return had, err
	}
	_, _, had, err = k.rows.GetTimestamped(key)
	return had, err
}

// dropExpired is the reason for which a table that keeps versions drops an update
// that is older than its history.
const dropExpired = "older than the history"

// insert makes the new row of an update a version of the row and passes it on. What
// the row was is its newest version, also where the update concerns an older one.
func (k *Kept[K, V]) insert(r record.Record[K, Change[V]]) error {
	old, had, err := k.versions.Get(r.Key)
	if err != nil {
		return err
	}
	out := Change[V]{Old: old.Value, HasOld: had}
	var to int64
	var accepted bool
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
		k.c.Drop(dropExpired)
		return nil
	}
	out.Older = to != state.Forever
	return k.c.Forward(record.WithValue(r, out))
}
