package cep_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/cep"
	"github.com/tidemill/tidemill/topologytest"
)

type pattern = cep.Pattern[string]

func begin(letter string) pattern { return cep.Begin[string](letter).Where(is(letter)) }

// has accepts the events that have a letter.
func has(letter string) func(string) bool {
	return func(event string) bool { return strings.Contains(event, letter) }
}

// findings are the matches in some events of one key, which come a second after each
// other, in the order in which they are found.
func findings(t *testing.T, p pattern, events string) []string {
	t.Helper()
	d := topologytest.New(t, build(p))
	in := d.Input[string, string]("events").Clock(0, time.Second)
	for e := range strings.FieldsSeq(events) {
		in.Next("k", e)
	}
	var found []string
	for _, r := range d.Output[string, string]("matches").All() {
		found = append(found, r.Value)
	}
	return found
}

// What Flink's documentation and tests say about these patterns, in any order.
func TestPatternsFindWhatTheyFindInFlink(t *testing.T) {
	oneOrMore := func() pattern { return begin("c").FollowedBy("a").Where(is("a")).OneOrMore() }
	anyLoop := func() pattern { return begin("a").FollowedByAny("b").Where(is("b")).OneOrMore() }
	greedy := func() pattern { return oneOrMore().Greedy() }
	end := func(p pattern, letter string) pattern { return p.FollowedBy(letter).Where(is(letter)) }
	for _, c := range []struct {
		name, events string
		p            pattern
		want         []string
	}{
		{"next finds nothing when something lies between", "a c b1 b2", begin("a").Next("b").Where(is("b")), nil},
		{"followed by finds the first that fits", "a c b1 b2", end(begin("a"), "b"), []string{"a b1"}},
		{"followed by any finds each that fits", "a c b1 b2", begin("a").FollowedByAny("b").Where(is("b")), []string{"a b1", "a b2"}},
		{"a loop takes what comes, passing over the rest", "c d a1 a2 a3 d a4 b", end(oneOrMore(), "b"),
			[]string{"c a1 b", "c a1 a2 b", "c a1 a2 a3 b", "c a1 a2 a3 a4 b"}},
		{"a consecutive loop ends with what does not fit", "c d a1 a2 a3 d a4 b", end(oneOrMore().Consecutive(), "b"),
			[]string{"c a1 b", "c a1 a2 b", "c a1 a2 a3 b"}},
		{"a loop of combinations that begins with the first that fits", "c d a1 a2 a3 d a4 b", end(oneOrMore().AllowCombinations(), "b"),
			[]string{"c a1 b", "c a1 a2 b", "c a1 a3 b", "c a1 a4 b", "c a1 a2 a3 b", "c a1 a2 a4 b", "c a1 a3 a4 b", "c a1 a2 a3 a4 b"}},
		{"a loop that may begin anywhere", "a b1 d1 b2 d2 b3 c", end(anyLoop(), "c"),
			[]string{"a b1 c", "a b1 b2 c", "a b1 b2 b3 c", "a b2 c", "a b2 b3 c", "a b3 c"}},
		{"a consecutive loop that may begin anywhere, with its end right behind", "a b1 d1 b2 d2 b3 c", anyLoop().Consecutive().Next("c").Where(is("c")),
			[]string{"a b3 c"}},
		{"a loop of combinations that may begin anywhere", "a b1 d1 b2 d2 b3 c", end(anyLoop().AllowCombinations(), "c"),
			[]string{"a b1 c", "a b1 b2 c", "a b1 b3 c", "a b1 b2 b3 c", "a b2 c", "a b2 b3 c", "a b3 c"}},
		{"until stops a loop, and another begins behind it", "a1 c a2 b a3", begin("a").OneOrMore().Until(is("b")),
			[]string{"a1 a2", "a1", "a2", "a3"}},
		{"a greedy loop takes all", "c a1 a2 a3 d", end(greedy(), "d"), []string{"c a1 a2 a3 d"}},
		{"a greedy loop takes all with others between", "c x a1 x a2 x a3 d", end(greedy().Optional(), "d"), []string{"c a1 a2 a3 d"}},
		{"a greedy loop has ended before others come", "c a1 a2 x d", end(greedy().Optional(), "d"), []string{"c a1 a2 d"}},
		{"a greedy loop that may be left out", "c x d", end(greedy().Optional(), "d"), []string{"c d"}},
		{"a greedy loop that is not there", "c x d", end(greedy(), "d"), nil},
		{"a greedy loop before what may be left out", "c a1 a2 x e", end(greedy().Optional().FollowedBy("d").Where(is("d")).Optional(), "e"), []string{"c a1 a2 e"}},
		{"a greedy loop before what may be left out and is there", "c a1 a2 d e", end(greedy().Optional().FollowedBy("d").Where(is("d")).Optional(), "e"),
			[]string{"c a1 a2 e", "c a1 a2 d e"}},
		{"a greedy loop until something", "c a1 a2 a3 a! d", end(greedy().Optional().Until(has("!")), "d"), []string{"c a1 a2 a3 d"}},
		{"a greedy loop whose end comes first", "c a! a1 a2 a3 d", end(greedy().Optional().Until(has("!")), "d"), []string{"c d"}},
		{"not followed by ends a partial match", "a x n b", end(begin("a").NotFollowedBy("n").Where(is("n")), "b"), nil},
		{"not followed by does not look behind the next stage", "a x b n", end(begin("a").NotFollowedBy("n").Where(is("n")), "b"), []string{"a b"}},
		{"not next looks at the next event only", "a x n b", end(begin("a").NotNext("n").Where(is("n")), "b"), []string{"a b"}},
		{"not next ends a partial match", "a n b", end(begin("a").NotNext("n").Where(is("n")), "b"), nil},
		{"or takes either", "x1 a b1", begin("x").Or(is("a")).Next("b").Where(is("b")), []string{"a b1"}},
		{"two conditions have to hold both", "a1 ab2 b", begin("a").Where(has("b")).FollowedBy("b").Where(is("b")), []string{"ab2 b"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := findings(t, c.p, c.events)
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, want %q", c.events, got, c.want)
			}
		})
	}
}

