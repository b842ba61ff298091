package state

import (
	"iter"
	"slices"
	"strings"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// TimeBuffer is a store of records that wait until their time has come. They are
// ordered by timestamp, then by encoded key, and those of one key as they came.
//
//	Put    --3--1--2--------->
//	First  ---------1--2--3-->
type TimeBuffer[K, V any] struct {
	store[due[K], held[V]]
	keys serde.Serde[K]
	// Clock is the timestamp of changelog records, normally the wall clock.
	Clock func() int64
	// last is the number of the record put last, and floor a time before which no
	// record waits, if loaded.
	last          uint32
	floor, marked int64
	loaded        bool
	// cleared is a time before which the backend has no record.
	cleared int64
	// ahead are the first records from head on, if looked; every other one comes
	// behind them, and there is none if all is set.
	ahead       []*Entry[due[K], held[V]]
	head        int
	looked, all bool
}

// Buffered is a record that waits.
type Buffered[K, V any] struct {
	record.Record[K, V]
	// Source is where it came from.
	Source record.Metadata
}

// NewTimeBuffer opens a buffer.
func NewTimeBuffer[K, V any](name string, key serde.Serde[K], value serde.Serde[V], o Options) *TimeBuffer[K, V] {
	s := &TimeBuffer[K, V]{keys: key, Clock: func() int64 { return 0 }}
	o.Caching = false
	s.open(name, dueLayout(key, value), o)
	s.core.expired = s.belowFloor
	return s
}

// Put has a record wait, which has a key and a value.
func (s *TimeBuffer[K, V]) Put(r record.Record[K, V], from record.Metadata) error {
	if err := s.load(); err != nil {
		return err
	}
	s.last = (s.last + 1) & maxNumber
	e, err := s.fresh(s.layout.ownKey(due[K]{at: r.Timestamp, key: r.Key, number: s.last}))
	if err != nil {
		return err
	}
	s.floor = min(s.floor, r.Timestamp)
	v := held[V]{value: r.Value, origin: origin{Metadata: from, Timestamp: r.Timestamp, Headers: r.Headers}}
	if err := s.set(e, version[held[V]]{value: v, ts: s.Clock(), present: true}, nil); err != nil {
		return err
	}
	s.look(e)
	return nil
}

// First returns the first record if its timestamp is not after until. It goes on
// waiting until it is removed.
func (s *TimeBuffer[K, V]) First(until int64) (b Buffered[K, V], ok bool, err error) {
	if s.head == len(s.ahead) && !(s.looked && s.all) {
		if err := s.lookAhead(); err != nil {
			return b, false, err
		}
	}
	if s.head == len(s.ahead) {
		return b, false, nil
	}
	first := s.ahead[s.head]
	if s.floor = first.typed.at; s.floor > until {
		return b, false, nil
	}
	v := &first.value
	b.Record = record.Record[K, V]{Key: first.typed.key, Value: v.value, Timestamp: first.typed.at, Headers: v.Headers}
	b.Source = v.Metadata
	return b, true, nil
}

// RemoveFirst removes the record that First returned just before.
func (s *TimeBuffer[K, V]) RemoveFirst() error {
	e := s.enter(s.ahead[s.head])
	s.ahead[s.head] = nil
	if s.head++; s.head == len(s.ahead) {
		s.ahead, s.head = s.ahead[:0], 0
	}
	return s.set(e, version[held[V]]{ts: s.Clock()}, nil)
}

// All returns every record that waits, in order.
func (s *TimeBuffer[K, V]) All() iter.Seq2[Item[K, V], error] {
	return func(yield func(Item[K, V], error) bool) {
		for item, err := range s.scan([]byte{inOrder}, []byte{inOrder + 1}, false) {
			if !yield(Item[K, V]{Key: item.Key.key, Value: item.Value.value, Timestamp: item.Key.at}, err) {
				return
			}
		}
	}
}

// maxAhead is how many records are looked ahead for at a time.
const maxAhead = 512

// lookAhead reads the first records.
func (s *TimeBuffer[K, V]) lookAhead() error {
	if err := s.load(); err != nil {
		return err
	}
	s.forget()
	for item, err := range s.scan(appendTimestamp([]byte{inOrder}, s.floor), []byte{inOrder + 1}, false) {
		if len(s.ahead) == maxAhead {
			s.looked = true
			return nil
		}
		var e *Entry[due[K], held[V]]
		if err == nil {
			e, err = s.found(item)
		}
		if err != nil {
			s.forget()
			return err
		}
		s.ahead = append(s.ahead, e)
	}
	s.looked, s.all = true, true
	return nil
}

// forget has lookAhead read anew.
func (s *TimeBuffer[K, V]) forget() {
	clear(s.ahead)
	s.ahead, s.head, s.looked, s.all = s.ahead[:0], 0, false, false
}

// look enters a new record among those ahead, if it is one of the first.
func (s *TimeBuffer[K, V]) look(e *Entry[due[K], held[V]]) {
	if !s.looked {
		return
	}
	i, _ := slices.BinarySearchFunc(s.ahead[s.head:], e, func(a, b *Entry[due[K], held[V]]) int { return strings.Compare(a.key, b.key) })
	if i += s.head; i == len(s.ahead) && !s.all {
		return
	}
	s.ahead = slices.Insert(s.ahead, i, e)
	if s.head > maxAhead {
		s.ahead = slices.Delete(s.ahead, 0, s.head)
		s.head = 0
	}
	if keep := s.head + maxAhead; len(s.ahead) > keep+maxAhead {
		clear(s.ahead[keep:])
		s.ahead, s.all = s.ahead[:keep], false
	}
}
