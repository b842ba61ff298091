package statetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

var bufferChecks = []check{
	{"a buffer agrees with a sorted list, whatever is rolled back, flushed, checkpointed, lost or compacted", func(t *testing.T, b state.Backend) {
		t.Run("of rows with times of their own", func(t *testing.T) { runBuffer(t, b, nil) })
		t.Run("of rows whose times follow from their keys", func(t *testing.T) { runBuffer(t, b, timeOfKey) })
	}},
	{"a buffer of more rows than fit into memory gives them up in order", spilledBuffer},
}

// timeOfKey makes the times of keys collide.
func timeOfKey(key string) int64 { return int64(len(key)) * 10 }

// heldRow is a row of a buffer as the test knows it.
type heldRow struct {
	prior, old, new string
	time, ts        int64
}

func (r heldRow) String() string {
	return fmt.Sprintf("%s>%s>%s due %d at %d", r.prior, r.old, r.new, r.time, r.ts)
}

// bufferTest is a buffer, the model that it is compared with, and the changelog that
// it is rebuilt from.
type bufferTest struct {
	t        *testing.T
	r        *rand.Rand
	space    state.Space
	timeOf   func(string) int64
	measured bool

	outbox record.Outbox
	store  *state.Buffer[string, string]
	model  map[string]heldRow
	// due are rows that the next flush takes out.
	due int
	// committed is the model at the last commit; changelog holds everything logged up
	// to it.
	committed map[string]heldRow
	changelog []record.Output
}

