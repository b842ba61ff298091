package statetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/state"
)

// busy is a key with a growing number of sessions, of which some are removed.
type busy struct {
	*spanTest
	sessions *state.Session[string, int64]
	have     map[session]int64
	// batch is a checkpoint on its way to the backend.
	batch state.Batch
}

// busyKey asks for the newest sessions, so that the store does not keep the others
// in memory, and for old ones now and then.
func busyKey(t *testing.T, b state.Backend) {
	s := busy{spanTest: newSpanTest(t, b), have: map[session]int64{}}
	s.sessions = s.open(1 << 40)
	for at := int64(3); at < 6000 && !t.Failed(); at++ {
		s.write(at, at)
		s.compare(at-5, at+1)
		if s.r.IntN(20) == 0 {
			s.checkpoint()
		}
		if s.r.IntN(200) == 0 {
			old := 3 + s.r.Int64N(at-2)
			if s.r.IntN(2) == 0 {
				old = max(3, at-s.r.Int64N(100))
			}
			s.compare(old, min(at, old+30))
			s.write(old, -1-at)
		}
	}
	s.compare(0, 10_000)
}

// sessionsOf are the two sessions that end at a time.
func sessionsOf(end int64) []session { return []session{{end, end - 3, "k"}, {end, end, "k"}} }

// write puts or removes sessions that end at a time.
func (s *busy) write(end, value int64) {
	s.t.Helper()
	for _, one := range sessionsOf(end) {
		if s.r.IntN(4) == 0 {
			continue
		}
		e, err := s.sessions.Lookup(one.key, one.start, one.end)
		if err == nil && s.r.IntN(4) == 0 {
			delete(s.have, one)
			err = s.sessions.Remove(e, end, nil)
		} else if err == nil {
			s.have[one] = value
			err = s.sessions.Set(e, value, end, nil)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// checkpoint begins a checkpoint, or brings the one that is under way to an end.
func (s *busy) checkpoint() {
	s.t.Helper()
	if s.batch == nil {
		s.batch = s.space.NewBatch()
		if err := s.sessions.Lifecycle().Checkpoint(s.batch); err != nil {
			s.t.Fatal(err)
		}
		return
	}
	if err := s.batch.Commit(); err != nil {
		s.t.Fatal(err)
	}
	s.sessions.Lifecycle().Checkpointed()
	s.batch = nil
}

func (s *busy) compare(from, to int64) {
	s.t.Helper()
	var got, want []string
	for item, err := range s.sessions.FetchRange("k", from, to) {
		if err != nil {
			s.t.Fatal(err)
		}
		got = append(got, fmt.Sprint(session{item.Key.End, item.Key.Start, item.Key.Key}, item.Value))
	}
	for end := max(3, from); end <= to+3; end++ {
		for _, one := range sessionsOf(end) {
			if value, ok := s.have[one]; ok && one.start <= to {
				want = append(want, fmt.Sprint(one, value))
			}
		}
	}
	if !slices.Equal(got, want) {
		s.t.Errorf("the sessions from %d to %d are\n%v\nwant\n%v", from, to, got, want)
	}
}

// compare is the order in which sessions end.
func (s session) compare(other session) int {
	return cmp.Or(cmp.Compare(s.end, other.end), cmp.Compare(s.start, other.start), cmp.Compare(s.key, other.key))
}
