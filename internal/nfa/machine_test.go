package nfa

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// in holds for events of any of these letters.
func in(letters string) Condition {
	return func(e *Event, _ Taken) bool { return strings.Contains(letters, e.Value.(*letter).text[:1]) }
}

// rising holds for events of these letters whose number is higher than that of the
// event before.
func rising(letters string) Condition {
	return func(e *Event, so Taken) bool {
		higher := in(letters)(e, so)
		so.Backward(func(_ int, before *Event) bool {
			higher = higher && e.Value.(*letter).number > before.Value.(*letter).number
			return false
		})
		return higher
	}
}

// kinds says whether the events of the last stage have n different numbers.
func kinds(n int) func(Taken) bool {
	return func(so Taken) bool {
		seen, last := map[int]bool{}, -1
		so.Backward(func(stage int, e *Event) bool {
			if last < 0 {
				last = stage
			}
			if stage == last {
				seen[e.Value.(*letter).number] = true
			}
			return stage == last
		})
		return len(seen) >= n
	}
}

// one is a stage of one event.
func one(letters string, how ...func(*Stage)) Stage {
	s := Stage{Name: letters, Min: 1, Max: 1, Where: in(letters)}
	for _, change := range how {
		change(&s)
	}
	return s
}

func next(s *Stage)         { s.Outer = Strict }
func anyNext(s *Stage)      { s.Outer = SkipTillAny }
func plus(s *Stage)         { s.Max = 0 }
func optional(s *Stage)     { s.Optional = true }
func greedy(s *Stage)       { s.Greedy = true }
func consecutive(s *Stage)  { s.Inner = Strict }
func combinations(s *Stage) { s.Inner = SkipTillAny }
func not(s *Stage)          { s.Absent = NotFollowedBy }
func notNext(s *Stage)      { s.Absent = NotNext }

func times(low, high int) func(*Stage)    { return func(s *Stage) { s.Min, s.Max = low, high } }
func until(letters string) func(*Stage)   { return func(s *Stage) { s.Until = in(letters) } }
func gap(ms int64) func(*Stage)           { return func(s *Stage) { s.Gap = ms } }
func where(c Condition) func(*Stage)      { return func(s *Stage) { s.Where = c } }
func named(name string) func(*Stage)      { return func(s *Stage) { s.Name = name } }
func distinct(n int) func(*Stage)         { return func(s *Stage) { s.Max, s.Enough = 0, kinds(n) } }
func stages(all ...Stage) Pattern         { return Pattern{Stages: all} }
func (p Pattern) within(ms int64) Pattern { p.Within = ms; return p }
func (p Pattern) skip(s Skip, to string) Pattern {
	p.Skip, p.SkipTo = s, to
	return p
}

var shapes = []Pattern{
	stages(one("a"), one("b"), one("c")),
	stages(one("a"), one("b", next), one("c", next)),
	stages(one("a"), one("b", anyNext), one("c", anyNext)),
	stages(one("ab"), one("bc"), one("ac", next)),
	stages(one("a"), one("b", plus), one("c")),
	stages(one("a"), one("b", plus, anyNext), one("c")),
	stages(one("a"), one("b", plus, consecutive), one("c")),
	stages(one("a"), one("b", plus, combinations), one("c")),
	stages(one("a"), one("b", plus, optional), one("c", next)),
	stages(one("a"), one("b", plus, greedy), one("c")),
	stages(one("a"), one("b", plus, greedy, optional), one("bc", named("c"))),
	stages(one("a"), one("b", plus, greedy, optional), one("c", optional), one("d")),
	stages(one("a"), one("b", times(2, 3), greedy), one("c")),
	stages(one("a", times(2, 2)), one("b")),
	stages(one("a"), one("b", times(2, 3), optional, next), one("ac", named("c"), next)),
	stages(one("a", optional), one("b", optional), one("c")),
	stages(one("a"), one("b", optional), one("c", optional, anyNext), one("d", optional)),
	stages(one("a", plus, until("c"))),
	stages(one("a"), one("ab", named("b"), plus, until("c"), combinations), one("d")),
	stages(one("a"), one("b", plus, greedy, optional, until("d")), one("c")),
	stages(one("a"), one("ab", named("b"), plus, greedy, until("a")), one("c")),
	stages(one("a"), one("b", not), one("c")),
	stages(one("a", plus), one("b", not), one("c", optional), one("d")),
	stages(one("a", times(2, 3), consecutive), one("b", notNext), one("c")),
	stages(one("a"), one("b", notNext), one("d", not), one("c", plus)),
	stages(one("a"), one("b", notNext)),
	stages(one("a", plus), one("b"), one("c", not)).within(6),
	stages(one("a"), one("b", plus), one("c", not, gap(4))),
	stages(one("a"), one("b", plus, greedy), one("d", notNext), one("c", not)).within(7),
	stages(one("a"), one("b", gap(3)), one("c", gap(4), optional), one("d", gap(5))).within(9),
	stages(one("a"), one("b", plus, gap(3)), one("c", anyNext, gap(5))),
	stages(one("a"), one("bc", named("b"), plus, where(rising("bc"))), one("d")).within(8),
	stages(one("a", where(rising("ab")), plus, combinations)).within(5),
	stages(one("abcd", named("kinds"), distinct(3))).within(6),
	stages(one("a"), one("bc", named("kinds"), distinct(2), anyNext), one("d", optional)),
}

