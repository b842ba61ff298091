package state_test

import (
	"fmt"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/state/memory"
	"github.com/tidemill/tidemill/state/pebble"
)

// benchStore is a store as a task has it: cached, logged, over a backend.
type benchStore struct {
	options state.Options
	outbox  *record.Outbox
	outputs []*record.Batch
}

func newBenchStore(b *testing.B, backend state.Backend, cache int) *benchStore {
	b.Helper()
	directory, err := state.OpenDirectory(backend)
	if err != nil {
		b.Fatal(err)
	}
	space, err := directory.Space("counts", 0)
	if err != nil {
		b.Fatal(err)
	}
	batch := record.NewBatch()
	outbox := &record.Outbox{New: func() *record.Batch { return batch }}
	return &benchStore{outbox: outbox, options: state.Options{
		Space: space, Caching: true, Capacity: cache,
		Log: &state.Changelog{Outbox: outbox, Topic: "changelog", Number: 1},
	}}
}

func onDisk(b *testing.B) state.Backend {
	b.Helper()
	backend, err := pebble.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := backend.Close(); err != nil {
			b.Error(err)
		}
	})
	return backend
}

// flush logs all that was written, as a commit does, and returns how much it was.
func (s *benchStore) flush(b *testing.B, l state.Lifecycle) (n int) {
	for {
		s.outbox.Mark()
		more, err := l.FlushLog()
		if err != nil {
			b.Fatal(err)
		}
		if !more {
			break
		}
		if err := l.FlushForward(); err != nil {
			b.Fatal(err)
		}
		if n++; n%128 == 0 {
			s.acknowledge()
		}
	}
	s.acknowledge()
	return n
}

// acknowledge empties the outbox.
func (s *benchStore) acknowledge() {
	s.outputs = s.outbox.Take(s.outputs[:0])
	for _, batch := range s.outputs {
		batch.Reset()
	}
}

func (s *benchStore) checkpoint(b *testing.B, l state.Lifecycle) {
	batch := s.options.Space.NewBatch()
	if err := l.Checkpoint(batch); err != nil {
		b.Fatal(err)
	}
	if err := batch.Commit(); err != nil {
		b.Fatal(err)
	}
	l.Checkpointed()
}

func benchKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%08d", (i*7919)%n)
	}
	return keys
}

func add(b *testing.B, s *state.KeyValue[string, int64], key string) {
	e, err := s.Lookup(key)
	if err != nil {
		b.Fatal(err)
	}
	n, _, _ := e.Value()
	if err := s.Set(e, n+1, 1, nil); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkKeyValueHotUpdate is the count of a key that the cache holds.
func BenchmarkKeyValueHotUpdate(b *testing.B) {
	for _, n := range []int{1, 10_000, 100_000} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			bench := newBenchStore(b, memory.New(), 64<<20)
			s := state.NewKeyValue("counts", serde.String(), serde.Int64(), bench.options)
			keys := benchKeys(n)
			for _, key := range keys {
				add(b, s, key)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				add(b, s, keys[i])
				if i++; i == n {
					i = 0
				}
			}
		})
	}
}

// BenchmarkKeyValueMiss reads a row that the cache does not hold.
func BenchmarkKeyValueMiss(b *testing.B) {
	const rows = 100_000
	for _, backend := range []struct {
		name string
		open func(*testing.B) state.Backend
	}{
		{"memory", func(*testing.B) state.Backend { return memory.New() }},
		{"pebble", onDisk},
	} {
		b.Run(backend.name, func(b *testing.B) {
			bench := newBenchStore(b, backend.open(b), 64<<10)
			s := state.NewKeyValue("counts", serde.String(), serde.Int64(), bench.options)
			keys := benchKeys(rows)
			for _, key := range keys {
				add(b, s, key)
			}
			bench.flush(b, s.Lifecycle())
			bench.checkpoint(b, s.Lifecycle())
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, ok, err := s.Get(keys[i]); err != nil || !ok {
					b.Fatal(ok, err)
				}
				if i++; i == rows {
					i = 0
				}
			}
		})
	}
}

// BenchmarkKeyValueFlush logs 10,000 changed rows; the time is per row.
func BenchmarkKeyValueFlush(b *testing.B) {
	bench := newBenchStore(b, memory.New(), 64<<20)
	s := state.NewKeyValue("counts", serde.String(), serde.Int64(), bench.options)
	forwarded := 0
	s.OnWrite(func(*state.Written[string, int64]) error {
		forwarded++
		return nil
	})
	perRow(b, benchKeys(10_000), func(key string) { add(b, s, key) }, func() {
		if n := bench.flush(b, s.Lifecycle()); n != 10_000 {
			b.Fatalf("flushed %d rows", n)
		}
	})
	if forwarded == 0 {
		b.Error("nothing was forwarded")
	}
}