// What Flink's documentation and tests say about skipping, in the order in which it is
// found.
func TestMatchesAreSkippedAsInFlink(t *testing.T) {
	three := begin("a").Times(3)
	twice := cep.Begin[string]("a").Where(has("a")).Times(2).Next("end").Where(has("b")).Times(2)
	anyB := begin("a").FollowedByAny("b").Where(is("b"))
	abb := begin("a").Next("b").Where(is("b")).OneOrMore()
	abbs := begin("a").Next("b").Where(is("b")).OneOrMore().Consecutive()
	run := cep.Begin[string]("b").Where(is("b")).OneOrMore().Consecutive().Greedy().Next("c").Where(is("c"))
	miss := begin("a").Next("b").Where(is("b")).OneOrMore().Optional().Consecutive().Next("c").Where(is("c"))
	discard := cep.Begin[string]("a or c").Where(is("a")).Or(is("c")).
		FollowedBy("b or c").Where(is("b")).Or(is("c")).
		FollowedBy("c*").Where(is("c")).OneOrMore().Greedy().
		FollowedBy("d").Where(is("d"))
	for _, c := range []struct {
		name, events string
		p            pattern
		want         []string
	}{
		{"no skip: matches overlap", "a1 a2 a3 a4 a5 a6", three.NoSkip(), []string{"a1 a2 a3", "a2 a3 a4", "a3 a4 a5", "a4 a5 a6"}},
		{"past last: no event is in two matches", "a1 a2 a3 a4 a5 a6", three.SkipPastLastEvent(), []string{"a1 a2 a3", "a4 a5 a6"}},
		{"no skip: each end of each beginning", "a1 b1 a2 b2", anyB, []string{"a1 b1", "a1 b2", "a2 b2"}},
		{"to next: one match of each beginning", "a1 b1 a2 b2", anyB.SkipToNext(), []string{"a1 b1", "a2 b2"}},
		{"no skip: each length of a loop", "a b1 b2 b3", abb, []string{"a b1", "a b1 b2", "a b1 b2 b3"}},
		{"to next: the first length of a loop", "a b1 b2 b3", abb.SkipToNext(), []string{"a b1"}},
		{"to first: on from the first event of the stage", "ab1 ab2 ab3 ab4 ab5 ab6", twice.SkipToFirst("end"), []string{"ab1 ab2 ab3 ab4", "ab3 ab4 ab5 ab6"}},
		{"to last: on from the last event of the stage", "ab1 ab2 ab3 ab4 ab5 ab6 ab7", twice.SkipToLast("end"), []string{"ab1 ab2 ab3 ab4", "ab4 ab5 ab6 ab7"}},
		{"past last: the first of all combinations", "a1 a2 b1 b2 c1 c2 d1 d2",
			begin("a").FollowedByAny("b").Where(is("b")).FollowedByAny("c").Where(is("c")).FollowedBy("d").Where(is("d")).SkipPastLastEvent(), []string{"a1 b1 c1 d1"}},
		{"past last: a partial match that has ended holds nothing up", "a1 c a2 b2", begin("a").Next("b").Where(is("b")).SkipPastLastEvent(), []string{"a2 b2"}},
		{"to first: a match that begins there is not left out", "ab1 c1 ab2 c2",
			cep.Begin[string]("b").Where(has("b")).Next("c").Where(has("c")).SkipToFirst("b"), []string{"ab1 c1", "ab2 c2"}},
		{"to first: a loop is found at its first length", "a1 b1 a2 b2 b3 a3 b4", abbs.SkipToFirst("b"), []string{"a1 b1", "a2 b2", "a3 b4"}},
		{"to last: a loop is found at its first length", "a1 b1 a2 b2 b3 a3 b4", abbs.SkipToLast("b"), []string{"a1 b1", "a2 b2", "a3 b4"}},
		{"to first: a stage that took nothing leaves nothing out", "a c", miss.SkipToFirst("b"), []string{"a c"}},
		{"to last: a stage that took nothing leaves nothing out", "a c", miss.SkipToLast("b"), []string{"a c"}},
		{"no skip: all ends of a run", "b1 b2 b3 c", run, []string{"b1 b2 b3 c", "b2 b3 c", "b3 c"}},
		{"to next: all ends of a run", "b1 b2 b3 c", run.SkipToNext(), []string{"b1 b2 b3 c", "b2 b3 c", "b3 c"}},
		{"past last: the whole run", "b1 b2 b3 c", run.SkipPastLastEvent(), []string{"b1 b2 b3 c"}},
		{"to first: all ends of a run", "b1 b2 b3 c", run.SkipToFirst("b"), []string{"b1 b2 b3 c", "b2 b3 c", "b3 c"}},
		{"to last: the whole run and its last event", "b1 b2 b3 c", run.SkipToLast("b"), []string{"b1 b2 b3 c", "b3 c"}},
		{"to first: what began before is left out", "a b c1 c2 c3 d", discard.SkipToFirst("c*"), []string{"a b c1 c2 c3 d", "c1 c2 c3 d"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := findings(t, c.p, c.events); !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, want %q", c.events, got, c.want)
			}
		})
	}
}

// Matches are found in the order of their beginnings when some are to be left out, so
// one that is complete waits for an earlier one.
func TestAMatchWaitsForOneThatBeganBefore(t *testing.T) {
	p := begin("a").FollowedBy("c").Where(is("c")).
		FollowedBy("b").WhereSoFar(func(event string, so cep.SoFar[string]) bool {
		first, _ := so.Last("a")
		return is("b")(event) && event[1:] == first[1:]
	}).SkipToFirst("c")
	if got, want := findings(t, p, "a0 c1 a1 c2 b1 b0"), []string{"a0 c1 b0", "a1 c2 b1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
