package processors

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tidemill/tidemill/serde"
)

// ChangeSerde encodes updates of a table on their way through a repartition topic,
// in the bytes of Kafka Streams (ChangedSerializer, KIP-904):
//
//	new value, 01                             nothing to subtract
//	old value, 00                             nothing to add
//	length of new, new value, old value, 02   both, in one record
//
// The length is a zig-zag varint. It also reads the forms 03 to 05 (KIP-914), which
// are the same with a byte before the last one that is 0 for an older version. It
// does not write them: an update of an older version never gets that far.
func ChangeSerde[V any](value serde.Serde[V]) serde.Serde[Change[V]] {
	return changeSerde[V]{value}
}

type changeSerde[V any] struct{ value serde.Serde[V] }

const (
	changeOld byte = iota
	changeNew
	changeBoth
	// changeVersioned is added to the others if a byte says which version it was.
	changeVersioned
)

var errNoChange = errors.New("an update of a table has neither an old nor a new value")

func (s changeSerde[V]) Append(dst []byte, c Change[V]) (_ []byte, err error) {
	start := len(dst)
	form := changeOld
	if c.HasNew {
		form = changeNew
		if dst, err = s.value.Append(dst, c.New); err != nil {
			return nil, err
		}
	}
	if c.HasNew && c.HasOld {
		form = changeBoth
		var length [binary.MaxVarintLen64]byte
		n := binary.PutVarint(length[:], int64(len(dst)-start))
		dst = slices.Insert(dst, start, length[:n]...)
	}
	if c.HasOld {
		if dst, err = s.value.Append(dst, c.Old); err != nil {
			return nil, err
		}
	} else if !c.HasNew {
		return nil, errNoChange
	}
	return append(dst, form), nil
}

func (s changeSerde[V]) Decode(data []byte) (c Change[V], err error) {
	if len(data) == 0 {
		return c, fmt.Errorf("an update of a table has at least 1 byte, this has none")
	}
	form, data := data[len(data)-1], data[:len(data)-1]
	if form >= changeVersioned && form <= changeVersioned+changeBoth {
		if len(data) == 0 || data[len(data)-1] > 1 {
			return c, fmt.Errorf("an update of a table does not say whether it is the latest version")
		}
		c.Older, data = data[len(data)-1] == 0, data[:len(data)-1]
		form -= changeVersioned
	}
	var old []byte
	switch form {
	case changeOld:
		data, old, c.HasOld = nil, data, true
	case changeNew:
		c.HasNew = true
	case changeBoth:
		if data, old, err = splitChange(data); err != nil {
			return Change[V]{}, err
		}
		c.HasNew, c.HasOld = true, true
	default:
		return c, fmt.Errorf("an update of a table has the unknown form %d", form)
	}
	return s.values(c, data, old)
}

// splitChange divides what a record with both values holds.
func splitChange(data []byte) (now, old []byte, err error) {
	length, n := binary.Varint(data)
	if n <= 0 || length < 0 || length > int64(len(data)-n) {
		return nil, nil, fmt.Errorf("an update of a table does not tell the length of its new value")
	}
	data = data[n:]
	return data[:length:length], data[length:], nil
}

func (s changeSerde[V]) values(c Change[V], now, old []byte) (_ Change[V], err error) {
	if c.HasNew {
		if c.New, err = s.value.Decode(now); err != nil {
			return Change[V]{}, fmt.Errorf("new value: %w", err)
		}
	}
	if c.HasOld {
		if c.Old, err = s.value.Decode(old); err != nil {
			return Change[V]{}, fmt.Errorf("old value: %w", err)
		}
	}
	return c, nil
}
