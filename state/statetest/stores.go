package statetest

import (
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

var storeChecks = []check{
	{"a key-value store agrees with a map, whatever is rolled back, flushed, checkpointed or lost", func(t *testing.T, b state.Backend) {
		runStore(t, b, func(o state.Options) driven {
			s := state.NewKeyValue("kv", serde.String(), serde.Int64(), o)
			return driven{
				lifecycle: s.Lifecycle(),
				get: func(key string, _ int64) (int64, int64, bool, error) {
					return s.GetTimestamped(key)
				},
				put:    func(key string, _, value, ts int64) error { return s.PutTimestamped(key, value, ts) },
				remove: func(key string, _ int64) error { _, _, err := s.Delete(key); return err },
				all:    func() iter.Seq2[string, error] { return rows(s.All(), func(k string) string { return k + "@0" }) },
			}
		}, 1)
	}},
	{"a window store agrees with a map, whatever is rolled back, flushed, checkpointed or lost", func(t *testing.T, b state.Backend) {
		runStore(t, b, func(o state.Options) driven {
			s := state.NewWindow("window", 1<<40, serde.String(), serde.Int64(), o)
			return driven{
				lifecycle: s.Lifecycle(),
				get:       s.Fetch,
				put:       func(key string, start, value, ts int64) error { return s.Put(key, start, value, ts) },
				remove: func(key string, start int64) error {
					e, err := s.Lookup(key, start)
					if err != nil || e == nil {
						return err
					}
					return s.Remove(e, 0, nil)
				},
				all: func() iter.Seq2[string, error] {
					return rows(s.FetchAll(0, 1<<40), func(w state.Windowed[string]) string { return fmt.Sprintf("%s@%d", w.Key, w.Start) })
				},
			}
		}, 5)
	}},
}

// driven is a store as the random test drives it.
type driven struct {
	lifecycle state.Lifecycle
	get       func(key string, start int64) (value, ts int64, ok bool, err error)
	put       func(key string, start, value, ts int64) error
	remove    func(key string, start int64) error
	all       func() iter.Seq2[string, error]
	// find returns the rows of a key that end at from or later and start at to or
	// earlier, in a store of rows that have an end; nil in any other.
	find func(key string, from, to int64) iter.Seq2[string, error]
	end  func(start int64) int64
}

// rows renders the rows of a scan.
func rows[K any](seq iter.Seq2[state.Item[K, int64], error], key func(K) string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for item, err := range seq {
			if !yield(fmt.Sprintf("%s=%d/%d", key(item.Key), item.Value, item.Timestamp), err) {
				return
			}
		}
	}
}

type storeKey struct {
	key   string
	start int64
}

type storeValue struct{ value, ts int64 }

// storeTest is a store, the model that it is compared with, and the changelog
// that it is rebuilt from.
type storeTest struct {
	t       *testing.T
	r       *rand.Rand
	open    func(state.Options) driven
	space   state.Space
	caching bool
	starts  int64

	outbox record.Outbox
	store  driven
	model  map[storeKey]storeValue
	log    []*record.Batch
	// committed is the model at the last commit; changelog holds everything logged
	// up to it.
	committed map[storeKey]storeValue
	changelog []record.Output
}

func runStore(t *testing.T, b state.Backend, open func(state.Options) driven, starts int64) {
	for _, caching := range []bool{true, false} {
		directory, err := state.OpenDirectory(b)
		if err != nil {
			t.Fatal(err)
		}
		space, err := directory.Space(fmt.Sprint("store", caching), 3)
		if err != nil {
			t.Fatal(err)
		}
		s := &storeTest{
			t: t, r: rand.New(rand.NewPCG(newSeed(t), 1)), open: open, space: space, caching: caching, starts: starts,
			model: map[storeKey]storeValue{}, committed: map[storeKey]storeValue{},
		}
		s.reopen()
		for step := 0; step < 3000 && !t.Failed(); step++ {
			s.step()
		}
	}
}

func (s *storeTest) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *storeTest) step() {
	switch n := s.r.IntN(100); {
	case n < 60:
		s.unit()
	case n < 80:
		s.compareOne()
	case n < 85:
		s.compareFound()
	case n < 90:
		s.compareAll()
	case n < 96:
		s.commit()
	case n < 98:
		s.commit()
		s.checkpoint()
	default:
		s.crash()
	}
}

