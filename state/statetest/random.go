package statetest

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/tidemill/tidemill/state"
)

var modelChecks = []check{
	{"random calls agree with a sorted slice", func(t *testing.T, b state.Backend) {
		r := rand.New(rand.NewPCG(newSeed(t), 0))
		var m model
		for step := 0; step < 4000 && !t.Failed(); step++ {
			switch n := r.IntN(100); {
			case n < 40:
				commitRandom(t, b, &m, r)
			case n < 70:
				compareGet(t, b, m, randomBound(r))
			case n < 99:
				compareScan(t, b, m, r)
			default:
				if err := b.Flush(); err != nil {
					t.Fatalf("Flush: %v", err)
				}
			}
		}
		compareAll(t, b, m)
	}},
}

// newSeed returns the seed of a random test and logs it, which shows it if the
// test fails.
func newSeed(t testing.TB) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("STATETEST_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("STATETEST_SEED: %v", err)
		}
		seed = n
	}
	t.Logf("STATETEST_SEED=%d", seed)
	return seed
}

// randomBound returns a key or, at times, an empty bound.
func randomBound(r *rand.Rand) []byte {
	if r.IntN(10) == 0 {
		return []byte{}
	}
	return randomKey(r)
}

// randomKey returns one of some thousand keys of 1 to 4 bytes, in which the
// lowest and highest bytes are frequent.
func randomKey(r *rand.Rand) []byte {
	key := make([]byte, 1+r.IntN(4))
	for i := range key {
		key[i] = "\x00\x01aabcz\xfe\xff"[r.IntN(9)]
	}
	return key
}

func randomWrite(r *rand.Rand) write {
	switch n := r.IntN(20); {
	case n == 0:
		return write{delRange, randomBound(r), randomBound(r)}
	case n < 5:
		return write{del, randomKey(r), nil}
	default:
		value := make([]byte, r.IntN(40))
		for i := range value {
			value[i] = byte(r.Uint32())
		}
		return write{set, randomKey(r), value}
	}
}

// commitRandom commits or discards a batch of up to 30 writes.
func commitRandom(t testing.TB, b state.Backend, m *model, r *rand.Rand) {
	t.Helper()
	batch := b.NewBatch()
	writes := make([]write, r.IntN(30))
	for i := range writes {
		writes[i] = randomWrite(r)
		writes[i].addTo(batch)
	}
	if r.IntN(10) == 0 {
		batch.Discard()
		return
	}
	if err := batch.Commit(); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	for _, w := range writes {
		m.apply(w)
	}
}

func compareGet(t testing.TB, b state.Backend, m model, key []byte) {
	t.Helper()
	i, want := m.find(key)
	got, ok, err := b.Get([]byte("dst"), key)
	switch {
	case err != nil || ok != want:
		t.Errorf("Get(%q) = %q, %v, %v; want ok %v", key, got, ok, err, want)
	case ok && string(got) != "dst"+string(m[i].value):
		t.Errorf("Get(%q) = %q; want dst and %q", key, got, m[i].value)
	}
}

// compareScan scans a random range in a random direction, up to a random number
// of pairs.
func compareScan(t testing.TB, b state.Backend, m model, r *rand.Rand) {
	t.Helper()
	from, to, reverse := randomBound(r), randomBound(r), r.IntN(2) == 0
	if r.IntN(5) == 0 {
		to = nil
	}
	want := slices.Clone(m.between(from, to))
	if reverse {
		slices.Reverse(want)
	}
	if limit := r.IntN(200); limit > 0 {
		want = want[:min(limit, len(want))]
	}
	var got []pair
	if err := b.Scan(from, to, reverse, func(key, value []byte) bool {
		got = append(got, pair{bytes.Clone(key), bytes.Clone(value)})
		return len(got) != len(want)
	}); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	if !equalPairs(got, want) {
		t.Errorf("Scan(%q, %q, reverse %v) = %v; want %v", from, to, reverse, got, want)
	}
}

func compareAll(t testing.TB, b state.Backend, m model) {
	t.Helper()
	if got := scan(t, b, nil, nil, false); !equalPairs(got, m) {
		t.Errorf("the backend holds %d pairs, the model %d; first difference: %s", len(got), len(m), difference(got, m))
	}
}

func equalPairs(a, b []pair) bool {
	return slices.EqualFunc(a, b, func(a, b pair) bool {
		return bytes.Equal(a.key, b.key) && bytes.Equal(a.value, b.value)
	})
}

func difference(got, want []pair) string {
	for i := range min(len(got), len(want)) {
		if !equalPairs(got[i:i+1], want[i:i+1]) {
			return got[i].String() + ", want " + want[i].String()
		}
	}
	return "one is a prefix of the other"
}
