package state

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// joinLayout is how a JoinWindow lays its rows out in the backend. The key of a row
// is, behind the prefix of the space,
//
//	shift (1) | span (8) | encoded key | timestamp (8) | sequence number (4)
//
// where span is the timestamp shifted right. The changelog has what is behind the
// span, as Kafka Streams writes it (WindowKeySchema.toStoreKeyBinary); the value is
// the encoded value in both.
type joinLayout struct {
	space Space
	shift uint8
}

const (
	joinSpan  = 9  // the length of shift and span
	joinPlace = 12 // the length of timestamp and sequence number
)

// newJoinLayout makes spans that are at least as long as the retention. If the
// retention has changed, so may have the shift: see relocate.
func newJoinLayout(space Space, retention int64) joinLayout {
	return joinLayout{space: space, shift: uint8(bits.Len64(uint64(retention - 1)))}
}

// appendSpan appends the beginning of the keys of all rows of a span.
func (l joinLayout) appendSpan(dst []byte, ts int64) []byte {
	return l.appendSpanNumber(dst, uint64(ts)>>l.shift)
}

func (l joinLayout) appendSpanNumber(dst []byte, span uint64) []byte {
	dst = append(append(dst, l.space.prefix[:]...), l.shift)
	return binary.BigEndian.AppendUint64(dst, span)
}

// appendPlace appends the end of a key.
func appendPlace(dst []byte, ts int64, sequence uint32) []byte {
	return binary.BigEndian.AppendUint32(appendTimestamp(dst, ts), sequence)
}

// logged is the key in the changelog of a row that the backend has under stored.
func logged(stored []byte) []byte { return stored[spacePrefix+joinSpan:] }

// keyOf is the encoded key alone.
func keyOf(stored []byte) []byte { return stored[spacePrefix+joinSpan : len(stored)-joinPlace] }

// placeOf reads the end of a key.
func placeOf(stored []byte) (ts int64, sequence uint32) {
	end := stored[len(stored)-joinPlace:]
	return int64(binary.BigEndian.Uint64(end)), binary.BigEndian.Uint32(end[8:])
}

// appendStored appends the key in the backend of a row that the changelog has under
// key.
func (l joinLayout) appendStored(dst, key []byte) (stored []byte, err error) {
	n := len(key) - joinPlace
	if n < 0 {
		return nil, fmt.Errorf("a changelog key of a join has %d bytes, want at least %d", len(key), joinPlace)
	}
	ts := int64(binary.BigEndian.Uint64(key[n:]))
	return append(l.appendSpan(dst, ts), key...), nil
}

// last is the number of the last span that has rows; ok is false if there is none.
func (l joinLayout) last() (span int64, ok bool, err error) {
	from := append(append([]byte(nil), l.space.prefix[:]...), l.shift)
	err = l.space.backend.Scan(from, l.behind(), true, func(key, _ []byte) bool {
		span, ok = int64(binary.BigEndian.Uint64(key[spacePrefix+1:])), true
		return false
	})
	return span, ok, err
}

// behind is the first key behind those of this shift.
func (l joinLayout) behind() []byte {
	return append(append([]byte(nil), l.space.prefix[:]...), l.shift+1)
}

// relocateBatch is how many rows are moved at a time.
const relocateBatch = 1000

// relocate moves rows that have another shift, because the store had another
// retention when they were written, to where this layout looks for them.
func (l joinLayout) relocate() error {
	own := append(append([]byte(nil), l.space.prefix[:]...), l.shift)
	for _, foreign := range [][2][]byte{{l.space.prefix[:], own}, {l.behind(), l.space.end()}} {
		for moved := relocateBatch; moved == relocateBatch; {
			batch := l.space.backend.NewBatch()
			moved = 0
			err := l.space.backend.Scan(foreign[0], foreign[1], false, func(key, value []byte) bool {
				if len(key) >= spacePrefix+joinSpan+joinPlace {
					stored, _ := l.appendStored(nil, logged(key)) // which is long enough
					batch.Set(stored, value)
				}
				batch.Delete(key)
				moved++
				return moved < relocateBatch
			})
			if err != nil {
				batch.Discard()
				return err
			}
			if err := batch.Commit(); err != nil {
				return err
			}
		}
	}
	return nil
}
