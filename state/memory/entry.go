package memory

import "bytes"

// entry is a key and its value in one allocation. It is never changed once it
// is in the tree, so snapshots share it.
type entry struct {
	data   []byte
	keyLen int
}

func newEntry(key, value []byte) entry {
	data := make([]byte, len(key)+len(value))
	copy(data[copy(data, key):], value)
	return entry{data, len(key)}
}

// probe is an entry for looking up key. It does not copy.
func probe(key []byte) entry { return entry{key, len(key)} }

func (e entry) key() []byte   { return e.data[:e.keyLen:e.keyLen] }
func (e entry) value() []byte { return e.data[e.keyLen:] }

func before(a, b entry) bool {
	return bytes.Compare(a.data[:a.keyLen], b.data[:b.keyLen]) < 0
}
