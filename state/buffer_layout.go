package state

import (
	"bytes"
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
type placing struct {
	time int64
	key  []byte
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
// the key alone, of which timeOf tells the time.
func timedLayout(held *heldSerde, timeOf func([]byte) (int64, error)) layout[placing, heldRow] {
	l := placingLayout(byTime, held)
	l.keyBytes = keyBytes{
		toChangelog: func(dst []byte, k string) []byte { return append(dst, k[placeLength:]...) },
		fromChangelog: func(dst, key []byte) ([]byte, error) {
			time, err := timeOf(key)
			if err != nil {
				return nil, fmt.Errorf("decode key: %w", err)
			}
			return append(appendDue(dst, byTime, time), key...), nil
		},
	}
	return l
}

// keyedLayout orders rows by key, whatever their time.
func keyedLayout(held *heldSerde) layout[placing, heldRow] {
	place := func(dst, key []byte) ([]byte, error) { return append(append(dst, byKey), key...), nil }
	l := placingLayout(byKey, held)
	l.keyBytes = keyBytes{
		toChangelog:   func(dst []byte, k string) []byte { return append(dst, k[1:]...) },
		fromChangelog: place,
	}
	l.appendKey = func(dst []byte, p placing) ([]byte, error) { return place(dst, p.key) }
	l.decodeKey = func(data []byte) (p placing, err error) {
		p.key, err = behind(1, data)
		return p, err
	}
	return l
}

// placeLayout orders places by time, then by key.
func placeLayout() layout[placing, nothing] { return placingLayout(byPlace, nothingSerde{}) }

// placingLayout orders the rows of a section by time, then by key. It has no changelog.
func placingLayout[V any](section byte, value serde.Serde[V]) layout[placing, V] {
	return layout[placing, V]{
		appendKey: func(dst []byte, p placing) ([]byte, error) {
			return append(appendDue(dst, section, p.time), p.key...), nil
		},
		decodeKey: func(data []byte) (p placing, err error) {
			if p.key, err = behind(placeLength, data); err == nil {
				p.time = int64(binary.BigEndian.Uint64(data[1:]))
			}
			return p, err
		},
		ownKey:   func(p placing) placing { return placing{time: p.time, key: bytes.Clone(p.key)} },
		value:    value,
		ownValue: func(v V) V { return v },
	}
}

// behind is what is behind the first n bytes.
func behind(n int, data []byte) ([]byte, error) {
	if len(data) < n {
		return nil, errDamaged
	}
	return data[n:], nil
}

// section bounds the section of the rows, without the space's prefix.
func (b *rowBuffer) section() (from, to []byte, reverse bool) {
	if b.times == nil {
		return []byte{byTime}, []byte{byTime + 1}, false
	}
	return []byte{byKey}, []byte{byKey + 1}, false
}

// clearIf empties local state that has rows in a section of the other kind of buffer.
func (b *rowBuffer) clearIf(foreign byte) error {
	found := false
	space := b.rows.core.space
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
func (b *rowBuffer) unwritten(key []byte) (bool, error) {
	if !b.known {
		space := b.rows.core.space
		err := space.backend.Scan(space.key(byTime), space.key(byTime+1), true, func(key, _ []byte) bool {
			b.written = max(b.written, int64(binary.BigEndian.Uint64(key[spacePrefix+1:])))
			return false
		})
		if err != nil {
			return false, err
		}
		b.known = true
	}
	return int64(binary.BigEndian.Uint64(key[1:])) > b.written, nil
}
