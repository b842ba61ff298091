package processors

import (
	"encoding/binary"
	"fmt"

	"github.com/tidemill/tidemill/serde"
)

// The first byte of the messages of a foreign-key join is their version, with bits
// that say what is missing.
const (
	foreignVersion = 0x3f
	// foreignEmpty says that a response has a row of no bytes.
	foreignEmpty = 0x40
	// foreignNoHash says that the left row is deleted and has no hash.
	foreignNoHash = 0x80
)

// SubscriptionSerde encodes subscriptions in the bytes of Kafka Streams
// (SubscriptionWrapperSerde, version 1): version, what is asked for, the hash unless
// the row is deleted, the key, and the partition in 4 bytes. It reads version 0 too,
// which has no partition.
func SubscriptionSerde[K any](key serde.Serde[K]) serde.Serde[Subscription[K]] {
	return subscriptionSerde[K]{key}
}

type subscriptionSerde[K any] struct{ key serde.Serde[K] }

func (s subscriptionSerde[K]) Append(dst []byte, v Subscription[K]) ([]byte, error) {
	dst = append(dst, 1, byte(v.Asked))
	dst = v.Hash.append(dst, len(dst)-2)
	dst, err := s.key.Append(dst, v.Key)
	if err != nil {
		return nil, err
	}
	return binary.BigEndian.AppendUint32(dst, uint32(v.Partition)), nil
}

func (s subscriptionSerde[K]) Decode(data []byte) (v Subscription[K], err error) {
	if len(data) < 2 {
		return v, fmt.Errorf("a subscription has at least 2 bytes, this has %d", len(data))
	}
	version := data[0] &^ foreignNoHash
	if version > 1 {
		return v, fmt.Errorf("a subscription has the version %d, which is not known: a later version of Kafka Streams may have written it", version)
	}
	if v.Asked = Request(data[1]); v.Asked > AnswerIfFound {
		return Subscription[K]{}, fmt.Errorf("a subscription asks for %d, which is not known", v.Asked)
	}
	rest, err := v.Hash.decode(data[0], data[2:])
	if err != nil {
		return Subscription[K]{}, err
	}
	v.Partition = -1
	if version == 1 {
		n := len(rest) - 4
		if n < 0 {
			return Subscription[K]{}, fmt.Errorf("a subscription ends before its partition")
		}
		if v.Partition = int32(binary.BigEndian.Uint32(rest[n:])); v.Partition < 0 {
			return Subscription[K]{}, fmt.Errorf("a subscription has the partition %d", v.Partition)
		}
		rest = rest[:n:n]
	}
	if v.Key, err = s.key.Decode(rest); err != nil {
		return Subscription[K]{}, fmt.Errorf("key: %w", err)
	}
	return v, nil
}

// Own returns a subscription that shares no memory with what it was decoded from.
func (s subscriptionSerde[K]) Own(v Subscription[K]) Subscription[K] {
	if o, ok := s.key.(serde.Owner[K]); ok {
		v.Key = o.Own(v.Key)
	}
	return v
}

// ResponseSerde encodes responses in the bytes of Kafka Streams
// (SubscriptionResponseWrapperSerde, version 0): version, the hash unless the left
// row is deleted, and the right row, if there is one. A row of no bytes, which Kafka
// Streams takes for none, has a bit in the version that it does not know.
func ResponseSerde[R any](row serde.Serde[R]) serde.Serde[Response[R]] {
	return responseSerde[R]{row}
}

type responseSerde[R any] struct{ row serde.Serde[R] }

func (s responseSerde[R]) Append(dst []byte, v Response[R]) (_ []byte, err error) {
	start := len(dst)
	dst = v.Hash.append(append(dst, 0), start)
	if !v.HasRow {
		return dst, nil
	}
	n := len(dst)
	if dst, err = s.row.Append(dst, v.Row); err != nil {
		return nil, err
	}
	if len(dst) == n {
		dst[start] |= foreignEmpty
	}
	return dst, nil
}

func (s responseSerde[R]) Decode(data []byte) (v Response[R], err error) {
	if len(data) == 0 {
		return v, fmt.Errorf("a response has at least 1 byte, this has none")
	}
	if version := data[0] & foreignVersion; version > 0 {
		return v, fmt.Errorf("a response has the version %d, which is not known: a later version of Kafka Streams may have written it", version)
	}
	rest, err := v.Hash.decode(data[0], data[1:])
	if err != nil {
		return Response[R]{}, err
	}
	empty := data[0]&foreignEmpty != 0
	if empty && len(rest) > 0 {
		return Response[R]{}, fmt.Errorf("a response with an empty row has %d bytes of it", len(rest))
	}
	if v.HasRow = empty || len(rest) > 0; v.HasRow {
		if v.Row, err = s.row.Decode(rest); err != nil {
			return Response[R]{}, fmt.Errorf("row: %w", err)
		}
	}
	return v, nil
}

// append appends the hash of a message, or says in its first byte that there is
// none.
func (h RowHash) append(dst []byte, first int) []byte {
	if h.Exists {
		return append(dst, h.Sum[:]...)
	}
	dst[first] |= foreignNoHash
	return dst
}

// decode reads the hash of a message and returns what follows.
func (h *RowHash) decode(first byte, data []byte) ([]byte, error) {
	if first&foreignNoHash != 0 {
		return data, nil
	}
	if len(data) < len(h.Sum) {
		return nil, fmt.Errorf("a message of a foreign-key join ends in its hash")
	}
	h.Exists = true
	return data[copy(h.Sum[:], data):], nil
}