// BenchmarkKeyValueCheckpoint writes 10,000 changed rows to the backend; the time
// is per row.
func BenchmarkKeyValueCheckpoint(b *testing.B) {
	bench := newBenchStore(b, onDisk(b), 64<<20)
	s := state.NewKeyValue("counts", serde.String(), serde.Int64(), bench.options)
	change := func(key string) { add(b, s, key) }
	perRow(b, benchKeys(10_000), change, func() { bench.checkpoint(b, s.Lifecycle()) })
}

// perRow measures work on changed rows, without the changing of them.
func perRow(b *testing.B, keys []string, change func(string), work func()) {
	b.ReportAllocs()
	rows := 0
	for rows < b.N {
		b.StopTimer()
		for _, key := range keys {
			change(key)
		}
		b.StartTimer()
		work()
		rows += len(keys)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(rows), "ns/row")
	b.ReportMetric(0, "ns/op") // b.N is rounded up to whole rounds
}

// BenchmarkWindowHotUpdate is the count of a key in a window that the cache holds.
func BenchmarkWindowHotUpdate(b *testing.B) {
	const minute = 60_000
	bench := newBenchStore(b, memory.New(), 64<<20)
	s := state.NewWindow("counts", 10*minute, serde.String(), serde.Int64(), bench.options)
	keys := benchKeys(10_000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		n, _, _, err := s.Fetch(keys[i], minute)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Put(keys[i], minute, n+1, minute); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(keys) {
			i = 0
		}
	}
}

// BenchmarkWindowNewRow is the first count of a key in each window, with the
// commit, the checkpoint and the expiry of old windows that this leads to.
func BenchmarkWindowNewRow(b *testing.B) {
	const minute = 60_000
	bench := newBenchStore(b, onDisk(b), 64<<20)
	s := state.NewWindow("counts", 10*minute, serde.String(), serde.Int64(), bench.options)
	keys := benchKeys(10_000)
	b.ReportAllocs()
	i, start := 0, int64(0)
	for b.Loop() {
		if err := s.Put(keys[i], start, 1, start); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(keys) {
			i, start = 0, start+minute
			bench.flush(b, s.Lifecycle())
			bench.checkpoint(b, s.Lifecycle())
		}
	}
}

// BenchmarkVersionedPut puts the next version of a key, with the commit, the
// checkpoint and the expiry of old versions that this leads to.
func BenchmarkVersionedPut(b *testing.B) {
	const minute = 60_000
	bench := newBenchStore(b, onDisk(b), 64<<20)
	s := state.NewVersioned("prices", 10*minute, serde.String(), serde.Int64(), bench.options)
	keys := benchKeys(10_000)
	b.ReportAllocs()
	i, ts := 0, int64(0)
	for b.Loop() {
		if _, _, err := s.Put(keys[i], ts, ts); err != nil {
			b.Fatal(err)
		}
		if i++; i%128 == 0 {
			bench.acknowledge()
		}
		if i == len(keys) {
			i, ts = 0, ts+minute
			bench.flush(b, s.Lifecycle())
			bench.checkpoint(b, s.Lifecycle())
		}
	}
}

// BenchmarkVersionedAsOf looks a version up that is so many versions back, in what
// the cache holds and in what it does not.
func BenchmarkVersionedAsOf(b *testing.B) {
	for _, cache := range []int{64 << 20, 256 << 10} {
		for _, back := range []int64{0, 1, 5, 50} {
			b.Run(fmt.Sprintf("cache=%d/back=%d", cache, back), func(b *testing.B) {
				bench := newBenchStore(b, onDisk(b), cache)
				s := state.NewVersioned("prices", 1000, serde.String(), serde.Int64(), bench.options)
				keys := benchKeys(1000)
				for ts := range int64(100) {
					for _, key := range keys {
						if _, _, err := s.Put(key, ts, ts); err != nil {
							b.Fatal(err)
						}
					}
					bench.flush(b, s.Lifecycle())
				}
				bench.checkpoint(b, s.Lifecycle())
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					if v, ok, err := s.GetAsOf(keys[i], 99-back); err != nil || !ok || v.Value != 99-back {
						b.Fatal(v, ok, err)
					}
					if i++; i == len(keys) {
						i = 0
					}
				}
			})
		}
	}
}
