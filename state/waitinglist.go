package state

import (
	"encoding/binary"
	"fmt"
)

// listSerde is the first byte of a list of values, as ListSerde of Kafka Streams
// writes one of values of any length.
const listSerde = 1

// appendList appends the values of an entry: how many there are, and the length of
// each, its side and what it is.
func (w *Waiting[K, V]) appendList(dst []byte, e *waiting[K, V]) ([]byte, error) {
	dst = binary.BigEndian.AppendUint32(append(dst, listSerde), uint32(1+len(e.more)))
	dst, err := w.appendElement(dst, e.first)
	for _, v := range e.more {
		if err == nil {
			dst, err = w.appendElement(dst, v)
		}
	}
	return dst, err
}

func (w *Waiting[K, V]) appendElement(dst []byte, v V) ([]byte, error) {
	begin := len(dst)
	dst = append(dst, 0, 0, 0, 0, w.side)
	dst, err := w.value.Append(dst, v)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(dst[begin:], uint32(len(dst)-begin-4))
	return dst, nil
}

// decodeList reads what appendList writes.
func (w *Waiting[K, V]) decodeList(row []byte, e *waiting[K, V]) error {
	if len(row) < 5 || row[0] != listSerde {
		return damagedList(row)
	}
	n, rest := binary.BigEndian.Uint32(row[1:]), row[5:]
	for i := range n {
		size := uint64(0)
		if len(rest) > 4 {
			size = uint64(binary.BigEndian.Uint32(rest))
		}
		if size < 1 || uint64(len(rest)) < 4+size || rest[4] != w.side {
			return damagedList(row)
		}
		v, err := w.value.Decode(rest[5 : 4+size : 4+size])
		if err != nil {
			return fmt.Errorf("decode value: %w", err)
		}
		if rest = rest[4+size:]; i == 0 {
			e.first = v
		} else {
			e.more = append(e.more, v)
		}
	}
	if n == 0 || len(rest) > 0 {
		return damagedList(row)
	}
	return nil
}

func damagedList(row []byte) error {
	return fmt.Errorf("a list of waiting records is damaged: % x", row[:min(len(row), 64)])
}
