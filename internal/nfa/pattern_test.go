package nfa

import (
	"strings"
	"testing"
)

func TestPatternsThatMakeNoSenseAreReported(t *testing.T) {
	for _, c := range []struct {
		name string
		p    Pattern
		want string
	}{
		{"no name", stages(Stage{Min: 1, Max: 1}), "stage 1 has no name"},
		{"a name twice", stages(one("a"), one("b", named("a"))), `two stages are named "a"`},
		{"more at least than at most", stages(one("a", times(3, 2))), "at least 3 events and at most 2"},
		{"no event at all", stages(one("a", times(0, 2))), "use Optional"},
		{"a single event that is consecutive", stages(one("a", consecutive)), "for those that take several"},
		{"a single event until", stages(one("a", until("b"))), "Until is for those that take several"},
		{"a single event that is greedy", stages(one("a", greedy)), "Greedy is for stages"},
		{"a fixed number that is greedy", stages(one("a", times(2, 2), greedy)), "Greedy is for stages"},
		{"greedy combinations", stages(one("a", plus, greedy, combinations)), "choose one"},
		{"a greedy number of values", stages(one("a", distinct(2), greedy)), "Distinct says itself"},
		{"a number of values and of events", stages(one("a", distinct(2), times(2, 0))), "Distinct says itself"},
		{"an absence with a quantifier", stages(one("a"), one("b", not, plus), one("c")), "takes no quantifiers"},
		{"an optional absence", stages(one("a"), one("b", not, optional), one("c")), "takes no quantifiers"},
		{"an absence at the beginning", stages(one("a", not), one("b")), "begin with an event that comes"},
		{"an absence behind what may be left out", stages(one("a"), one("b", optional), one("c", notNext), one("d")), "needs an event before it"},
		{"an absence before what may be left out", stages(one("a"), one("b", not), one("c", optional)), "one of them has to come"},
		{"an absence at the end without a time", stages(one("a"), one("b", not)), "say for how long"},
		{"a gap for an absence in the middle", stages(one("a"), one("b", not, gap(3)), one("c")), "Gap is for NotFollowedBy at the end"},
		{"a gap for what must not come next", stages(one("a"), one("b", notNext, gap(3))), "Gap is for NotFollowedBy at the end"},
		{"a negative gap", stages(one("a", gap(-1))), "Gap is negative"},
		{"a negative time", stages(one("a")).within(-1), "Within is negative"},
		{"a way to skip to nowhere", stages(one("a")).skip(SkipToLast, "b"), `skip to stage "b"`},
		{"a way to skip to an absence", stages(one("a"), one("b", not), one("c")).skip(SkipToFirst, "b"), `skip to stage "b"`},
		{"too many stages", many(61), "60 are the most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Compile(c.p); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
	if _, err := Compile(many(60)); err != nil {
		t.Errorf("60 stages: %v", err)
	}
}

func many(n int) Pattern {
	var p Pattern
	for i := range n {
		p.Stages = append(p.Stages, one("a", named(strings.Repeat("a", i+1))))
	}
	return p
}

func TestAllThatIsWrongIsReportedTogether(t *testing.T) {
	_, err := Compile(stages(one("a", greedy), one("b", until("c"))))
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v, want two faults", err)
	}
}

func TestTheOldestPartialMatchesAreGivenUp(t *testing.T) {
	n := mustCompile(t, stages(one("a"), one("b")))
	m := number(n)
	m.MaxRuns = 2
	m.Load(nil)
	for i, l := range []string{"a0", "a1", "a2", "a3", "b4"} {
		m.Process(Event{Time: int64(i), Value: &letter{text: l}})
	}
	if m.GivenUp != 2 || len(m.Found) != 2 || m.text(m.Found[0]) != "a:a2 b:b4 @4 false" {
		t.Errorf("%d are given up and %d found, the first of them %s", m.GivenUp, len(m.Found), m.text(m.Found[0]))
	}
}

func TestAnEmptyPatternIsReported(t *testing.T) {
	if _, err := Compile(Pattern{}); err == nil {
		t.Error("a pattern without stages is compiled")
	}
}

func TestMatchesDoNotWaitWithoutEndForOneThatBeganBefore(t *testing.T) {
	notOfTheFirst := func(e *Event, so Taken) bool {
		fits := in("b")(e, so)
		so.Backward(func(_ int, before *Event) bool {
			fits = fits && before.Value.(*letter).text != "a0"
			return false
		})
		return fits
	}
	m := number(mustCompile(t, stages(one("a"), one("b", where(notOfTheFirst))).skip(SkipToNext, "")))
	m.MaxRuns = 3
	var s *State
	found := 0
	for i, l := range []string{"a0", "a1", "b2", "a3", "b4", "a5", "b6", "a7", "b8"} {
		m.Load(s)
		m.Process(Event{Time: int64(i), Value: &letter{text: l}})
		s, _ = m.Save()
		found += len(m.Found)
		if l == "b6" && found != 0 {
			t.Errorf("%d matches are found while a0 may lead to one", found)
		}
	}
	if found != 4 || s != nil {
		t.Errorf("%d matches are found when too many wait, and %v is kept; want 4 and nothing", found, s)
	}
}