// randomLetters is a string of events, a few milliseconds from each other.
func randomLetters(random *rand.Rand) []letter {
	events, now := make([]letter, 1+random.IntN(8)), int64(0)
	for i := range events {
		now += random.Int64N(3)
		number := random.IntN(4)
		events[i] = letter{text: fmt.Sprintf("%c%d", 'a'+rune(random.IntN(4)), i), number: number, time: now}
	}
	return events
}

// findings gives events to a machine, with the state saved and encoded behind each, and returns what it
// finds. Behind all of them, time passes until nothing is left to come.
func findings(t *testing.T, n *NFA, events []letter, timeouts bool) []string {
	m := NewMachine(n)
	m.Timeouts = timeouts
	m.Retain = func(e Event) (Event, error) {
		e.Payload = []byte{byte(slices.IndexFunc(events, func(l letter) bool { return l.text == e.Value.(*letter).text }))}
		return e, nil
	}
	m.Recall = func(payload []byte) (any, error) { return &events[payload[0]], nil }
	var found, timed []string
	state := through(t, m, nil, func() {}, &found, &timed)
	for i := range events {
		state = through(t, m, state, func() { m.Process(Event{Time: events[i].time, Value: &events[i]}) }, &found, &timed)
	}
	state = through(t, m, state, func() { m.Advance(math.MaxInt64 - 1) }, &found, &timed)
	if n.Within > 0 && state != nil {
		t.Errorf("%d partial matches are kept when the time of all is up", state.Runs())
	}
	slices.Sort(timed)
	return append(found, timed...)
}

// through does one piece of work with a machine.
func through(t *testing.T, m *Machine, before *State, work func(), found, timed *[]string) *State {
	t.Helper()
	m.Load(before)
	work()
	for _, f := range m.Found {
		if f.TimedOut {
			*timed = append(*timed, m.text(f))
		} else {
			*found = append(*found, m.text(f))
		}
	}
	after, err := m.Save()
	if err != nil {
		t.Fatal(err)
	}
	return m.coded(t, after)
}

// coded is a state encoded and decoded again.
func (n *NFA) coded(t *testing.T, s *State) *State {
	t.Helper()
	if s == nil {
		return nil
	}
	bytes := n.Append(nil, s)
	s, err := n.Decode(bytes)
	if err != nil {
		t.Fatal(err)
	}
	if again := n.Append(nil, s); !slices.Equal(again, bytes) {
		t.Fatalf("a state is encoded as %x, and decoded as %x", bytes, again)
	}
	return s
}

func (m *Machine) text(f Found) string {
	var picks []string
	f.Backward(func(stage int, e *Event) bool {
		picks = append(picks, m.names[stage]+":"+e.Value.(*letter).text)
		return true
	})
	slices.Reverse(picks)
	return fmt.Sprintf("%s @%d %t", strings.Join(picks, " "), f.At, f.TimedOut)
}

func (p Pattern) describe() string {
	var names []string
	for _, s := range p.Stages {
		names = append(names, s.Name)
	}
	return fmt.Sprintf("%s within %d skip %d %s", strings.Join(names, " "), p.Within, p.Skip, p.SkipTo)
}

