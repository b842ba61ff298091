package statetest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/tidemill/tidemill/state"
)

// Run checks that the backends that open returns keep the contract of
// state.Backend, except for what concerns crashes. Every subtest opens a backend
// in a new directory, and closes it if the test did not. open fails t if it
// cannot open one.
func Run(t *testing.T, open func(t *testing.T, dir string) state.Backend) {
	for _, group := range [][]check{
		pointChecks, scanChecks, rangeChecks, batchChecks, concurrencyChecks, closeChecks, modelChecks, storeChecks, spanChecks, joinChecks,
		versionedChecks, bufferChecks, timeBufferChecks,
	} {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				b := open(t, t.TempDir())
				t.Cleanup(func() { _ = b.Close() }) // ErrClosed if the test closed it
				c.run(t, b)
			})
		}
	}
}

// check is one subtest. Its name is a sentence about backends.
type check struct {
	name string
	run  func(t *testing.T, b state.Backend)
}

// commit applies the writes that fill puts into a batch.
func commit(t testing.TB, b state.Backend, fill func(batch state.Batch)) {
	t.Helper()
	batch := b.NewBatch()
	fill(batch)
	if err := batch.Commit(); err != nil {
		t.Fatalf("Commit: %v", err)
	}
}

// put sets keys to values given in turn: key, value, key, value ...
func put(t testing.TB, b state.Backend, keysAndValues ...string) {
	t.Helper()
	commit(t, b, func(batch state.Batch) {
		for i := 0; i < len(keysAndValues); i += 2 {
			batch.Set([]byte(keysAndValues[i]), []byte(keysAndValues[i+1]))
		}
	})
}

// wantValue fails t unless key has the value.
func wantValue(t testing.TB, b state.Backend, key, value string) {
	t.Helper()
	got, ok, err := b.Get(nil, []byte(key))
	if err != nil || !ok || string(got) != value {
		t.Errorf("Get(%q) = %q, %v, %v; want %q", key, got, ok, err, value)
	}
}

// wantNone fails t if key has a value.
func wantNone(t testing.TB, b state.Backend, key string) {
	t.Helper()
	got, ok, err := b.Get(nil, []byte(key))
	if err != nil || ok || len(got) != 0 {
		t.Errorf("Get(%q) = %q, %v, %v; want none", key, got, ok, err)
	}
}

// pair is a key with its value.
type pair struct{ key, value []byte }

func (p pair) String() string { return fmt.Sprintf("%q=%q", p.key, p.value) }

// scan returns copies of the pairs that Scan yields.
func scan(t testing.TB, b state.Backend, from, to []byte, reverse bool) []pair {
	t.Helper()
	var pairs []pair
	err := b.Scan(from, to, reverse, func(key, value []byte) bool {
		pairs = append(pairs, pair{bytes.Clone(key), bytes.Clone(value)})
		return true
	})
	if err != nil {
		t.Fatalf("Scan(%q, %q, reverse %v): %v", from, to, reverse, err)
	}
	return pairs
}

// wantKeys fails t unless a scan of [from, to) yields the keys, and the same
// keys backwards in reverse.
func wantKeys(t testing.TB, b state.Backend, from, to []byte, keys ...string) {
	t.Helper()
	for _, reverse := range []bool{false, true} {
		got := scan(t, b, from, to, reverse)
		ok := len(got) == len(keys)
		for i := 0; ok && i < len(got); i++ {
			want := keys[i]
			if reverse {
				want = keys[len(keys)-1-i]
			}
			ok = string(got[i].key) == want
		}
		if !ok {
			t.Errorf("Scan(%q, %q, reverse %v) = %v; want the keys %q", from, to, reverse, got, keys)
		}
	}
}
