package state

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// The sections of a buffer in the backend. The keys of records are those of the
// changelog, as Kafka Streams writes them:
//
//	0 | timestamp i64 | key | number i32
const (
	inOrder byte = iota
	// inCount is one row: the number of the record put last, and the floor.
	inCount
)

// maxNumber is the highest number of a record; they begin at 0 again after it.
const maxNumber = math.MaxInt32

// due is when a record is due. number tells those of one key and time apart.
type due[K any] struct {
	at     int64
	key    K
	number uint32
}

// held is the rest of a record that waits.
type held[V any] struct {
	value V
	origin
}

func dueLayout[K, V any](key serde.Serde[K], value serde.Serde[V]) layout[due[K], held[V]] {
	own, ownValue := owning(key), owning(value)
	return layout[due[K], held[V]]{
		keyBytes: plainBytes(),
		appendKey: func(dst []byte, d due[K]) ([]byte, error) {
			dst, err := key.Append(appendTimestamp(append(dst, inOrder), d.at), d.key)
			return binary.BigEndian.AppendUint32(dst, d.number), err
		},
		decodeKey: func(data []byte) (d due[K], err error) {
			if len(data) < minDue {
				return d, errDue(data)
			}
			n := len(data) - 4
			d.at, d.number = int64(binary.BigEndian.Uint64(data[1:])), binary.BigEndian.Uint32(data[n:])
			d.key, err = key.Decode(data[9:n:n])
			return d, err
		},
		ownKey: func(d due[K]) due[K] {
			d.key = own(d.key)
			return d
		},
		value: helds[V]{value},
		ownValue: func(w held[V]) held[V] {
			w.value, w.Headers = ownValue(w.value), ownHeaders(w.Headers)
			return w
		},
	}
}

// minDue is the length of the key of a record whose own key is empty.
const minDue = 1 + 8 + 4

func errDue(key []byte) error {
	return fmt.Errorf("the key of a buffered record has %d bytes, want at least %d", len(key), minDue)
}

// ownHeaders copies headers, so that they do not keep what they were fetched with.
func ownHeaders(headers record.Headers) record.Headers {
	if len(headers) == 0 {
		return nil
	}
	out := make(record.Headers, len(headers))
	for i, h := range headers {
		out[i] = record.Header{Key: h.Key, Value: bytes.Clone(h.Value)}
	}
	return out
}

// helds encodes what waits as a bufferValue without older values, followed by
// the time zero, as Kafka Streams does.
type helds[V any] struct{ value serde.Serde[V] }

func (s helds[V]) Append(dst []byte, w held[V]) ([]byte, error) {
	dst = appendLength(appendLength(w.origin.append(dst), nullLength), nullLength)
	dst = appendLength(dst, 0)
	at := len(dst)
	dst, err := s.value.Append(dst, w.value)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(dst[at-4:], uint32(len(dst)-at))
	return appendTimestamp(dst, 0), nil
}

func (s helds[V]) Decode(data []byte) (w held[V], err error) {
	v, _, err := decodeBufferValue(data)
	if err != nil {
		return w, err
	}
	if v.New == nil {
		return w, fmt.Errorf("a buffered record of %d bytes has no value", len(data))
	}
	w.origin = v.origin
	w.value, err = s.value.Decode(v.New)
	return w, err
}

// straight is the key of a record as it should have been logged. Kafka Streams
// 4.3.1 takes the keys of a changelog apart as if they ended with the timestamp:
// when it rebuilds a buffer it turns
//
//	0 | timestamp | key | number    which it reads as  key' | timestamp' | number
//	0 | timestamp' | key' | number  into
//
// The value of a record tells its timestamp, so such a key can be turned back.
func straight(key, value []byte) []byte {
	if len(value) < 8 || len(key) <= minDue || key[0] != inOrder || bytes.Equal(key[1:9], value[:8]) {
		return key
	}
	n := len(key) - 4
	back := append(append(append(make([]byte, 0, len(key)), key[9:n]...), key[1:9]...), key[n:]...)
	if len(back) < minDue || back[0] != inOrder || !bytes.Equal(back[1:9], value[:8]) {
		return key
	}
	return back
}
