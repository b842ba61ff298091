package state

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// Held is an update of a row that a Buffer holds back.
type Held[V any] struct {
	// New is what the row is now and Old what it was before the last update. Prior is
	// what it was before the first of the updates held back: what was passed on last.
	Prior, Old, New          V
	HasPrior, HasOld, HasNew bool
	// Time is what the buffer is ordered by.
	Time int64
	// Timestamp, Source and Headers are those of the last update.
	Timestamp int64
	Source    record.Metadata
	Headers   record.Headers
	// weight is what the row counts for beside its key, if that is measured.
	weight int
}

func (h *Held[V]) origin() origin {
	return origin{Metadata: h.Source, Timestamp: h.Timestamp, Headers: h.Headers}
}

// heldSerde encodes rows as Kafka Streams logs them: a BufferValue and the time. It
// belongs to one store, and is not safe for concurrent use.
type heldSerde[V any] struct {
	value serde.Serde[V]
	// measured says that the weights of rows are wanted.
	measured bool
	// topic is the topic decoded last, to be shared by the rows that have it.
	topic   string
	scratch []byte
}

func (s *heldSerde[V]) Append(dst []byte, h Held[V]) ([]byte, error) {
	from := h.origin()
	dst = from.append(dst)
	prior := len(dst)
	dst, err := s.block(dst, h.Prior, h.HasPrior)
	if err != nil {
		return nil, err
	}
	old := len(dst)
	if dst, err = s.block(dst, h.Old, h.HasOld); err != nil {
		return nil, err
	}
	if h.HasOld && bytes.Equal(dst[prior:old], dst[old:]) {
		dst = appendLength(dst[:old], asPrior)
	}
	if dst, err = s.block(dst, h.New, h.HasNew); err != nil {
		return nil, err
	}
	return appendTimestamp(dst, h.Time), nil
}

// block appends a value behind its length.
func (s *heldSerde[V]) block(dst []byte, v V, has bool) ([]byte, error) {
	if !has {
		return appendLength(dst, nullLength), nil
	}
	at := len(dst)
	dst, err := s.value.Append(appendLength(dst, 0), v)
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst, nil
}

func (s *heldSerde[V]) Decode(data []byte) (h Held[V], err error) {
	v, rest, err := decodeBufferValue(data)
	if err != nil {
		return h, err
	}
	if len(rest) != 8 {
		return h, fmt.Errorf("a buffered record has %d bytes behind its values, want 8", len(rest))
	}
	if v.Topic == s.topic {
		v.Topic = s.topic
	}
	s.topic = v.Topic
	h = Held[V]{
		HasPrior: v.Prior != nil, HasOld: v.Old != nil, HasNew: v.New != nil,
		Time: int64(binary.BigEndian.Uint64(rest)), Timestamp: v.Timestamp, Source: v.Metadata, Headers: v.Headers,
	}
	if s.measured {
		h.weight = weight(&v.origin, len(data))
	}
	for _, part := range [...]struct {
		to   *V
		data []byte
	}{{&h.Prior, v.Prior}, {&h.Old, v.Old}, {&h.New, v.New}} {
		if part.data == nil {
			continue
		}
		if *part.to, err = s.value.Decode(part.data); err != nil {
			return Held[V]{}, err
		}
	}
	return h, nil
}

// weigh sets the weight of a row.
func (s *heldSerde[V]) weigh(h *Held[V]) (err error) {
	if s.scratch, err = s.Append(s.scratch[:0], *h); err != nil {
		return err
	}
	from := h.origin()
	h.weight = weight(&from, len(s.scratch))
	return nil
}

// weight is what a row counts for in a buffer that is bounded by bytes, beside its
// key: what Kafka Streams estimates. encoded is how long the row is in a changelog.
func weight(from *origin, encoded int) int {
	const lengths, times = 3 * 4, 8
	n := 8 + encoded - lengths - times // the time of Kafka Streams' key, and all that is encoded
	n -= 4 + len(from.Topic) - javaLength(from.Topic) + 4
	for _, h := range from.Headers {
		n -= 4 + len(h.Key) - javaLength(h.Key) + 4
	}
	return n
}

// javaLength is how many characters a text has in Java, where some symbols take two.
func javaLength(text string) (n int) {
	for _, symbol := range text {
		if n++; symbol > 0xffff {
			n++
		}
	}
	return n
}
