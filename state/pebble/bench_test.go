package pebble_test

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/state/pebble"
)

// The benchmarks run over a state of a million entries with keys of 20 bytes and
// values of 16, in both backends.
const benchEntries = 1_000_000

// benchKey returns the key of entry i: store, task, and a number whose hash
// spreads it over the key space.
func benchKey(i int) []byte { return appendBenchKey(nil, i) }

func appendBenchKey(dst []byte, i int) []byte {
	dst = append(dst, "\x00\x01\x00\x00\x00\x02"...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(i)*0x9e3779b97f4a7c15)
	return append(dst, "suffix"...)
}

var benchValue = []byte("0123456789abcdef")

func fillBackend(t testing.TB, b state.Backend, n int) {
	t.Helper()
	for i := 0; i < n; {
		batch := b.NewBatch()
		for end := min(i+10_000, n); i < end; i++ {
			batch.Set(benchKey(i), benchValue)
		}
		if err := batch.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Flush(); err != nil {
		t.Fatal(err)
	}
}

func forEachBackend(b *testing.B, bench func(b *testing.B, backend state.Backend)) {
	for _, name := range []string{"memory", "pebble"} {
		b.Run(name, func(b *testing.B) {
			var backend state.Backend = memory.New()
			if name == "pebble" {
				var err error
				if backend, err = pebble.Open(b.TempDir()); err != nil {
					b.Fatal(err)
				}
			}
			fillBackend(b, backend, benchEntries)
			b.ReportAllocs()
			b.ResetTimer()
			bench(b, backend)
			b.StopTimer()
			if err := backend.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func BenchmarkBatchOf10000Sets(b *testing.B) {
	forEachBackend(b, func(b *testing.B, backend state.Backend) {
		var key []byte
		for b.Loop() {
			batch := backend.NewBatch()
			for range 10_000 {
				key = appendBenchKey(key[:0], rand.IntN(benchEntries))
				batch.Set(key, benchValue)
			}
			if err := batch.Commit(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/10_000, "ns/set")
	})
}

func BenchmarkGetHit(b *testing.B) { benchmarkGet(b, 0, benchEntries, true) }

func BenchmarkGetHotHit(b *testing.B) { benchmarkGet(b, 0, 10_000, true) }

func BenchmarkGetMiss(b *testing.B) { benchmarkGet(b, benchEntries, benchEntries, false) }

// benchmarkGet gets random entries from first on.
func benchmarkGet(b *testing.B, first, n int, want bool) {
	forEachBackend(b, func(b *testing.B, backend state.Backend) {
		var key, value []byte
		var ok bool
		var err error
		for b.Loop() {
			key = appendBenchKey(key[:0], first+rand.IntN(n))
			if value, ok, err = backend.Get(value[:0], key); ok != want || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
}

func BenchmarkScanOf1000(b *testing.B) {
	forEachBackend(b, func(b *testing.B, backend state.Backend) {
		var key []byte
		for b.Loop() {
			key = appendBenchKey(key[:0], rand.IntN(benchEntries))
			n := 0
			if err := backend.Scan(key, nil, false, func(_, _ []byte) bool {
				n++
				return n < 1000
			}); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/entry")
	})
}

func BenchmarkScanOf1(b *testing.B) {
	forEachBackend(b, func(b *testing.B, backend state.Backend) {
		var key []byte
		for b.Loop() {
			key = appendBenchKey(key[:0], rand.IntN(benchEntries))
			if err := backend.Scan(key, nil, false, func(_, _ []byte) bool { return false }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