func runBuffer(t *testing.T, b state.Backend, timeOf func(string) int64) {
	directory, err := state.OpenDirectory(b)
	if err != nil {
		t.Fatal(err)
	}
	space, err := directory.Space(t.Name(), 3)
	if err != nil {
		t.Fatal(err)
	}
	s := &bufferTest{t: t, r: rand.New(rand.NewPCG(newSeed(t), 1)), space: space, timeOf: timeOf, model: map[string]heldRow{}}
	s.reopen()
	for step := 0; step < 2500 && !t.Failed(); step++ {
		switch n := s.r.IntN(100); {
		case n < 70:
			s.unit()
		case n < 80:
			s.compare()
		case n < 93:
			s.commit()
		case n < 97:
			s.commit()
			s.checkpoint()
		case n < 99:
			s.crash()
		default:
			s.compact()
			must(t, space.Clear())
			s.crash()
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unit makes a few changes as one unit of work and sometimes takes them back.
func (s *bufferTest) unit() {
	s.store.Lifecycle().Mark()
	mark := s.outbox.Mark()
	before := maps.Clone(s.model)
	for range 1 + s.r.IntN(6) {
		if s.r.IntN(3) > 0 {
			s.put()
		} else {
			s.take()
		}
	}
	if s.r.IntN(4) == 0 {
		s.outbox.Rollback(mark)
		s.store.Lifecycle().Rollback()
		s.model = before
	}
}

func (s *bufferTest) put() {
	key := fmt.Sprintf("%0*d", 1+s.r.IntN(4), s.r.IntN(90))
	row, had := s.model[key]
	old, next := s.text(), s.text()
	ts := s.r.Int64N(300)
	must(s.t, s.store.Put(key, state.Held[string]{
		Old: old, HasOld: old != "", New: next, HasNew: next != "", Time: ts, Timestamp: ts,
		Source: record.Metadata{Topic: "in", Offset: 1}, Headers: record.Headers{{Key: "h", Value: []byte(next)}},
	}))
	switch {
	case had:
	case s.timeOf != nil:
		row.prior, row.time = old, s.timeOf(key)
	default:
		row.prior, row.time = old, ts
	}
	row.old, row.new, row.ts = old, next, ts
	s.model[key] = row
}

func (s *bufferTest) text() string {
	return "vvvv"[:s.r.IntN(4)]
}

// first is the key of the first row of the model, or empty.
func (s *bufferTest) first() string {
	keys := s.sorted()
	if len(keys) == 0 {
		return ""
	}
	return keys[0]
}

func (s *bufferTest) sorted() []string {
	return slices.SortedFunc(maps.Keys(s.model), func(a, b string) int {
		if s.model[a].time != s.model[b].time {
			return int(s.model[a].time - s.model[b].time)
		}
		return slices.Compare([]byte(a), []byte(b))
	})
}

// take takes the first row out if it is due at a random time.
func (s *bufferTest) take() {
	until := s.r.Int64N(200)
	key, held, ok, err := s.store.Next(until)
	must(s.t, err)
	want := s.first()
	row, has := s.model[want]
	if has = has && row.time <= until; ok != has || ok && (key != want || heldOf(held) != row) {
		s.t.Errorf("the first row until %d is %s %v (%v), want %s %v (%v)", until, key, heldOf(held), ok, want, row, has)
	}
	if ok && (held.HasNew != (held.New != "") || string(held.Headers[0].Value) != held.New || held.Source.Topic != "in") {
		s.t.Errorf("the row of %s is %+v", key, held)
	}
	delete(s.model, key)
}

func heldOf(h state.Held[string]) heldRow {
	return heldRow{prior: h.Prior, old: h.Old, new: h.New, time: h.Time, ts: h.Timestamp}
}

func (s *bufferTest) compare() {
	key := fmt.Sprintf("%0*d", 1+s.r.IntN(4), s.r.IntN(90))
	prior, _, held, err := s.store.Prior(key)
	must(s.t, err)
	if row, has := s.model[key]; held != has || prior != row.prior {
		s.t.Errorf("Prior(%s) = %q, %v; want %q, %v", key, prior, held, row.prior, has)
	}
	if rows, bytes := s.store.Size(); s.measured && (rows != int64(len(s.model)) || bytes != s.bytes()) {
		s.t.Errorf("the buffer has %d rows and %d bytes, want %d and %d", rows, bytes, len(s.model), s.bytes())
	}
}

// bytes is what the rows count for: key, values, two texts and five numbers.
func (s *bufferTest) bytes() (n int64) {
	for key, row := range s.model {
		n += int64(len(key) + len(row.prior) + len(row.new) + len("in") + len("h") + len(row.new) + 3*8 + 4)
		if row.old != row.prior {
			n += int64(len(row.old))
		}
	}
	return n
}

// commit flushes, with some rows taken out by it, and makes everything so far count.
func (s *bufferTest) commit() {
	s.due = s.r.IntN(3)
	for {
		logged, err := s.store.Lifecycle().FlushLog()
		must(s.t, err)
		if !logged {
			break
		}
		s.store.Lifecycle().Mark()
		must(s.t, s.store.Lifecycle().FlushForward())
	}
	for _, batch := range s.outbox.Take(nil) {
		s.changelog = append(s.changelog, batch.Outputs...)
	}
	s.committed = maps.Clone(s.model)
}

// next takes a row out during a flush.
func (s *bufferTest) next() (bool, error) {
	if s.due--; s.due < 0 || len(s.model) == 0 {
		return false, nil
	}
	s.take()
	return true, nil
}

func (s *bufferTest) checkpoint() {
	b := s.space.NewBatch()
	must(s.t, s.store.Lifecycle().Checkpoint(b))
	s.space.SetPosition(b, state.Position{Offset: int64(len(s.changelog))})
	if s.r.IntN(2) == 0 {
		s.unit() // while the batch is on its way, which it must not be part of
	}
	must(s.t, b.Commit())
	s.store.Lifecycle().Checkpointed()
	if pinned := s.store.Lifecycle().Pinned(); pinned > 20_000 {
		s.t.Errorf("%d bytes are pinned behind a checkpoint", pinned)
	}
}

// compact keeps the last record of each key in the changelog.
func (s *bufferTest) compact() {
	last := map[string]int{}
	for i, out := range s.changelog {
		last[string(out.Key)] = i
	}
	var kept []record.Output
	for i, out := range s.changelog {
		if last[string(out.Key)] == i {
			kept = append(kept, out)
		}
	}
	s.changelog = kept
}

// crash loses everything in memory and rebuilds the buffer from the backend and the
// rest of the changelog.
func (s *bufferTest) crash() {
	s.outbox = record.Outbox{}
	s.model = map[string]heldRow{}
	maps.Copy(s.model, s.committed)
	s.reopen()
}

func (s *bufferTest) reopen() {
	s.store = state.NewBuffer("buffer", serde.String(), serde.String(), s.timeOf, state.Options{
		Space: s.space, Capacity: 4 << 10,
		Log: &state.Changelog{Outbox: &s.outbox, Topic: "changelog", Partition: 3, Number: 1},
	})
	s.store.OnFlush(s.next, func() error { return nil })
	at, _, err := s.space.Position()
	must(s.t, err)
	for _, part := range halves(s.changelog[at.Offset:]) {
		b := s.space.NewBatch()
		must(s.t, state.Replay(s.store.Lifecycle(), b, replayed(part)))
		s.space.SetPosition(b, state.Position{Offset: int64(len(s.changelog))})
		must(s.t, b.Commit())
	}
	if s.measured = s.r.IntN(2) == 0; s.measured {
		must(s.t, s.store.Measure(true))
	}
}

func halves[T any](all []T) [][]T { return [][]T{all[:len(all)/2], all[len(all)/2:]} }

// spilledBuffer fills a buffer in random order, with checkpoints, so that nearly all of
// it is in the backend only, and empties it.
func spilledBuffer(t *testing.T, backend state.Backend) {
	for i, timeOf := range []func(int64) int64{nil, func(key int64) int64 { return key / 3 }} {
		directory, err := state.OpenDirectory(backend)
		must(t, err)
		space, err := directory.Space(fmt.Sprint("spilled", i), 0)
		must(t, err)
		s := state.NewBuffer("buffer", serde.Int64(), serde.Int64(), timeOf, state.Options{Space: space, Capacity: 8 << 10})
		const rows = 5000
		for n, key := range rand.New(rand.NewPCG(newSeed(t), 2)).Perm(rows) {
			must(t, s.Put(int64(key), state.Held[int64]{New: int64(key), HasNew: true, Time: int64(key) / 3}))
			if n%500 == 499 {
				checkpointed(t, s)
			}
		}
		for key := range int64(rows) {
			got, row, ok, err := s.Next(rows)
			if got != key || row.New != key || !ok || err != nil {
				t.Fatalf("row %d is %d=%d, %v, %v", key, got, row.New, ok, err)
			}
			if key%1000 == 999 {
				checkpointed(t, s)
			}
		}
		if _, _, ok, err := s.Next(rows); ok || err != nil {
			t.Errorf("there is a row more, %v", err)
		}
		checkpointed(t, s)
		if left := scan(t, backend, nil, nil, false); len(left) > i+1 {
			t.Errorf("the backend still holds %d pairs", len(left))
		}
	}
}

func checkpointed[K, V any](t *testing.T, s *state.Buffer[K, V]) {
	for more := true; more; {
		var err error
		more, err = s.Lifecycle().FlushLog()
		must(t, err)
	}
	batch := s.Lifecycle().Space().NewBatch()
	must(t, s.Lifecycle().Checkpoint(batch))
	must(t, batch.Commit())
	s.Lifecycle().Checkpointed()
}
