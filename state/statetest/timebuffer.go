package statetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

var timeBufferChecks = []check{
	{"a time buffer gives records back in order, whatever is rolled back, checkpointed or lost", func(t *testing.T, b state.Backend) {
		for _, burst := range []int{3, 900} {
			t.Run(fmt.Sprint("bursts of ", burst), func(t *testing.T) { runTimeBuffer(t, b, burst) })
		}
	}},
}

// kept is one record of the model, in the order of the buffer.
type kept struct {
	ts    int64
	key   string
	came  int
	value string
}

func (k kept) compare(other kept) int {
	return cmp.Or(cmp.Compare(k.ts, other.ts), strings.Compare(k.key, other.key), cmp.Compare(k.came, other.came))
}

// timeBufferTest is a buffer, the sorted list that it is compared with, and the changelog
// that it is rebuilt from.
type timeBufferTest struct {
	t     *testing.T
	r     *rand.Rand
	space state.Space
	burst int

	outbox record.Outbox
	store  *state.TimeBuffer[string, string]
	model  []kept
	came   int
	now    int64
	// committed is the model at the last commit; changelog holds everything logged
	// up to it.
	committed []kept
	changelog []record.Output
}

func runTimeBuffer(t *testing.T, b state.Backend, burst int) {
	directory, err := state.OpenDirectory(b)
	if err != nil {
		t.Fatal(err)
	}
	space, err := directory.Space(fmt.Sprint("buffer", burst), 3)
	if err != nil {
		t.Fatal(err)
	}
	s := &timeBufferTest{t: t, r: rand.New(rand.NewPCG(newSeed(t), 1)), space: space, burst: burst}
	s.reopen()
	for puts := 0; puts < 1500+30*burst && !t.Failed(); puts = s.came {
		s.step()
	}
}

func (s *timeBufferTest) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *timeBufferTest) step() {
	switch n := s.r.IntN(100); {
	case n < 70:
		s.unit()
	case n < 80:
		s.compareAll()
	case n < 90:
		s.commit()
	case n < 95:
		s.commit()
		s.checkpoint()
	case n < 99:
		s.crash()
	default:
		s.must(s.space.Clear())
		s.crash()
	}
}

// unit puts some records and takes those that are due, as one unit of work, and
// sometimes takes that back.
func (s *timeBufferTest) unit() {
	s.store.Lifecycle().Mark()
	mark := s.outbox.Mark()
	before := slices.Clone(s.model)
	for range s.r.IntN(s.burst) {
		s.put()
	}
	for range s.r.IntN(2 * s.burst) {
		if !s.take(s.now - s.r.Int64N(40)) {
			break
		}
	}
	if s.r.IntN(4) == 0 {
		s.outbox.Rollback(mark)
		s.store.Lifecycle().Rollback()
		s.model = before
	}
}

func (s *timeBufferTest) put() {
	s.came++
	s.now += s.r.Int64N(2) * s.r.Int64N(10)
	k := kept{max(s.now-s.r.Int64N(100), 0), []string{"", "a", "ab", "b", "\xff"}[s.r.IntN(5)], s.came, fmt.Sprint("v", s.came)}
	s.must(s.store.Put(
		record.Record[string, string]{Key: k.key, Value: k.value, Timestamp: k.ts, Headers: record.Headers{{Key: "came", Value: []byte(k.value)}}},
		record.Metadata{Topic: "topic", Partition: 3, Offset: int64(k.came)},
	))
	i, _ := slices.BinarySearchFunc(s.model, k, kept.compare)
	s.model = slices.Insert(s.model, i, k)
}

// take takes the first record if it is due, and reports whether it was.
func (s *timeBufferTest) take(until int64) bool {
	have, ok, err := s.store.First(until)
	s.must(err)
	due := len(s.model) > 0 && s.model[0].ts <= until
	if ok != due {
		s.t.Errorf("First(%d) = %+v, %v; want %v of %v", until, have, ok, due, s.model)
	}
	if !ok || !due {
		return false
	}
	want := s.model[0]
	came, _ := have.Headers.Get("came")
	if have.Key != want.key || have.Value != want.value || have.Timestamp != want.ts || string(came) != want.value ||
		have.Source != (record.Metadata{Topic: "topic", Partition: 3, Offset: int64(want.came)}) {
		s.t.Errorf("First(%d) = %+v, want %+v", until, have, want)
	}
	s.must(s.store.RemoveFirst())
	s.model = s.model[1:]
	return true
}

func (s *timeBufferTest) compareAll() {
	var have []string
	for item, err := range s.store.All() {
		s.must(err)
		have = append(have, fmt.Sprintf("%s=%s@%d", item.Key, item.Value, item.Timestamp))
	}
	var want []string
	for _, k := range s.model {
		want = append(want, fmt.Sprintf("%s=%s@%d", k.key, k.value, k.ts))
	}
	if !slices.Equal(have, want) {
		s.t.Errorf("%d records wait, want %d:\n%v\n%v", len(have), len(want), have, want)
	}
}

func (s *timeBufferTest) commit() {
	if more, err := s.store.Lifecycle().FlushLog(); more || err != nil {
		s.t.Errorf("FlushLog = %v, %v; everything should have been logged", more, err)
	}
	for _, batch := range s.outbox.Take(nil) {
		s.changelog = append(s.changelog, batch.Outputs...)
	}
	s.committed = slices.Clone(s.model)
}

func (s *timeBufferTest) checkpoint() {
	b := s.space.NewBatch()
	s.must(s.store.Lifecycle().Checkpoint(b))
	s.space.SetPosition(b, state.Position{Offset: int64(len(s.changelog))})
	if s.r.IntN(2) == 0 {
		s.unit() // while the batch is on its way, which it must not be part of
	}
	s.must(b.Commit())
	s.store.Lifecycle().Checkpointed()
}

func (s *timeBufferTest) crash() {
	s.outbox = record.Outbox{}
	s.model = slices.Clone(s.committed)
	s.reopen()
}

func (s *timeBufferTest) reopen() {
	s.store = state.NewTimeBuffer("buffer", serde.String(), serde.String(), state.Options{
		Space: s.space, Caching: true, Capacity: 4 << 10,
		Log: &state.Changelog{Outbox: &s.outbox, Topic: "changelog", Partition: 3, Number: 1},
	})
	at, _, err := s.space.Position()
	s.must(err)
	b := s.space.NewBatch()
	s.must(state.Replay(s.store.Lifecycle(), b, replayed(s.changelog[at.Offset:])))
	s.space.SetPosition(b, state.Position{Offset: int64(len(s.changelog))})
	s.must(b.Commit())
}
