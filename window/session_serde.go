package window

import (
	"encoding/binary"
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// boundsLength is the length of a session's bounds behind an encoded key.
const boundsLength = 16

// SessionSerde encodes the keys of sessions as the inner key followed by the end
// and the start of the session, 8 bytes big-endian each, as Kafka Streams'
// SessionWindowedSerializer does.
func SessionSerde[K any](inner serde.Serde[K]) serde.Serde[Key[K]] {
	return sessionSerde[K]{inner}
}

type sessionSerde[K any] struct{ inner serde.Serde[K] }

func (s sessionSerde[K]) Append(dst []byte, k Key[K]) ([]byte, error) {
	dst, err := s.inner.Append(dst, k.Key)
	if err != nil {
		return nil, err
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(k.End))
	return binary.BigEndian.AppendUint64(dst, uint64(k.Start)), nil
}

func (s sessionSerde[K]) Decode(data []byte) (k Key[K], err error) {
	n := len(data) - boundsLength
	if n < 0 {
		return k, fmt.Errorf("the key of a session has at least %d bytes, this has %d", boundsLength, len(data))
	}
	if k.Key, err = s.inner.Decode(data[:n:n]); err != nil {
		return Key[K]{}, err
	}
	k.End = int64(binary.BigEndian.Uint64(data[n:]))
	k.Start = int64(binary.BigEndian.Uint64(data[n+8:]))
	if k.Start < 0 || k.End < k.Start {
		return Key[K]{}, fmt.Errorf("the session of a key is from %d to %d: it must start at 0 or later and not end before", k.Start, k.End)
	}
	return k, nil
}

// PartitionKey is the part of an encoded key that decides on its partition: the
// inner key, so that all sessions of a key are in one partition.
func (s sessionSerde[K]) PartitionKey(encoded []byte) []byte {
	return encoded[:len(encoded)-boundsLength]
}

// ForTopic binds the inner serde to a topic.
func (s sessionSerde[K]) ForTopic(topic string, key bool) (serde.Serde[Key[K]], error) {
	binder, ok := s.inner.(serde.TopicBinder[K])
	if !ok {
		return s, nil
	}
	inner, err := binder.ForTopic(topic, key)
	return sessionSerde[K]{inner}, err
}
