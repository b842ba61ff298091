package topologytest

import (
	"fmt"
	"iter"
	"slices"

	"github.com/tidemill/tidemill/state"
)

// Stores are the instances of a store of type S, such as *state.KeyValue[string,
// int64], by partition. They belong to the tasks: read them, and fetch them again
// after a crash.
func (d *Driver) Stores[S any](name string) []S {
	d.tb.Helper()
	stores, err := storesOf[S](d, name)
	d.check(err)
	return stores
}

func storesOf[S any](d *Driver, name string) ([]S, error) {
	stores, err := globalStores[S](d, name)
	if err != nil || stores != nil {
		return stores[:min(1, len(stores))], err // they all hold the same
	}
	for _, h := range d.tasks {
		found := h.task.Store(name)
		if found == nil {
			continue
		}
		store, ok := found.(S)
		if !ok {
			return nil, fmt.Errorf("topologytest: store %q is a %T, not a %T", name, found, store)
		}
		stores = append(stores, store)
	}
	if stores == nil {
		return nil, fmt.Errorf("topologytest: there is no store %q: there are %q", name, d.storeNames())
	}
	return stores, nil
}

func (d *Driver) storeNames() []string {
	var names []string
	for _, sub := range d.plan.Subtopologies {
		for _, store := range sub.Stores {
			names = append(names, store.Name)
		}
	}
	return names
}

// KeyValue reads a key-value store: all partitions of it.
type KeyValue[K, V any] struct {
	d    *Driver
	name string
}

// KeyValue is the key-value store of this name.
func (d *Driver) KeyValue[K, V any](name string) KeyValue[K, V] {
	d.tb.Helper()
	d.Stores[*state.KeyValue[K, V]](name)
	return KeyValue[K, V]{d, name}
}

// Get returns the value of a key and whether there is one.
func (s KeyValue[K, V]) Get(key K) (value V, ok bool) {
	s.d.tb.Helper()
	value, _, ok = s.GetTimestamped(key)
	return value, ok
}

// GetTimestamped also returns the timestamp of the value.
func (s KeyValue[K, V]) GetTimestamped(key K) (value V, at int64, ok bool) {
	s.d.tb.Helper()
	for _, store := range s.d.Stores[*state.KeyValue[K, V]](s.name) {
		value, at, ok, err := store.GetTimestamped(key)
		s.d.check(err)
		if ok {
			return value, at, true
		}
	}
	return value, 0, false
}

// All returns the rows of all partitions, ordered by the encoded keys.
func (s KeyValue[K, V]) All() []state.Item[K, V] {
	s.d.tb.Helper()
	rows := rowsOf[K, V]{}
	for _, store := range s.d.Stores[*state.KeyValue[K, V]](s.name) {
		s.d.check(rows.add(store.All(), func(key K) ([]byte, error) { return store.AppendKey(nil, key) }))
	}
	return rows.sorted()
}

// Window reads a window store: all partitions of it.
type Window[K, V any] struct {
	d    *Driver
	name string
}

// Window is the window store of this name.
func (d *Driver) Window[K, V any](name string) Window[K, V] {
	d.tb.Helper()
	d.Stores[*state.Window[K, V]](name)
	return Window[K, V]{d, name}
}

// Get returns the value of a key in the window that begins at start, and whether
// there is one.
func (s Window[K, V]) Get[T Time](key K, start T) (value V, ok bool) {
	s.d.tb.Helper()
	for _, store := range s.d.Stores[*state.Window[K, V]](s.name) {
		value, _, ok, err := store.Fetch(key, millis(start))
		s.d.check(err)
		if ok {
			return value, true
		}
	}
	return value, false
}

// All returns the rows of all partitions, ordered by the encoded keys and then by
// the starts of the windows.
func (s Window[K, V]) All() []state.Item[state.Windowed[K], V] {
	s.d.tb.Helper()
	rows := rowsOf[state.Windowed[K], V]{}
	for _, store := range s.d.Stores[*state.Window[K, V]](s.name) {
		s.d.check(rows.add(store.FetchAll(0, endOfTime), func(w state.Windowed[K]) ([]byte, error) {
			key, err := store.AppendKey(nil, w)
			if err != nil {
				return nil, err
			}
			return append(key[8:], key[:8]...), nil // in the store, the start comes first
		}))
	}
	return rows.sorted()
}

// endOfTime leaves room for the range to end behind it.
const endOfTime = 1<<63 - 2

// rowsOf collects rows with the bytes to order them by.
type rowsOf[K, V any] []rowOf[K, V]

type rowOf[K, V any] struct {
	order []byte
	item  state.Item[K, V]
}

func (r *rowsOf[K, V]) add(items iter.Seq2[state.Item[K, V], error], order func(K) ([]byte, error)) error {
	for item, err := range items {
		if err != nil {
			return err
		}
		bytes, err := order(item.Key)
		if err != nil {
			return err
		}
		*r = append(*r, rowOf[K, V]{bytes, item})
	}
	return nil
}

func (r rowsOf[K, V]) sorted() []state.Item[K, V] {
	slices.SortStableFunc(r, func(a, b rowOf[K, V]) int { return slices.Compare(a.order, b.order) })
	var items []state.Item[K, V]
	for _, row := range r {
		items = append(items, row.item)
	}
	return items
}
