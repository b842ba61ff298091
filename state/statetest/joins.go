package statetest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

var joinChecks = []check{
	{"a join window agrees with a list, whatever is rolled back, checkpointed or lost", joinWindow},
	{"a join window whose retention changes finds its rows again", changedRetention},
	{"unmatched records agree with a map, whatever is rolled back, checkpointed or lost", unmatchedRecords},
}

// joinRow is a row of the model, in the order of arrival.
type joinRow struct {
	key       string
	ts, value int64
}

type joinModel struct {
	rows   []joinRow
	latest int64
}

// joinTest is a join window and the list that it is compared with.
type joinTest struct {
	*life
	store     *state.JoinWindow[string, int64]
	retention int64
	model     joinModel
	now       int64
	puts      int64
}

func joinWindow(t *testing.T, b state.Backend) {
	for _, retention := range []int64{1, 50, 1000, 1024} {
		s := newJoinTest(t, b, retention)
		for range 4000 {
			if t.Failed() {
				return
			}
			s.unit(s.put)
			s.compare(s.now - s.r.Int64N(1+s.retention*3/2))
			s.step(s.put)
		}
	}
}

func newJoinTest(t *testing.T, b state.Backend, retention int64) *joinTest {
	s := &joinTest{life: newLife(t, b, fmt.Sprint("join", retention)), retention: retention, model: joinModel{latest: -1}}
	s.committed, s.marked = s.snapshot(), s.snapshot()
	s.life.open = func(o state.Options) state.Lifecycle {
		s.store = state.NewJoinWindow("join", s.retention, serde.String(), serde.Int64(), o)
		if latest, count := s.store.Progress(); s.r.IntN(2) == 0 {
			*latest, *count = s.model.latest, int64(len(s.model.rows))
		}
		return s.store.Lifecycle()
	}
	s.reopen()
	return s
}

// snapshot remembers the model. Rows are only ever added, so that the length will do.
func (s *joinTest) snapshot() snapshot {
	n, latest := 0, int64(-1)
	return snapshot{
		keep: func() { n, latest = len(s.model.rows), s.model.latest },
		back: func() { s.model.rows, s.model.latest = s.model.rows[:n], latest },
	}
}

// put adds a few rows, around a time that goes on.
func (s *joinTest) put() {
	s.now += s.r.Int64N(2 + s.retention/20)
	for range 1 + s.r.IntN(3) {
		row := joinRow{s.key(), max(0, s.now-s.r.Int64N(2+s.retention*5/4)), s.puts}
		s.puts++
		s.must(s.store.Put(row.key, row.value, row.ts, nil))
		if row.ts > s.model.latest-s.retention {
			s.model.rows = append(s.model.rows, row)
			s.model.latest = max(s.model.latest, row.ts)
		}
	}
}

// compare looks for the rows of a key in a range of time that begins at from.
func (s *joinTest) compare(from int64) {
	key := s.key()
	to := from + s.r.Int64N(s.retention+1)
	var want, have []string
	var found []joinRow
	for _, row := range s.model.rows {
		if row.key == key && row.ts >= from && row.ts <= to && row.ts > s.model.latest-s.retention {
			found = append(found, row)
		}
	}
	slices.SortStableFunc(found, func(a, b joinRow) int { return cmp.Compare(a.ts, b.ts) })
	for _, row := range found {
		want = append(want, fmt.Sprintf("%d@%d", row.value, row.ts))
	}
	rows, err := s.store.Fetch(key, from, to)
	s.must(err)
	for _, row := range rows {
		have = append(have, fmt.Sprintf("%d@%d", row.Value, row.Timestamp))
	}
	if !slices.Equal(have, want) {
		s.t.Errorf("retention %d: %q from %d to %d has\n%v\nwant\n%v", s.retention, key, from, to, have, want)
	}
}

func changedRetention(t *testing.T, b state.Backend) {
	s := newJoinTest(t, b, 2000)
	for range 1500 {
		s.unit(s.put)
		s.step(s.put)
	}
	s.commit()
	s.checkpoint(s.put)
	least := s.retention
	for _, retention := range []int64{4000, 300, 100000} {
		// What only a longer retention would have kept may be gone.
		least = min(least, retention)
		s.commit()
		s.retention = retention
		s.reopen()
		for range 300 {
			s.compare(s.model.latest - s.r.Int64N(least))
		}
		s.commit()
		s.checkpoint(s.put)
	}
}

