package memory

import (
	"sync"

	"github.com/tidwall/btree"

	"github.com/tidemill/tidemill/state"
)

// Backend is a state.Backend in memory. Its scans see the state as it was when
// they began. Flush does nothing.
type Backend struct {
	mu   sync.RWMutex
	tree *btree.BTreeG[entry] // nil once closed
}

var _ state.Backend = (*Backend)(nil)

// New returns an empty backend.
func New() *Backend {
	return &Backend{tree: btree.NewBTreeGOptions(before, btree.Options{NoLocks: true})}
}

// Get implements state.Backend.
func (b *Backend) Get(dst, key []byte) (value []byte, ok bool, err error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.tree == nil {
		return dst, false, state.ErrClosed
	}
	e, ok := b.tree.Get(probe(key))
	return append(dst, e.value()...), ok, nil
}

// Scan implements state.Backend.
func (b *Backend) Scan(from, to []byte, reverse bool, yield func(key, value []byte) bool) error {
	snapshot := b.snapshot()
	if snapshot == nil {
		return state.ErrClosed
	}
	if reverse {
		descend(snapshot, from, to, yield)
	} else {
		ascend(snapshot, from, to, yield)
	}
	return nil
}

// snapshot returns a copy of the tree, or nil if the backend is closed. The
// copy is cheap: later commits copy the nodes that they change. No lock is held
// while it is read, so that yield can use the backend.
func (b *Backend) snapshot() *btree.BTreeG[entry] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tree == nil {
		return nil
	}
	return b.tree.Copy()
}

func ascend(tree *btree.BTreeG[entry], from, to []byte, yield func(key, value []byte) bool) {
	end := probe(to)
	tree.Ascend(probe(from), func(e entry) bool {
		return (to == nil || before(e, end)) && yield(e.key(), e.value())
	})
}

func descend(tree *btree.BTreeG[entry], from, to []byte, yield func(key, value []byte) bool) {
	start, end := probe(from), probe(to)
	visit := func(e entry) bool {
		if to != nil && !before(e, end) {
			return true // to itself, where Descend begins if it is a key
		}
		return !before(e, start) && yield(e.key(), e.value())
	}
	if to == nil {
		tree.Reverse(visit)
	} else {
		tree.Descend(end, visit)
	}
}

// NewBatch implements state.Backend.
func (b *Backend) NewBatch() state.Batch { return &batch{backend: b} }

// Flush implements state.Backend.
func (b *Backend) Flush() error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.tree == nil {
		return state.ErrClosed
	}
	return nil
}

// Close implements state.Backend.
func (b *Backend) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tree == nil {
		return state.ErrClosed
	}
	b.tree = nil
	return nil
}
