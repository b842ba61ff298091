package statetest

import (
	"bytes"
	"slices"

	"github.com/tidemill/tidemill/state"
)

// model is what a backend should hold: pairs in the order of their keys.
type model []pair

// find returns the index of the first key that is not before key.
func (m model) find(key []byte) (i int, found bool) {
	return slices.BinarySearchFunc(m, key, func(p pair, key []byte) int { return bytes.Compare(p.key, key) })
}

// between returns the pairs in [from, to), with a nil to as in Backend.Scan.
func (m model) between(from, to []byte) []pair {
	i, _ := m.find(from)
	j := len(m)
	if to != nil {
		j, _ = m.find(to)
	}
	return m[i:max(i, j)]
}

type kind int

const (
	set kind = iota
	del
	delRange
)

// write is one write of a batch. For a delRange, key and value are the bounds.
type write struct {
	kind       kind
	key, value []byte
}

func (m *model) apply(w write) {
	i, found := m.find(w.key)
	switch {
	case w.kind == set && found:
		(*m)[i].value = w.value
	case w.kind == set:
		*m = slices.Insert(*m, i, pair{w.key, w.value})
	case w.kind == del && found:
		*m = slices.Delete(*m, i, i+1)
	case w.kind == delRange && bytes.Compare(w.key, w.value) < 0:
		j, _ := m.find(w.value)
		*m = slices.Delete(*m, i, j)
	}
}

func (w write) addTo(batch state.Batch) {
	switch w.kind {
	case set:
		batch.Set(w.key, w.value)
	case del:
		batch.Delete(w.key)
	case delRange:
		batch.DeleteRange(w.key, w.value)
	}
}