// unmatchedKey is the key of records that wait. Sides are as they are written.
type unmatchedKey struct {
	ts   int64
	side int
	key  string
}

func (k unmatchedKey) compare(other unmatchedKey) int {
	return cmp.Or(cmp.Compare(k.ts, other.ts), cmp.Compare(k.side, other.side), cmp.Compare(k.key, other.key))
}

type unmatchedTest struct {
	*life
	store *state.Unmatched[string, int64, string]
	model map[unmatchedKey][]int64
	now   int64
	puts  int64
}

func unmatchedRecords(t *testing.T, b state.Backend) {
	for _, spread := range []int64{20, 20000} {
		s := &unmatchedTest{life: newLife(t, b, fmt.Sprint("unmatched", spread)), model: map[unmatchedKey][]int64{}}
		s.committed, s.marked = s.snapshot(), s.snapshot()
		s.life.open = func(o state.Options) state.Lifecycle {
			s.store = state.NewUnmatched("unmatched", serde.String(), serde.Int64(), serde.String(), o)
			return s.store.Lifecycle()
		}
		s.reopen()
		for range 6000 {
			if t.Failed() {
				return
			}
			s.unit(func() { s.change(spread) })
			if s.r.IntN(40) == 0 {
				s.unit(func() { s.due(spread) })
			}
			s.step(func() { s.change(spread) })
		}
		s.unit(func() { s.due(0) })
	}
}

func (s *unmatchedTest) snapshot() snapshot {
	kept := map[unmatchedKey][]int64{}
	return snapshot{keep: func() { kept = maps.Clone(s.model) }, back: func() { s.model = maps.Clone(kept) }}
}

// change has records wait or wait no longer, most of them in a place where there is
// something already.
func (s *unmatchedTest) change(spread int64) {
	s.now += s.r.Int64N(3)
	for range 1 + s.r.IntN(4) {
		k := unmatchedKey{max(0, s.now-s.r.Int64N(spread)), s.r.IntN(2), s.key()}
		if s.r.IntN(3) == 0 {
			for have := range s.model {
				k = have
				break
			}
		}
		if s.r.IntN(2) == 0 {
			s.add(k)
		} else {
			s.remove(k)
		}
	}
}

func (s *unmatchedTest) add(k unmatchedKey) {
	s.puts++
	if k.side == 1 {
		s.must(s.store.Left.Add(k.key, k.ts, s.puts))
	} else {
		s.must(s.store.Right.Add(k.key, k.ts, fmt.Sprint(s.puts)))
	}
	s.model[k] = append(slices.Clone(s.model[k]), s.puts)
}

func (s *unmatchedTest) remove(k unmatchedKey) {
	if k.side == 1 {
		s.must(s.store.Left.Remove(k.key, k.ts))
	} else {
		s.must(s.store.Right.Remove(k.key, k.ts))
	}
	delete(s.model, k)
}

// due hands out what has waited long enough, of each side.
func (s *unmatchedTest) due(spread int64) {
	bounds := [2]int64{s.now - s.r.Int64N(spread+1), s.now - s.r.Int64N(spread+1)}
	if spread == 0 {
		bounds[0], bounds[1] = s.now+1, s.now+1
	}
	var want, have []string
	keys := slices.SortedFunc(maps.Keys(s.model), unmatchedKey.compare)
	for _, k := range keys {
		if k.ts >= bounds[k.side] {
			continue
		}
		for _, v := range s.model[k] {
			want = append(want, fmt.Sprintf("%d %d %q %d", k.ts, k.side, k.key, v))
		}
		delete(s.model, k)
	}
	s.must(s.store.Due(bounds[1], bounds[0], func(key string, ts int64, v int64) error {
		have = append(have, fmt.Sprintf("%d 1 %q %d", ts, key, v))
		return nil
	}, func(key string, ts int64, v string) error {
		have = append(have, fmt.Sprintf("%d 0 %q %s", ts, key, v))
		return nil
	}))
	if !slices.Equal(have, want) {
		s.t.Errorf("due before %v is\n%v\nwant\n%v", bounds, have, want)
	}
}
