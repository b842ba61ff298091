package window

import (
	"encoding/binary"
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// startLength is the length of a window's start behind an encoded key.
const startLength = 8

// Serde encodes windowed keys as the inner key followed by the start of the
// window, 8 bytes big-endian, as Kafka Streams' TimeWindowedSerializer does. The
// end is not written: decoding takes it from the size, in milliseconds.
func Serde[K any](inner serde.Serde[K], size int64) serde.Serde[Key[K]] {
	return keySerde[K]{inner: inner, size: size}
}

type keySerde[K any] struct {
	inner serde.Serde[K]
	size  int64
}

func (s keySerde[K]) Append(dst []byte, k Key[K]) ([]byte, error) {
	dst, err := s.inner.Append(dst, k.Key)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint64(dst, uint64(k.Start)), nil
}

func (s keySerde[K]) Decode(data []byte) (k Key[K], err error) {
	n := len(data) - startLength
	if n < 0 {
		return k, fmt.Errorf("a windowed key has at least %d bytes, this has %d", startLength, len(data))
	}
	if k.Key, err = s.inner.Decode(data[:n:n]); err != nil {
		return Key[K]{}, err
	}
	k.Start = int64(binary.BigEndian.Uint64(data[n:]))
	if k.Start < 0 {
		return Key[K]{}, fmt.Errorf("the window of a windowed key starts at %d, before time began", k.Start)
	}
	k.End = later(k.Start, s.size)
	return k, nil
}

// PartitionKey is the part of an encoded key that decides on its partition: the
// inner key, so that all windows of a key are in one partition.
func (s keySerde[K]) PartitionKey(encoded []byte) []byte {
	return encoded[:len(encoded)-startLength]
}

// ForTopic binds the inner serde to a topic.
func (s keySerde[K]) ForTopic(topic string, key bool) (serde.Serde[Key[K]], error) {
	binder, ok := s.inner.(serde.TopicBinder[K])
	if !ok {
		return s, nil
	}
	inner, err := binder.ForTopic(topic, key)
	return keySerde[K]{inner: inner, size: s.size}, err
}
