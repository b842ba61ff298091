package statetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/tidemill/tidemill/state"
)

// session is one that was put and neither removed nor taken.
type session struct {
	end, start int64
	key        string
}

func (s session) String() string { return fmt.Sprintf("%s[%d,%d]", s.key, s.start, s.end) }

// ending is a store of sessions and what must be in it, in the order in which they
// end.
type ending struct {
	*spanTest
	sessions *state.Session[string, int64]
	live     []session
	removed  []session
}

// endsInOrder puts and removes sessions while time goes on, and takes those that
// have ended. Halfway the store is closed and opened again.
func endsInOrder(t *testing.T, b state.Backend) {
	const until = 6000
	s := ending{spanTest: newSpanTest(t, b)}
	s.open(0)
	for now := int64(0); now < until && !t.Failed(); now++ {
		if s.r.IntN(20) == 0 {
			s.checkpointed(s.sessions)
		}
		if now == until/2 {
			s.checkpointed(s.sessions)
			s.open(now - 1)
		}
		s.change(now)
		var want []string
		s.live = slices.DeleteFunc(s.live, func(one session) bool {
			if one.end < now {
				want = append(want, one.String())
			}
			return one.end < now
		})
		if got := takeEnded(t, s.sessions, now); !slices.Equal(got, want) {
			t.Errorf("at %d, the sessions %v have ended, want %v", now, got, want)
		}
	}
}

func (s *ending) open(from int64) {
	s.sessions = s.spanTest.open(1 << 40)
	if err := s.sessions.TrackEnds(from); err != nil {
		s.t.Fatal(err)
	}
}

// change puts a few sessions that end later, and removes one or puts it again.
func (s *ending) change(now int64) {
	s.t.Helper()
	for range s.r.IntN(3) {
		end := now + s.r.Int64N(200)
		s.put(session{end, min(end, now+s.r.Int64N(10)), fmt.Sprintf("k%d", s.r.IntN(20))})
	}
	if len(s.live) > 0 && s.r.IntN(2) == 0 {
		i := s.r.IntN(len(s.live))
		one := s.live[i]
		e, err := s.sessions.Lookup(one.key, one.start, one.end)
		if err == nil {
			err = s.sessions.Remove(e, now, nil)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.live, s.removed = slices.Delete(s.live, i, i+1), append(s.removed, one)
	}
	s.removed = slices.DeleteFunc(s.removed, func(one session) bool {
		again := one.end >= now && s.r.IntN(20) == 0
		if again {
			s.put(one)
		}
		return again || one.end < now
	})
}

func (s *ending) put(one session) {
	s.t.Helper()
	if err := s.sessions.Put(one.key, one.start, one.end, 1, one.end); err != nil {
		s.t.Fatal(err)
	}
	if i, found := slices.BinarySearchFunc(s.live, one, session.compare); !found {
		s.live = slices.Insert(s.live, i, one)
	}
}

func takeEnded(t *testing.T, sessions *state.Session[string, int64], before int64) (taken []string) {
	t.Helper()
	for {
		e, err := sessions.TakeEnded(before)
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return taken
		}
		k := e.Key()
		taken = append(taken, session{k.End, k.Start, k.Key}.String())
	}
}
