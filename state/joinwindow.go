package state

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// JoinWindow is a store of the records of one side of a join: any number of them
// for each key and time, found by key and range of time. Every record stays as it
// was put; there is no deleting and no overwriting.
//
// A row expires when its timestamp is the retention or more behind the latest one
// ever put: from then on it is not found any more, and sooner or later dropped.
//
// The rows that were put last stay in memory, as far as the capacity reaches, so
// that a join in time order reads nothing from the backend. There, rows are in the
// order of spans of time at least as long as the retention, within them in that of
// the keys, so that finding some takes two scans at most and dropping what has
// expired takes one deletion.
type JoinWindow[K, V any] struct {
	joinLayout
	name     string
	key      serde.Serde[K]
	value    serde.Serde[V]
	ownValue func(V) V
	log      *Changelog

	retention, latest, sequence int64

	recent recent[V]
	// pending was put since the last checkpoint began; inflight is what that
	// checkpoint is writing.
	pending, inflight arena
	epoch, applied    uint64
	capacity          int

	// resident is the first slice of which all rows are in memory; it is known once
	// prepared is set.
	resident int64
	prepared bool
	// loaded are the rows found last, if some were not in memory; keyed is the key
	// that was looked for.
	loaded []Row[V]
	keyed  []byte
	// cleared is the span below which the backend has been cleared.
	cleared int64

	journal    []putRow[V]
	journaling bool
	marks      struct {
		pending          arenaMark
		latest, sequence int64
	}
}

// putRow is a row that was put, to be taken back.
type putRow[V any] struct {
	strand *strand[V]
	row    Row[V]
	size   int
}

// slicesInSpan is the number of slices in which memory divides a span of the
// backend, as a power of two.
const slicesInSpan = 3

// NewJoinWindow opens a store with a retention in milliseconds.
func NewJoinWindow[K, V any](name string, retention int64, key serde.Serde[K], value serde.Serde[V], o Options) *JoinWindow[K, V] {
	s := &JoinWindow[K, V]{
		joinLayout: newJoinLayout(o.Space, retention),
		name:       name, key: key, value: value, ownValue: owning(value), log: o.Log,
		retention: retention, latest: -1, epoch: 1, capacity: o.Capacity, resident: math.MaxInt64,
	}
	s.recent = recent[V]{strands: map[string]*strand[V]{}, shift: s.shift - min(s.shift, slicesInSpan)}
	return s
}

// Name is the name of the store.
func (s *JoinWindow[K, V]) Name() string { return s.name }

// Progress are the highest timestamp ever put and the number of rows ever put. The
// owner sets them before the first use to what they were in an earlier life of the
// store. If it does not, they follow from the rows, which takes a scan of them all.
func (s *JoinWindow[K, V]) Progress() (latest, count *int64) { return &s.latest, &s.sequence }

// Put adds a row. The headers are for the changelog only. One that has expired
// already is ignored.
func (s *JoinWindow[K, V]) Put(key K, value V, ts int64, headers record.Headers) error {
	if err := s.prepare(); err != nil {
		return err
	}
	if ts < 0 || ts < s.oldest() {
		return nil
	}
	row := Row[V]{Timestamp: ts, sequence: uint32((s.sequence + 1) & math.MaxInt32), Value: s.ownValue(value)}
	stored, encoded, err := s.encode(key, value, row)
	if err != nil {
		return fmt.Errorf("state: store %q: %w", s.name, err)
	}
	s.latest = max(s.latest, ts)
	s.sequence++
	size := int(unsafe.Sizeof(row)) + 2*len(stored) + len(encoded)
	c := s.recent.put(keyOf(stored), row, size, s.epoch)
	if s.journaling {
		s.journal = append(s.journal, putRow[V]{strand: c, row: row, size: size})
	}
	if s.log != nil {
		buf := append(s.log.Outbox.Buffer(), logged(stored)...)
		split := len(buf)
		buf = append(buf, encoded...)
		s.log.Outbox.Add(record.Output{
			Topic: s.log.Topic, Partition: s.log.Partition, Timestamp: ts, Headers: headers, Changelog: s.log.Number,
			Key: buf[:split:split], Value: buf[split:len(buf):len(buf)],
		}, buf)
	}
	return nil
}

// Expired says whether a row with this timestamp would be ignored.
func (s *JoinWindow[K, V]) Expired(ts int64) bool { return ts < s.oldest() }

// encode adds a row to those that wait for a checkpoint.
func (s *JoinWindow[K, V]) encode(key K, value V, row Row[V]) (stored, encoded []byte, err error) {
	buf := s.appendSpan(s.pending.open(), row.Timestamp)
	if buf, err = s.key.Append(buf, key); err != nil {
		return nil, nil, fmt.Errorf("encode key: %w", err)
	}
	buf = appendPlace(buf, row.Timestamp, row.sequence)
	split := len(buf)
	if buf, err = s.value.Append(buf, value); err != nil {
		return nil, nil, fmt.Errorf("encode value: %w", err)
	}
	stored, encoded = s.pending.close(buf, split)
	return stored, encoded, nil
}

// Fetch returns the rows of a key with from <= timestamp <= to that have not
// expired, in the order of their timestamps and, where these are equal, of their
// arrival. from and to are no further apart than the retention. The result is valid
// until the next call, and not to be changed.
func (s *JoinWindow[K, V]) Fetch(key K, from, to int64) (rows []Row[V], err error) {
	if err := s.prepare(); err != nil {
		return nil, err
	}
	from = max(from, s.oldest(), 0)
	if to < from {
		return nil, nil
	}
	if s.keyed, err = s.key.Append(s.keyed[:0], key); err != nil {
		return nil, fmt.Errorf("state: store %q: encode key: %w", s.name, err)
	}
	rows = s.recent.between(s.keyed, from, to)
	if from>>s.recent.shift >= s.resident {
		return rows, nil
	}
	return s.merged(rows, from, to)
}

// oldest is the lowest timestamp that has not expired.
func (s *JoinWindow[K, V]) oldest() int64 { return s.latest - s.retention + 1 }
