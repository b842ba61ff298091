package state

import (
	"encoding/binary"
	"fmt"
)

// heldRow is an update of a row that a buffer holds back.
type heldRow struct {
	bufferValue
	// time is what the buffer is ordered by.
	time int64
	// weight is what the row counts for beside its key, if that is measured.
	weight int
}

// heldSerde encodes rows as Kafka Streams logs them: a BufferValue and the time. It
// belongs to one store, and is not safe for concurrent use.
type heldSerde struct {
	// measured says that the weights of rows are wanted.
	measured bool
	// topic is the topic decoded last, to be shared by the rows that have it.
	topic   string
	scratch []byte
}

func (*heldSerde) Append(dst []byte, h heldRow) ([]byte, error) {
	return appendTimestamp(h.append(dst), h.time), nil
}

func (s *heldSerde) Decode(data []byte) (h heldRow, err error) {
	var rest []byte
	if h.bufferValue, rest, err = decodeBufferValue(data); err != nil {
		return h, err
	}
	if len(rest) != 8 {
		return h, fmt.Errorf("a buffered record has %d bytes behind its values, want 8", len(rest))
	}
	if h.Topic == s.topic {
		h.Topic = s.topic
	}
	s.topic = h.Topic
	h.time = int64(binary.BigEndian.Uint64(rest))
	if s.measured {
		h.weight = weight(&h.origin, len(data))
	}
	return h, nil
}

// weigh sets the weight of a row.
func (s *heldSerde) weigh(h *heldRow) {
	s.scratch, _ = s.Append(s.scratch[:0], *h)
	h.weight = weight(&h.origin, len(s.scratch))
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
