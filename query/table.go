package query

import (
	"context"
	"math"
	"time"
)

// Table reads a key-value store, such as that of a table or of an aggregation.
type Table[K, V any] struct{ typed[K, V] }

// OpenTable opens a key-value store by its name. The types are those of the store.
func OpenTable[K, V any](source Source, store string) (*Table[K, V], error) {
	t, err := open[K, V](source, store)
	return &Table[K, V]{t}, err
}

// Get returns the value of a key and whether there is one.
func (t *Table[K, V]) Get(ctx context.Context, key K, options ...Option) (value V, ok bool, err error) {
	r, err := t.of(key)
	if err != nil {
		return value, false, err
	}
	item, ok, err := one(t.ask(ctx, r, options))
	return item.Value, ok, err
}

// Range returns the rows with from <= key < to of the worker's tasks, each task's
// ordered by the encoded key.
func (t *Table[K, V]) Range(ctx context.Context, from, to K, options ...Option) ([]Item[K, V], error) {
	low, err := t.of(from)
	if err != nil {
		return nil, err
	}
	high, err := t.of(to)
	if err != nil {
		return nil, err
	}
	return t.ask(ctx, Request{Store: t.store, From: low.Key, To: high.Key, Until: math.MaxInt64, Partition: -1}, options)
}

// Prefix returns the rows whose encoded keys begin with these bytes, which for keys that
// are strings is a text.
func (t *Table[K, V]) Prefix(ctx context.Context, prefix []byte, options ...Option) ([]Item[K, V], error) {
	return t.ask(ctx, Request{Store: t.store, From: prefix, To: PrefixEnd(prefix), Until: math.MaxInt64, Partition: -1}, options)
}

// All returns the rows of the worker's tasks.
func (t *Table[K, V]) All(ctx context.Context, options ...Option) ([]Item[K, V], error) {
	return t.ask(ctx, Request{Store: t.store, Until: math.MaxInt64, Partition: -1}, options)
}

// PrefixEnd is the first key behind all that begin with these bytes, nil if there is none.
func PrefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// Windows reads a store of windows: tumbling, hopping, sliding ones and sessions.
type Windows[K, V any] struct{ typed[K, V] }

// OpenWindows opens a window, session or sliding-window store by its name.
func OpenWindows[K, V any](source Source, store string) (*Windows[K, V], error) {
	t, err := open[K, V](source, store)
	return &Windows[K, V]{t}, err
}

// Fetch returns the windows of a key that start from from to to, or the sessions of it
// that touch that time.
func (w *Windows[K, V]) Fetch(ctx context.Context, key K, from, to time.Time, options ...Option) ([]Item[K, V], error) {
	r, err := w.of(key)
	if err != nil {
		return nil, err
	}
	return w.ask(ctx, within(r, from, to), options)
}

// FetchAll is Fetch for all keys of the worker's tasks.
func (w *Windows[K, V]) FetchAll(ctx context.Context, from, to time.Time, options ...Option) ([]Item[K, V], error) {
	return w.ask(ctx, within(Request{Store: w.store, Partition: -1}, from, to), options)
}

// Versions reads a store of the values that keys had over time.
type Versions[K, V any] struct{ typed[K, V] }

// OpenVersions opens a versioned store by its name.
func OpenVersions[K, V any](source Source, store string) (*Versions[K, V], error) {
	t, err := open[K, V](source, store)
	return &Versions[K, V]{t}, err
}

// Get returns the newest version of a key, if it has a value.
func (v *Versions[K, V]) Get(ctx context.Context, key K, options ...Option) (Item[K, V], bool, error) {
	return v.at(ctx, key, math.MaxInt64, options)
}

// AsOf returns the version that a key had at a time, if it had a value then.
func (v *Versions[K, V]) AsOf(ctx context.Context, key K, at time.Time, options ...Option) (Item[K, V], bool, error) {
	return v.at(ctx, key, at.UnixMilli(), options)
}

func (v *Versions[K, V]) at(ctx context.Context, key K, ms int64, options []Option) (item Item[K, V], ok bool, err error) {
	r, err := v.of(key)
	if err != nil {
		return item, false, err
	}
	r.Since, r.Until = ms, ms
	return one(v.ask(ctx, r, options))
}

// History returns the versions of a key that touch a time, in its order.
func (v *Versions[K, V]) History(ctx context.Context, key K, from, to time.Time, options ...Option) ([]Item[K, V], error) {
	r, err := v.of(key)
	if err != nil {
		return nil, err
	}
	return v.ask(ctx, within(r, from, to), options)
}
