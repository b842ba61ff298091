package cqrs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"strings"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// Model is the part of a read model that belongs to one task: rows of type R by key.
type Model[R any] struct {
	store *state.KeyValue[string, []byte]
	codec serde.Serde[R]
	// offset is that of the event at hand, and writes counts what it has written so far.
	// Both are kept with a row, so that a write that is there already, because a worker
	// was killed in the middle of an event, is not made again.
	offset int64
	writes uint32
}

// rowHead is the length of what is kept with a row: the offset and the number of the
// write.
const rowHead = 12

// hidden begins the keys of rows that are the projection's own.
const hidden = "\x00"

// Get returns a row and whether there is one.
func (m *Model[R]) Get(key string) (row R, ok bool, err error) {
	data, ok, err := m.store.Get(key)
	if err == nil && ok {
		row, err = m.decode(data)
	}
	return row, ok, err
}

// Put sets a row.
func (m *Model[R]) Put(key string, row R) error {
	if key == "" || strings.HasPrefix(key, hidden) {
		return fmt.Errorf("cqrs: the key of a row must not be empty or begin with a zero byte, got %q", key)
	}
	m.writes++
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(make([]byte, 0, 64), uint64(m.offset)), m.writes)
	have, ok, err := m.store.Get(key)
	if err != nil || ok && len(have) >= rowHead && bytes.Compare(have[:rowHead], head) >= 0 {
		return err
	}
	data, err := m.codec.Append(head, row)
	if err != nil {
		return fmt.Errorf("cqrs: row %q: %w", key, err)
	}
	return m.store.Put(key, data)
}

func (m *Model[R]) decode(data []byte) (row R, err error) {
	if len(data) < rowHead {
		return row, errRow
	}
	return m.codec.Decode(data[rowHead:])
}

// begin says which event the next writes come from.
func (m *Model[R]) begin(offset int64) { m.offset, m.writes = offset, 0 }

// Update sets a row to what f makes of the one that is there, or of the zero R.
func (m *Model[R]) Update(key string, f func(R) R) error {
	row, _, err := m.Get(key)
	if err != nil {
		return err
	}
	return m.Put(key, f(row))
}

// Delete deletes a row.
func (m *Model[R]) Delete(key string) error {
	_, _, err := m.store.Delete(key)
	return err
}

// All returns all rows in the order of their keys.
func (m *Model[R]) All() iter.Seq2[state.Item[string, R], error] {
	return func(yield func(state.Item[string, R], error) bool) {
		for row, err := range m.store.Range("\x01", "\xff\xff\xff\xff") {
			out := state.Item[string, R]{Key: row.Key}
			if err == nil {
				out.Value, err = m.decode(row.Value)
			}
			if !yield(out, err) || err != nil {
				return
			}
		}
	}
}
