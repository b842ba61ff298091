package state

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Buffer holds updates of rows back, one of each key, and gives them up in the order
// of their times, those of one time in the order of their encoded keys. A row keeps
// the time and the place that its first update got.
//
// There may be more rows than fit into memory.
type Buffer[K, V any] struct {
	rows   heldRows
	keys   serde.Serde[K]
	values serde.Serde[V]
	timeOf func(K) int64
	key    []byte
	// Clock is the wall clock.
	Clock func() int64
}

// heldRows is what Buffer is without the types of its keys and values: rowBuffer. It is an
// interface so that what imports this package need not compile it again.
type heldRows interface {
	Lifecycle
	Name() string
	put(at placing, h heldRow) error
	take(until int64) (key []byte, h heldRow, ok bool, err error)
	prior(at placing) (prior []byte, held bool, err error)
	measure(bytes bool) error
	size() (rows, bytes int64)
	exhausted() bool
	relieve()
	onFlush(next func() (bool, error), forward func() error)
}

// Held is an update of a row that a Buffer holds back.
type Held[V any] struct {
	// New is what the row is now and Old what it was before the last update. Prior is
	// what it was before the first of the updates held back: what was passed on last.
	Prior, Old, New          V
	HasPrior, HasOld, HasNew bool
	// Time is what the buffer is ordered by.
	Time int64
	// Timestamp, Source and Headers are those of the last update.
	Timestamp int64
	Source    record.Metadata
	Headers   record.Headers
}

// NewBuffer opens a buffer. timeOf tells the time of a row from its key; nil says
// that each row comes with its own. If local state is in the order of the other kind
// of buffer, it is emptied, to be rebuilt from the changelog.
func NewBuffer[K, V any](name string, key serde.Serde[K], value serde.Serde[V], timeOf func(K) int64, o Options) *Buffer[K, V] {
	b := &Buffer[K, V]{keys: key, values: value, timeOf: timeOf, Clock: func() int64 { return 0 }}
	var encoded func(key []byte) (int64, error)
	if timeOf != nil {
		encoded = b.timeOfEncoded
	}
	b.rows = openRowBuffer(name, encoded, func() int64 { return b.Clock() }, o)
	return b
}

func (b *Buffer[K, V]) timeOfEncoded(key []byte) (int64, error) {
	k, err := b.keys.Decode(key)
	if err != nil {
		return 0, err
	}
	return b.timeOf(k), nil
}

// Lifecycle is the store as its task drives it.
func (b *Buffer[K, V]) Lifecycle() Lifecycle { return b.rows }

// Put holds an update back. Of h, Prior is ignored: it is what the row was when the
// first update of it came. So is Time, unless this is the first update and rows come
// with their times.
func (b *Buffer[K, V]) Put(key K, h Held[V]) error {
	at, err := b.place(key, h.Time)
	if err != nil {
		return err
	}
	var row heldRow
	row.Metadata, row.Timestamp, row.Headers = h.Source, h.Timestamp, ownHeaders(h.Headers)
	if row.Old, err = b.encode(h.Old, h.HasOld); err == nil {
		row.New, err = b.encode(h.New, h.HasNew)
	}
	if err != nil {
		return unencodable(b.rows.Name(), err)
	}
	return b.rows.put(at, row)
}

// place encodes a key. Its time is at, unless that follows from the key. The result is
// valid until the next call.
func (b *Buffer[K, V]) place(key K, at int64) (p placing, err error) {
	if b.timeOf != nil {
		at = b.timeOf(key)
	}
	b.key, err = b.keys.Append(b.key[:0], key)
	return placing{time: at, key: b.key}, err
}

// encode returns the bytes of a value, nil if there is none.
func (b *Buffer[K, V]) encode(v V, has bool) ([]byte, error) {
	if !has {
		return nil, nil
	}
	return b.values.Append([]byte{}, v)
}

// Next gives up the first row if its time is at most until. ok is false if there is
// none.
func (b *Buffer[K, V]) Next(until int64) (key K, h Held[V], ok bool, err error) {
	encoded, row, ok, err := b.rows.take(until)
	if err != nil || !ok {
		return key, h, false, err
	}
	if key, err = b.keys.Decode(encoded); err != nil {
		return key, h, false, err
	}
	h = Held[V]{
		HasPrior: row.Prior != nil, HasOld: row.Old != nil, HasNew: row.New != nil,
		Time: row.time, Timestamp: row.Timestamp, Source: row.Metadata, Headers: row.Headers,
	}
	for _, part := range [...]struct {
		to   *V
		data []byte
	}{{&h.Prior, row.Prior}, {&h.Old, row.Old}, {&h.New, row.New}} {
		if part.data == nil {
			continue
		}
		if *part.to, err = b.values.Decode(part.data); err != nil {
			return key, h, false, err
		}
	}
	return key, h, true, nil
}

// Prior is what was passed on last of a row that is held back; held is false if
// there is none.
func (b *Buffer[K, V]) Prior(key K) (prior V, has, held bool, err error) {
	at, err := b.place(key, 0)
	if err != nil {
		return prior, false, false, err
	}
	data, held, err := b.rows.prior(at)
	if data == nil || err != nil {
		return prior, false, held, err
	}
	prior, err = b.values.Decode(data)
	return prior, true, held, err
}

// Measure counts the rows, and their bytes if asked for, and has them counted from
// then on.
func (b *Buffer[K, V]) Measure(bytes bool) error { return b.rows.measure(bytes) }

// Size is how many rows are held back, and how many bytes they count for, if Measure
// was asked for that.
func (b *Buffer[K, V]) Size() (rows, bytes int64) { return b.rows.size() }

// Exhausted says that the rows removed since Relieve take as much memory as the
// cache may: they are in it until they are flushed and their removal is in the
// backend.
func (b *Buffer[K, V]) Exhausted() bool { return b.rows.exhausted() }

// Relieve says that removed rows have been flushed.
func (b *Buffer[K, V]) Relieve() { b.rows.relieve() }

// OnFlush sets what a flush does before it logs: it calls next until that reports
// false, and each time forward, as a unit of work of its own.
func (b *Buffer[K, V]) OnFlush(next func() (bool, error), forward func() error) {
	b.rows.onFlush(next, forward)
}
