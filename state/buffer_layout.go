package state

import (
	"encoding/binary"
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// The sections of a buffer in the backend. One whose rows' times follow from their
// keys has only rows in the order of time; any other has rows by key, and places that
// say when each of them is due.
const (
	byKey byte = iota
	byPlace
	byTime
)

// placing is a key and its time.
type placing[K any] struct {
	time int64
	key  K
}

// nothing is the value of a row that has none.
type nothing struct{}

type nothingSerde struct{}

func (nothingSerde) Append(dst []byte, _ nothing) ([]byte, error) { return dst, nil }
func (nothingSerde) Decode([]byte) (nothing, error)               { return nothing{}, nil }

// placeLength is the length of section and time before a key.
const placeLength = 1 + 8

func appendDue(dst []byte, section byte, time int64) []byte {
	return binary.BigEndian.AppendUint64(append(dst, section), uint64(time))
}

// timedLayout orders rows by a time that follows from the key. The changelog's key is
// the key alone.
func timedLayout[K, V any](key serde.Serde[K], held *heldSerde[V], timeOf func(K) int64) layout[K, Held[V]] {
	l := keyedLayout(key, held)
	l.appendKey = func(dst []byte, k K) ([]byte, error) { return key.Append(appendDue(dst, byTime, timeOf(k)), k) }
	l.decodeKey = func(data []byte) (K, error) { return key.Decode(data[placeLength:]) }
	l.toChangelog = func(dst []byte, k string) []byte { return append(dst, k[placeLength:]...) }
	l.fromChangelog = func(dst, data []byte) ([]byte, error) {
		k, err := key.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("decode key: %w", err)
		}
		return append(appendDue(dst, byTime, timeOf(k)), data...), nil
	}
	return l
}

// keyedLayout orders rows by key.
func keyedLayout[K, V any](key serde.Serde[K], held *heldSerde[V]) layout[K, Held[V]] {
	return layout[K, Held[V]]{
		appendKey:     func(dst []byte, k K) ([]byte, error) { return key.Append(append(dst, byKey), k) },
		decodeKey:     func(data []byte) (K, error) { return key.Decode(data[1:]) },
		ownKey:        owning(key),
		value:         held,
		ownValue:      func(h Held[V]) Held[V] { return h },
		toChangelog:   func(dst []byte, k string) []byte { return append(dst, k[1:]...) },
		fromChangelog: func(dst, data []byte) ([]byte, error) { return append(append(dst, byKey), data...), nil },
	}
}

// placeLayout orders places by time, then by key.
func placeLayout[K any](key serde.Serde[K]) layout[placing[K], nothing] {
	own := owning(key)
	return layout[placing[K], nothing]{
		appendKey: func(dst []byte, p placing[K]) ([]byte, error) {
			return key.Append(appendDue(dst, byPlace, p.time), p.key)
		},
		decodeKey: func(data []byte) (p placing[K], err error) {
			p.time = int64(binary.BigEndian.Uint64(data[1:]))
			p.key, err = key.Decode(data[placeLength:])
			return p, err
		},
		ownKey:   func(p placing[K]) placing[K] { return placing[K]{time: p.time, key: own(p.key)} },
		value:    nothingSerde{},
		ownValue: func(n nothing) nothing { return n },
	}
}

// section bounds the section of the rows, without the space's prefix.
func (b *Buffer[K, V]) section() (from, to []byte, reverse bool) {
	if b.times == nil {
		return []byte{byTime}, []byte{byTime + 1}, false
	}
	return []byte{byKey}, []byte{byKey + 1}, false
}

// keyAt is where the encoded key begins in a row's key.
func (b *Buffer[K, V]) keyAt() int {
	if b.times == nil {
		return placeLength
	}
	return 1
}

// clearIf empties local state that has rows in a section of the other kind of buffer.
func (b *Buffer[K, V]) clearIf(foreign byte) error {
	found := false
	space := b.rows.space
	err := space.backend.Scan(space.key(foreign), space.key(foreign+1), false, func(_, _ []byte) bool {
		found = true
		return false
	})
	if err == nil && found {
		err = space.Clear()
	}
	if err != nil {
		return &BackendError{Err: err}
	}
	return nil
}

// unwritten says whether the time of a row is behind those of all in the backend.
func (b *Buffer[K, V]) unwritten(key K) (bool, error) {
	if !b.known {
		space := b.rows.space
		err := space.backend.Scan(space.key(byTime), space.key(byTime+1), true, func(key, _ []byte) bool {
			b.written = max(b.written, int64(binary.BigEndian.Uint64(key[spacePrefix+1:])))
			return false
		})
		if err != nil {
			return false, err
		}
		b.known = true
	}
	return b.timeOf(key) > b.written, nil
}
