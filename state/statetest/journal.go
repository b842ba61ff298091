package statetest

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/tidemill/tidemill/state"
)

// Journal is a sequence of batches, numbered from 1, in which each batch is
// random but fixed by the seed. What a backend holds therefore tells whether it
// is the effect of exactly the first n batches. It serves tests in which a
// backend crashes.
type Journal struct{ Seed uint64 }

// Each batch writes its number to all of the head keys.
var journalHeads = [][]byte{[]byte("a head"), []byte("m head"), []byte("zz head")}

// Commit commits batch n. The batches before it must have been committed.
func (j Journal) Commit(b state.Backend, n uint64) error {
	batch := b.NewBatch()
	for _, w := range j.writes(n) {
		w.addTo(batch)
	}
	return batch.Commit()
}

// Check fails t unless b holds the effect of exactly the batches 1 to n for
// some n, and returns that n: 0 if b is empty.
func (j Journal) Check(t testing.TB, b state.Backend) (n uint64) {
	t.Helper()
	value, ok, err := b.Get(nil, journalHeads[0])
	switch {
	case err != nil:
		t.Fatalf("Get: %v", err)
	case ok && len(value) != 8:
		t.Fatalf("the head is %q", value)
	case ok:
		n = binary.BigEndian.Uint64(value)
	}
	var m model
	for i := uint64(1); i <= n; i++ {
		for _, w := range j.writes(i) {
			m.apply(w)
		}
	}
	t.Logf("holds the batches 1 to %d: %d pairs", n, len(m))
	compareAll(t, b, m)
	return n
}

// writes returns some 20 writes of batch n, of which each may undo others.
func (j Journal) writes(n uint64) []write {
	r := rand.New(rand.NewPCG(j.Seed, n))
	writes := make([]write, 0, 24)
	for range 5 + r.IntN(15) {
		writes = append(writes, randomWrite(r))
	}
	head := binary.BigEndian.AppendUint64(nil, n)
	for _, key := range journalHeads {
		writes = append(writes, write{set, key, head})
	}
	return writes
}