// unit makes a few writes as one unit of work and sometimes takes them back.
func (s *storeTest) unit() {
	s.store.lifecycle.Mark()
	mark := s.outbox.Mark()
	before := maps.Clone(s.model)
	k := s.key()
	for range 1 + s.r.IntN(4) {
		if s.r.IntN(2) == 0 {
			k = s.key()
		}
		if s.r.IntN(4) == 0 {
			s.must(s.store.remove(k.key, k.start))
			delete(s.model, k)
			continue
		}
		v := storeValue{s.r.Int64N(1000), s.r.Int64N(1000)}
		s.must(s.store.put(k.key, k.start, v.value, v.ts))
		s.model[k] = v
	}
	if s.r.IntN(3) == 0 {
		s.outbox.Rollback(mark)
		s.store.lifecycle.Rollback()
		s.model = before
	}
}

func (s *storeTest) key() storeKey {
	return storeKey{numberedKey(s.r.IntN(keys)), s.r.Int64N(s.starts) * 10}
}

// keys is how many keys the random test has.
const keys = 60

func numberedKey(n int) string { return fmt.Sprintf("k%02d", n) }

func (s *storeTest) compareOne() {
	k := s.key()
	value, ts, ok, err := s.store.get(k.key, k.start)
	s.must(err)
	if want, has := s.model[k]; ok != has || ok && (value != want.value || ts != want.ts) {
		s.t.Errorf("%v is %d/%d (%v), want %d/%d (%v)", k, value, ts, ok, want.value, want.ts, has)
	}
}

func (s *storeTest) compareAll() {
	keys := slices.Collect(maps.Keys(s.model))
	slices.SortFunc(keys, func(a, b storeKey) int {
		if a.start != b.start {
			return int(a.start - b.start)
		}
		if a.key < b.key {
			return -1
		}
		return 1
	})
	var want, have []string
	for _, k := range keys {
		want = append(want, fmt.Sprintf("%s@%d=%d/%d", k.key, k.start, s.model[k].value, s.model[k].ts))
	}
	for row, err := range s.store.all() {
		s.must(err)
		have = append(have, row)
	}
	if !slices.Equal(have, want) {
		s.t.Errorf("the rows are\n%v\nwant\n%v", have, want)
	}
}

// commit flushes and makes everything so far count.
func (s *storeTest) commit() {
	for {
		logged, err := s.store.lifecycle.FlushLog()
		s.must(err)
		if !logged {
			break
		}
		s.must(s.store.lifecycle.FlushForward())
	}
	s.log = s.outbox.Take(s.log[:0])
	for _, batch := range s.log {
		s.changelog = append(s.changelog, batch.Outputs...)
	}
	s.committed = maps.Clone(s.model)
}

func (s *storeTest) checkpoint() {
	b := s.space.NewBatch()
	s.must(s.store.lifecycle.Checkpoint(b))
	s.space.SetPosition(b, state.Position{Offset: int64(len(s.changelog))})
	if s.r.IntN(2) == 0 {
		s.unit() // while the batch is on its way, which it must not be part of
	}
	s.must(b.Commit())
	s.store.lifecycle.Checkpointed()
}

// crash loses everything in memory and rebuilds the store from the backend and
// the rest of the changelog.
func (s *storeTest) crash() {
	s.outbox = record.Outbox{}
	s.model = maps.Clone(s.committed)
	s.reopen()
}

func (s *storeTest) reopen() {
	s.store = s.open(state.Options{
		Space: s.space, Caching: s.caching, Capacity: 4 << 10,
		Log: &state.Changelog{Outbox: &s.outbox, Topic: "changelog", Partition: 3, Number: 1},
	})
	at, _, err := s.space.Position()
	s.must(err)
	b := s.space.NewBatch()
	s.must(state.Replay(s.store.lifecycle, b, replayed(s.changelog[at.Offset:])))
	s.space.SetPosition(b, state.Position{Offset: int64(len(s.changelog))})
	s.must(b.Commit())
}

// replayed are outputs as they are read again.
func replayed(outputs []record.Output) iter.Seq[record.Raw] {
	return func(yield func(record.Raw) bool) {
		for _, out := range outputs {
			if !yield(record.Raw{Key: out.Key, Value: out.Value, Headers: out.Headers, Timestamp: out.Timestamp}) {
				return
			}
		}
	}
}
