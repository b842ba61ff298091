package statetest

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

var spanChecks = []check{
	{"a session store agrees with a map, whatever is rolled back, flushed, checkpointed or lost", func(t *testing.T, b state.Backend) {
		runStore(t, b, drivenSessions, 40)
	}},
	{"a store of sliding windows agrees with a map, whatever is rolled back, flushed, checkpointed or lost", func(t *testing.T, b state.Backend) {
		runStore(t, b, func(o state.Options) driven { return drivenSliding(o, false) }, 40)
	}},
	{"hidden windows agree with a map too", func(t *testing.T, b state.Backend) {
		runStore(t, b, func(o state.Options) driven { return drivenSliding(o, true) }, 40)
	}},
	{"a session store returns rows in the order of their ends, each once", endsInOrder},
	{"the old rows of a busy key are found as the new ones are", busyKey},
	{"sessions expire, and are gone from the backend in the end", sessionsExpire},
}

// sessionEnd gives each start of the random test a session of another length.
func sessionEnd(start int64) int64 { return start + start*7%50 }

func drivenSessions(o state.Options) driven {
	s := state.NewSession("session", 1<<40, serde.String(), serde.Int64(), o)
	return driven{
		lifecycle: s.Lifecycle(),
		get: func(key string, start int64) (int64, int64, bool, error) {
			return s.Fetch(key, start, sessionEnd(start))
		},
		put: func(key string, start, value, ts int64) error {
			return s.Put(key, start, sessionEnd(start), value, ts)
		},
		remove: func(key string, start int64) error {
			e, err := s.Lookup(key, start, sessionEnd(start))
			if err != nil {
				return err
			}
			return s.Remove(e, 0, nil)
		},
		all:  func() iter.Seq2[string, error] { return byStart(s.FetchAll(0, math.MaxInt64)) },
		find: func(key string, from, to int64) iter.Seq2[string, error] { return byStart(s.FetchRange(key, from, to)) },
		end:  sessionEnd,
	}
}

// drivenSliding drives windows, hidden ones or others.
func drivenSliding(o state.Options, hidden bool) driven {
	const difference = 25
	s := state.NewSliding("sliding", difference, 1<<40, serde.String(), serde.Int64(), o)
	find := func(key string, from, to int64) iter.Seq2[state.Item[state.Span[string], int64], error] {
		if !hidden {
			return s.FetchRange(key, from-difference, to)
		}
		return func(yield func(state.Item[state.Span[string], int64], error) bool) {
			found, err := s.Find(key, max(0, from-difference), to)
			if err != nil {
				yield(state.Item[state.Span[string], int64]{}, err)
			}
			for _, e := range slices.Clone(found) {
				item := state.Item[state.Span[string], int64]{Key: e.Key()}
				item.Value, item.Timestamp, _ = e.Value()
				if !yield(item, nil) {
					return
				}
			}
		}
	}
	return driven{
		lifecycle: s.Lifecycle(),
		get: func(key string, start int64) (v, ts int64, ok bool, err error) {
			e, err := s.Lookup(key, start, hidden)
			if err == nil {
				v, ts, ok = e.Value()
			}
			return v, ts, ok, err
		},
		put: func(key string, start, value, ts int64) error {
			e, err := s.Lookup(key, start, hidden)
			if err != nil {
				return err
			}
			return s.Set(e, value, ts, nil)
		},
		remove: func(key string, start int64) error {
			e, err := s.Lookup(key, start, hidden)
			if err != nil {
				return err
			}
			return s.Remove(e, 0, nil)
		},
		all: func() iter.Seq2[string, error] {
			if !hidden {
				return byStart(s.FetchAll(0, math.MaxInt64))
			}
			return byStart(func(yield func(state.Item[state.Span[string], int64], error) bool) {
				for n := range keys {
					for item, err := range find(numberedKey(n), 0, math.MaxInt64) {
						if !yield(item, err) {
							return
						}
					}
				}
			})
		},
		find: func(key string, from, to int64) iter.Seq2[string, error] { return byStart(find(key, from, to)) },
		end:  func(start int64) int64 { return start + difference },
	}
}

// byStart renders the rows of a scan, ordered by start and then by key.
func byStart(seq iter.Seq2[state.Item[state.Span[string], int64], error]) iter.Seq2[string, error] {
	return rows(func(yield func(state.Item[state.Span[string], int64], error) bool) {
		var sorted []state.Item[state.Span[string], int64]
		for item, err := range seq {
			if err != nil {
				yield(item, err)
				return
			}
			sorted = append(sorted, item)
		}
		slices.SortFunc(sorted, func(a, b state.Item[state.Span[string], int64]) int {
			return cmp.Or(cmp.Compare(a.Key.Start, b.Key.Start), cmp.Compare(a.Key.Key, b.Key.Key))
		})
		for _, item := range sorted {
			if !yield(item, nil) {
				return
			}
		}
	}, func(k state.Span[string]) string { return fmt.Sprintf("%s@%d", k.Key, k.Start) })
}

// compareFound asks for the rows of one key that touch a stretch of time.
func (s *storeTest) compareFound() {
	if s.store.find == nil {
		return
	}
	key := s.key().key
	from := s.r.Int64N(s.starts * 12)
	to := from + s.r.Int64N(100)
	var want, have []string
	for _, k := range slices.SortedFunc(maps.Keys(s.model), func(a, b storeKey) int { return cmp.Compare(a.start, b.start) }) {
		if k.key == key && s.store.end(k.start) >= from && k.start <= to {
			want = append(want, fmt.Sprintf("%s@%d=%d/%d", k.key, k.start, s.model[k].value, s.model[k].ts))
		}
	}
	for row, err := range s.store.find(key, from, to) {
		s.must(err)
		have = append(have, row)
	}
	if !slices.Equal(have, want) {
		s.t.Errorf("the rows of %s from %d to %d are\n%v\nwant\n%v", key, from, to, have, want)
	}
}
