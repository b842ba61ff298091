package nfa

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// sample is a pattern with all that a state may hold.
var sample = stages(one("a"), one("b", plus, greedy, until("d")), one("c", gap(5))).within(9).skip(SkipPastLast, "")

// number is a machine whose events are letters, kept as the letters.
func number(n *NFA) *Machine {
	m := NewMachine(n)
	m.Retain = func(e Event) (Event, error) {
		e.Payload = []byte(e.Value.(*letter).text)
		return e, nil
	}
	m.Recall = func(payload []byte) (any, error) {
		if len(payload) == 0 {
			return nil, errors.New("an event without a letter")
		}
		return &letter{text: string(payload)}, nil
	}
	return m
}

func mustCompile(t testing.TB, p Pattern) *NFA {
	t.Helper()
	n, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// stateBehind is the state behind the events with these letters, a millisecond from each
// other, with one more that waits.
func stateBehind(t testing.TB, n *NFA, letters string) *State {
	t.Helper()
	m := number(n)
	m.Load(nil)
	for i, l := range letters {
		m.Process(Event{Time: int64(i), Value: &letter{text: string(l)}})
	}
	m.Buffer(Event{Time: int64(len(letters) + 3), Value: &letter{text: "c"}})
	m.SetTimer(7)
	s, err := m.Save()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAStateIsCompact(t *testing.T) {
	n := mustCompile(t, sample)
	s := stateBehind(t, n, "aabb")
	if got := len(n.Append(nil, s)); got > 80 {
		t.Errorf("%d events and %d runs take %d bytes, want 80 at most", s.Events(), s.Runs(), got)
	}
}

func TestDamagedStatesAreReported(t *testing.T) {
	n := mustCompile(t, sample)
	whole := n.Append(nil, stateBehind(t, n, "aabb"))
	for cut := range whole {
		if _, err := n.Decode(whole[:cut]); err == nil {
			t.Errorf("a state cut off at byte %d of %d is decoded", cut, len(whole))
		}
	}
	if _, err := n.Decode(append(slices.Clone(whole), 0)); err == nil {
		t.Error("a state with a byte too much is decoded")
	}
	later := slices.Clone(whole)
	later[0]++
	if _, err := n.Decode(later); err == nil {
		t.Error("a state of a later format is decoded")
	}
}

func TestAStateOfAnotherPatternIsRefused(t *testing.T) {
	n := mustCompile(t, sample)
	bytes := n.Append(nil, stateBehind(t, n, "aab"))
	other := mustCompile(t, stages(one("a"), one("b"), one("c")))
	if _, err := other.Decode(bytes); !errors.Is(err, ErrPattern) {
		t.Errorf("got %v, want %v", err, ErrPattern)
	}
}

func TestAPayloadThatCannotBeReadEndsTheWork(t *testing.T) {
	n := mustCompile(t, sample)
	s := stateBehind(t, n, "aab")
	s.events[0].Payload, s.events[0].Value = nil, nil
	m := number(n)
	m.Load(n.recoded(s))
	if m.Err() == nil {
		t.Fatal("an event without a payload is loaded")
	}
	if _, err := m.Save(); err == nil {
		t.Error("what followed from it is saved")
	}
}

func (n *NFA) recoded(s *State) *State {
	s, err := n.Decode(n.Append(nil, s))
	if err != nil {
		panic(err)
	}
	return s
}

// Whatever is decoded can be gone on with.
func FuzzDecode(f *testing.F) {
	n := mustCompile(f, sample)
	for _, letters := range []string{"a", "aabb", "abdbab"} {
		f.Add(n.Append(nil, stateBehind(f, n, letters)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := n.Decode(data)
		if err != nil || len(data) > 1000 {
			return
		}
		again, err := n.Decode(n.Append(nil, s))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(s) {
			t.Fatalf("decoded %v, encoded and decoded again %v, %v", s, again, err)
		}
		m := number(n)
		m.Load(s)
		if m.Err() != nil {
			return
		}
		for _, text := range []string{"b", "c", "d", "a"} {
			m.Process(Event{Time: 1 << 40, Value: &letter{text: text}})
		}
		for e, ok := m.Next(Never); ok; e, ok = m.Next(Never) {
			m.Process(e)
		}
		m.Advance(Never - 1)
		if _, err := m.Save(); err != nil {
			t.Fatal(err)
		}
	})
}
