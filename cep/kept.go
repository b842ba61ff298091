package cep

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/tidemill/tidemill/internal/nfa"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
)

// kept is an event as it is kept: the value, and of its record what a match shows.
type kept[T any] struct {
	value     T
	timestamp int64
	headers   record.Headers
}

func valueOf[T any](e *nfa.Event) T { return e.Value.(*kept[T]).value }

// keeper turns events into what is kept of them, and back.
type keeper[T any] struct {
	value   serde.Serde[T]
	scratch []byte
}

// retain makes an event at hand one that may be kept: it shares no memory with its
// record.
func (k *keeper[T]) retain(e nfa.Event) (nfa.Event, error) {
	if e.Payload != nil {
		return e, nil
	}
	own := *e.Value.(*kept[T])
	if owner, ok := k.value.(serde.Owner[T]); ok {
		own.value = owner.Own(own.value)
	}
	payload := binary.AppendVarint(k.scratch[:0], own.timestamp)
	payload = binary.AppendUvarint(payload, uint64(len(own.headers)))
	headers := own.headers
	own.headers = nil
	for _, h := range headers {
		payload = appendBytes(payload, h.Key)
		payload = appendBytes(payload, h.Value)
		own.headers = append(own.headers, record.Header{Key: h.Key, Value: append([]byte(nil), h.Value...)})
	}
	payload, err := k.value.Append(payload, own.value)
	if err != nil {
		return e, fmt.Errorf("cep: encode an event to keep it: %w", err)
	}
	k.scratch = payload
	return nfa.Event{Time: e.Time, Payload: bytes.Clone(payload), Value: &own}, nil
}

func appendBytes[B string | []byte](to []byte, b B) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

var errDamaged = errors.New("cep: a kept event is damaged")

// recall makes a kept event of its payload.
func (k *keeper[T]) recall(payload []byte) (any, error) {
	var e kept[T]
	timestamp, n := binary.Varint(payload)
	if n <= 0 {
		return nil, errDamaged
	}
	e.timestamp, payload = timestamp, payload[n:]
	count, n := binary.Uvarint(payload)
	if n <= 0 || count > uint64(len(payload)) {
		return nil, errDamaged
	}
	payload = payload[n:]
	for range count {
		var key, value []byte
		var ok bool
		if key, payload, ok = cutBytes(payload); ok {
			value, payload, ok = cutBytes(payload)
		}
		if !ok {
			return nil, errDamaged
		}
		e.headers = append(e.headers, record.Header{Key: string(key), Value: value})
	}
	var err error
	if e.value, err = k.value.Decode(payload); err != nil {
		return nil, fmt.Errorf("cep: decode a kept event: %w", err)
	}
	return &e, nil
}

func cutBytes(from []byte) (b, rest []byte, ok bool) {
	size, n := binary.Uvarint(from)
	if n <= 0 || size > uint64(len(from)-n) {
		return nil, nil, false
	}
	return from[n : n+int(size) : n+int(size)], from[n+int(size):], true
}
