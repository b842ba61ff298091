package memory

import (
	"bytes"
	"errors"

	"github.com/tidwall/btree"

	"github.com/tidemill/tidemill/state"
)

type kind byte

const (
	set kind = iota
	del
	delRange
)

// write is one write of a batch. The entry of a delRange holds its bounds.
type write struct {
	kind  kind
	entry entry
}

var errEmptyKey = errors.New("state/memory: a key is empty")

type batch struct {
	backend *Backend
	writes  []write
	err     error // of a Set, for Commit
}

func (b *batch) Set(key, value []byte) {
	if len(key) == 0 {
		b.err = errEmptyKey
	}
	b.writes = append(b.writes, write{set, newEntry(key, value)})
}

func (b *batch) Delete(key []byte) {
	b.writes = append(b.writes, write{del, newEntry(key, nil)})
}

func (b *batch) DeleteRange(from, to []byte) {
	if bytes.Compare(from, to) < 0 {
		b.writes = append(b.writes, write{delRange, newEntry(from, to)})
	}
}

func (b *batch) Commit() error {
	b.backend.mu.Lock()
	defer b.backend.mu.Unlock()
	tree := b.backend.tree
	if tree == nil {
		return state.ErrClosed
	}
	if b.err != nil {
		return b.err
	}
	for _, w := range b.writes {
		w.apply(tree)
	}
	b.writes = nil
	return nil
}

func (b *batch) Discard() { b.writes = nil }

func (w write) apply(tree *btree.BTreeG[entry]) {
	switch w.kind {
	case set:
		tree.Set(w.entry)
	case del:
		tree.Delete(w.entry)
	case delRange:
		tree.DeleteRange(probe(w.entry.key()), probe(w.entry.value()), &btree.DeleteRangeOptions{NoReturn: true})
	}
}