// tries is how many strings each pattern is tried on.
const tries = 10000

// compare compares a pattern with the model on random strings.
func compare(t *testing.T, p Pattern, timeouts bool, seed uint64, tries int) {
	n, err := Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	random, total := rand.New(rand.NewPCG(seed, 0)), 0
	for i := range tries {
		events := randomLetters(random)
		want := sorted(newModel(p, events).find(timeouts))
		total += len(want)
		if got := findings(t, n, events, timeouts); !slices.Equal(got, want) {
			t.Fatalf("seed %d, string %d: %v\ngot  %q\nwant %q", seed, i, events, got, want)
		}
	}
	if total < tries/100 {
		t.Errorf("only %d findings in all: the strings do not try the pattern", total)
	}
}

// sorted leaves the matches as they are and sorts the timed-out partial ones, which
// come behind them.
func sorted(lines []string) []string {
	if at := slices.IndexFunc(lines, func(s string) bool { return strings.HasSuffix(s, "true") }); at >= 0 {
		slices.Sort(lines[at:])
	}
	return lines
}

func TestMatchesAreThoseOfTheDefinition(t *testing.T) {
	for i, p := range shapes {
		t.Run(fmt.Sprint(i, " ", p.describe()), func(t *testing.T) {
			t.Parallel()
			compare(t, p, true, uint64(i), tries)
		})
	}
}

// randomPattern is a pattern of up to five stages, which may make no sense.
func randomPattern(random *rand.Rand) Pattern {
	letters := []string{"a", "b", "c", "d", "ab", "bc", "cd", "ad"}
	some := func(n int) bool { return random.IntN(n) == 0 }
	var p Pattern
	for i := range 1 + random.IntN(5) {
		s := one(letters[random.IntN(len(letters))], named(fmt.Sprint("s", i)))
		s.Outer = Contiguity(random.IntN(3))
		if some(6) {
			s.Absent = Absence(1 + random.IntN(2))
		}
		if s.Absent == Present && some(2) {
			low := 1 + random.IntN(2)
			s.Min, s.Max = low, []int{0, low, low + 1}[random.IntN(3)]
			s.Inner, s.Greedy = Contiguity(random.IntN(3)), some(3)
		}
		if s.loops() && some(3) {
			s.Until = in(letters[random.IntN(len(letters))])
		}
		if some(5) {
			s.Gap = 1 + random.Int64N(6)
		}
		s.Optional = s.Absent == Present && some(4)
		p.Stages = append(p.Stages, s)
	}
	if some(2) {
		p.Within = 1 + random.Int64N(9)
	}
	return p
}

func TestRandomPatternsMatchAsTheDefinitionSays(t *testing.T) {
	random, patterns := rand.New(rand.NewPCG(1, 2)), 0
	for i := range 3000 {
		p, timeouts := randomPattern(random), i%2 == 0
		if !timeouts {
			p = p.within(1+random.Int64N(9)).skip(Skip(random.IntN(5)), p.Stages[random.IntN(len(p.Stages))].Name)
		}
		n, err := Compile(p)
		if err != nil {
			continue
		}
		patterns++
		for range 50 {
			events := randomLetters(random)
			want := sorted(newModel(p, events).find(timeouts))
			if got := findings(t, n, events, timeouts); !slices.Equal(got, want) {
				t.Fatalf("pattern %d, %+v: %v\ngot  %q\nwant %q", i, p, events, got, want)
			}
		}
	}
	if patterns < 500 {
		t.Errorf("only %d of the patterns make sense", patterns)
	}
}

func TestMatchesAreSkippedAsTheDefinitionSays(t *testing.T) {
	for i, p := range shapes {
		if p.Within == 0 {
			p.Within = 8
		}
		last := ""
		for _, s := range p.Stages {
			if s.Absent == Present {
				last = s.Name
			}
		}
		for _, p := range []Pattern{p.skip(SkipToNext, ""), p.skip(SkipPastLast, ""), p.skip(SkipToFirst, last), p.skip(SkipToLast, p.Stages[0].Name)} {
			t.Run(fmt.Sprint(i, " ", p.describe()), func(t *testing.T) {
				t.Parallel()
				compare(t, p, false, uint64(i), tries/10)
			})
		}
	}
}
