package query

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/tidemill/tidemill/serde"
)

// Item is one row, decoded.
type Item[K, V any] struct {
	Key   K
	Value V
	// Time is the timestamp of the record that wrote it.
	Time time.Time
	// Start and End are those of a window, session or version, as far as they are
	// known; the newest version has no end.
	Start, End time.Time
}

// typed is a store with the types of its keys and values.
type typed[K, V any] struct {
	source Source
	store  string
	key    serde.Serde[K]
	value  serde.Serde[V]
}

func open[K, V any](source Source, store string) (t typed[K, V], err error) {
	key, value, err := source.Serdes(store)
	if err != nil {
		return t, err
	}
	t = typed[K, V]{source: source, store: store}
	var ok bool
	if t.key, ok = key.(serde.Serde[K]); !ok {
		return t, fmt.Errorf("query: the keys of store %q have another type than %T", store, *new(K))
	}
	if t.value, ok = value.(serde.Serde[V]); !ok {
		return t, fmt.Errorf("query: the values of store %q have another type than %T", store, *new(V))
	}
	return t, nil
}

// of is a request for the rows of one key.
func (t *typed[K, V]) of(key K) (Request, error) {
	encoded, err := t.key.Append([]byte{}, key)
	if err != nil {
		return Request{}, fmt.Errorf("query: encode key: %w", err)
	}
	return Request{Store: t.store, Key: encoded, Until: math.MaxInt64, Partition: -1}, nil
}

// ask sends a request and decodes its answer.
func (t *typed[K, V]) ask(ctx context.Context, r Request, options []Option) ([]Item[K, V], error) {
	for _, o := range options {
		o.change(&r)
	}
	answer, err := t.source.Query(ctx, r)
	if err != nil {
		return nil, err
	}
	items := make([]Item[K, V], len(answer.Rows))
	for i, row := range answer.Rows {
		if items[i], err = t.item(row); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func (t *typed[K, V]) item(row Row) (item Item[K, V], err error) {
	if item.Key, err = t.key.Decode(row.Key); err != nil {
		return item, fmt.Errorf("query: decode key: %w", err)
	}
	if item.Value, err = t.value.Decode(row.Value); err != nil {
		return item, fmt.Errorf("query: decode value: %w", err)
	}
	item.Time, item.Start, item.End = time.UnixMilli(row.Timestamp), moment(row.Start), moment(row.End)
	return item, nil
}

func moment(ms int64) time.Time {
	if ms <= 0 || ms == math.MaxInt64 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// within bounds a request in time.
func within(r Request, from, to time.Time) Request {
	r.Since, r.Until = from.UnixMilli(), to.UnixMilli()
	return r
}

func one[K, V any](items []Item[K, V], err error) (item Item[K, V], ok bool, _ error) {
	if err != nil || len(items) == 0 {
		return item, false, err
	}
	return items[0], true, nil
}
