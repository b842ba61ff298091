package state

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tidemill/tidemill/serde"
)

// Span is the key of a row that stands for a stretch of time: a session, or a
// sliding window. The bounds are inclusive, in milliseconds since the Unix epoch.
type Span[K any] struct {
	Key        K
	Start, End int64
	// hidden marks a sliding window that nobody sees.
	hidden bool
}

// Hidden says that this is a window that nobody sees (see Sliding).
func (a Span[K]) Hidden() bool { return a.hidden }

// before is the order of the rows of one key.
func (a Span[K]) before(b Span[K]) bool {
	switch {
	case a.End != b.End:
		return a.End < b.End
	case a.Start != b.Start:
		return a.Start < b.Start
	default:
		return !a.hidden && b.hidden
	}
}

// The parts of a row's key in the backend:
//
//	bucket (8) | length of the encoded key (4) | encoded key | end (8) | start (8)
//
// and a byte more for a hidden window. The bucket is the end divided by a width of
// about the retention. So the rows of a key lie together and in the order of their
// ends, in the two or three buckets that are alive, and rows expire as whole
// buckets, by one deletion of a range. A changelog record is one row.
const (
	bucketBytes = 8
	lengthBytes = 4
	boundsBytes = 16
)

// leastWidth is the least width of a bucket in milliseconds.
const leastWidth = 60_000

// spanBytes says how the key of a row is written in the changelog.
type spanBytes struct {
	toChangelog   func(dst []byte, key string, start, end int64, hidden bool) []byte
	fromChangelog func(record []byte) (key []byte, start, end int64, hidden bool, err error)
}

func spanLayout[K, V any](key serde.Serde[K], value serde.Serde[V], width int64, bytes spanBytes) layout[Span[K], V] {
	own := owning(key)
	return layout[Span[K], V]{
		keyBytes: bytes.keys(width),
		appendKey: func(dst []byte, s Span[K]) ([]byte, error) {
			dst = appendTimestamp(dst, s.End/width)
			dst, err := appendName(dst, key, s.Key)
			return appendBounds(dst, s.Start, s.End, s.hidden), err
		},
		decodeKey: func(data []byte) (Span[K], error) { return decodeSpan(key, data) },
		ownKey:    func(s Span[K]) Span[K] { s.Key = own(s.Key); return s },
		value:     value,
		ownValue:  owning(value),
	}
}

// keys translates between the key of a row and the key in the changelog.
func (bytes spanBytes) keys(width int64) keyBytes {
	return keyBytes{
		toChangelog: func(dst []byte, key string) []byte {
			name, start, end, hidden := splitRow(key)
			return bytes.toChangelog(dst, name[lengthBytes:], start, end, hidden)
		},
		fromChangelog: func(dst, record []byte) ([]byte, error) {
			key, start, end, hidden, err := bytes.fromChangelog(record)
			if err != nil {
				return nil, err
			}
			dst = appendTimestamp(dst, end/width)
			dst = binary.BigEndian.AppendUint32(dst, uint32(len(key)))
			return appendBounds(append(dst, key...), start, end, hidden), nil
		},
	}
}

// appendName appends the encoded key behind its length, which makes it a name that
// is not the beginning of another one.
func appendName[K any](dst []byte, serde serde.Serde[K], key K) ([]byte, error) {
	at := len(dst)
	dst, err := serde.Append(append(dst, 0, 0, 0, 0), key)
	if err == nil {
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-lengthBytes))
	}
	return dst, err
}

func appendBounds(dst []byte, start, end int64, hidden bool) []byte {
	dst = appendTimestamp(appendTimestamp(dst, end), start)
	if hidden {
		dst = append(dst, 1)
	}
	return dst
}

// splitRow takes the key of a row apart. name is the encoded key behind its length.
func splitRow[B string | []byte](row B) (name B, start, end int64, hidden bool) {
	bounds := bucketBytes + lengthBytes + int(binary.BigEndian.Uint32([]byte(row[bucketBytes:bucketBytes+lengthBytes])))
	end = int64(binary.BigEndian.Uint64([]byte(row[bounds : bounds+8])))
	start = int64(binary.BigEndian.Uint64([]byte(row[bounds+8 : bounds+boundsBytes])))
	return row[bucketBytes:bounds], start, end, len(row) > bounds+boundsBytes
}

// checkRow says whether a row that was read can be taken apart.
func checkRow[B string | []byte](row B) error {
	const head = bucketBytes + lengthBytes
	rest := len(row) - head - boundsBytes
	if rest >= 0 {
		rest -= int(binary.BigEndian.Uint32([]byte(row[bucketBytes:head])))
	}
	if rest != 0 && rest != 1 {
		return fmt.Errorf("state: a stored key of %d bytes is none of a session or sliding window: the state folder is damaged; delete it, it is rebuilt from the changelog", len(row))
	}
	return nil
}

func decodeSpan[K any](key serde.Serde[K], row []byte) (s Span[K], err error) {
	if err := checkRow(row); err != nil {
		return s, err
	}
	var name []byte
	name, s.Start, s.End, s.hidden = splitRow(row)
	s.Key, err = key.Decode(name[lengthBytes:])
	return s, err
}

// sessionBytes is the changelog key of a session: the key, the end and the start, as
// Kafka Streams writes it (SessionKeySchema.toBinary).
func sessionBytes() spanBytes {
	return spanBytes{
		toChangelog: func(dst []byte, key string, start, end int64, _ bool) []byte {
			return appendBounds(append(dst, key...), start, end, false)
		},
		fromChangelog: func(record []byte) (key []byte, start, end int64, hidden bool, err error) {
			n := len(record) - boundsBytes
			if n < 0 {
				return nil, 0, 0, false, fmt.Errorf("the changelog key of a session has %d bytes, want at least %d", len(record), boundsBytes)
			}
			end, start = int64(binary.BigEndian.Uint64(record[n:])), int64(binary.BigEndian.Uint64(record[n+8:]))
			return record[:n], start, end, false, nil
		},
	}
}

// slidingBytes is the changelog key of a sliding window: the key, the start and a
// sequence number, as Kafka Streams writes it (WindowKeySchema.toStoreKeyBinary). It
// is zero, and 1 for a hidden window, which Kafka Streams would use in the same way, and
// not pass on either.
func slidingBytes(difference int64) spanBytes {
	const suffix = 12
	return spanBytes{
		toChangelog: func(dst []byte, key string, start, _ int64, hidden bool) []byte {
			dst = appendTimestamp(append(dst, key...), start)
			if hidden {
				return append(dst, 0, 0, 0, 1)
			}
			return append(dst, 0, 0, 0, 0)
		},
		fromChangelog: func(record []byte) (key []byte, start, end int64, hidden bool, err error) {
			n := len(record) - suffix
			if n < 0 {
				return nil, 0, 0, false, fmt.Errorf("a window changelog key has %d bytes, want at least %d", len(record), suffix)
			}
			start = int64(binary.BigEndian.Uint64(record[n:]))
			return record[:n], start, spanEnd(start, difference), binary.BigEndian.Uint32(record[n+8:]) == 1, nil
		},
	}
}

// spanEnd is the end of a sliding window, at the latest the end of time.
func spanEnd(start, difference int64) int64 {
	return start + min(difference, math.MaxInt64-max(start, 0))
}
