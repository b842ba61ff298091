package statetest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/state"
)

// spanTest makes session stores over one space.
type spanTest struct {
	t      *testing.T
	r      *rand.Rand
	space  state.Space
	outbox record.Outbox
}

func newSpanTest(t *testing.T, b state.Backend) *spanTest {
	directory, err := state.OpenDirectory(b)
	if err != nil {
		t.Fatal(err)
	}
	space, err := directory.Space("sessions", 0)
	if err != nil {
		t.Fatal(err)
	}
	return &spanTest{t: t, r: rand.New(rand.NewPCG(newSeed(t), 2)), space: space}
}

func (s *spanTest) open(retention int64) *state.Session[string, int64] {
	return state.NewSession("sessions", retention, serde.String(), serde.Int64(), state.Options{
		Space: s.space, Capacity: 4 << 10, Log: &state.Changelog{Outbox: &s.outbox, Topic: "changelog", Number: 1},
	})
}

// checkpointed brings everything to the backend.
func (s *spanTest) checkpointed(sessions *state.Session[string, int64]) {
	s.t.Helper()
	batch := s.space.NewBatch()
	if err := sessions.Lifecycle().Checkpoint(batch); err != nil {
		s.t.Fatal(err)
	}
	if err := batch.Commit(); err != nil {
		s.t.Fatal(err)
	}
	sessions.Lifecycle().Checkpointed()
}

func sessionsExpire(t *testing.T, b state.Backend) {
	const retention, step = 100_000, 1000
	s := newSpanTest(t, b)
	sessions := s.open(retention)
	put := func(key string, at int64) {
		t.Helper()
		if err := sessions.Put(key, at, at, at, at); err != nil {
			t.Fatal(err)
		}
	}
	stored := func() (n int) {
		for _, err := range sessions.FetchAll(0, math.MaxInt64) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	for at := int64(0); at <= 10*retention; at += step {
		put("k", at)
		if at%50_000 == 0 {
			s.checkpointed(sessions)
		}
	}
	if got, want := stored(), retention/step+1; got != want {
		t.Errorf("%d sessions are there, want the %d that end at most the retention before the latest", got, want)
	}
	if rows := len(scan(t, b, []byte{0, 0, 0, 1}, nil, false)); rows > 2*retention/step+1 {
		t.Errorf("the backend holds %d rows, want no more than those of two buckets", rows)
	}
	put("k", 1)
	put("l", 9*retention-1)
	put("m", 9*retention)
	for _, c := range []struct {
		key  string
		at   int64
		want bool
	}{{"k", 1, false}, {"l", 9*retention - 1, false}, {"m", 9 * retention, true}} {
		if _, _, ok, err := sessions.Fetch(c.key, c.at, c.at); err != nil || ok != c.want {
			t.Errorf("%s at %d is there: %v, %v, want %v", c.key, c.at, ok, err, c.want)
		}
	}
	if e, err := sessions.Lookup("k", 5, 5); e != nil || err != nil {
		t.Errorf("Lookup of an expired session = %v, %v, want none", e, err)
	}
	sessions.Advance(20 * retention)
	if n := stored(); n != 0 {
		t.Errorf("%d sessions are there after a long time, want none", n)
	}
}
