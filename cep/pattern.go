package cep

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/nfa"
)

// Pattern is a sequence of stages to look for in the events of a key. It is a value:
// each method returns a changed copy, and a pattern may be used in several places. What
// makes no sense in it is reported when the topology is built.
//
// Methods that change a stage change the one that was added last.
type Pattern[T any] struct {
	stages []nfa.Stage
	within time.Duration
	skip   nfa.Skip
	skipTo string
	faults []error
}

// Begin is a pattern with a first stage, which takes one event of any kind until its
// conditions and quantifiers say otherwise. Names of stages are unique in a pattern.
func Begin[T any](stage string) Pattern[T] {
	return Pattern[T]{}.add(nfa.Stage{Name: stage})
}

// Next adds a stage whose first event comes right behind the event before it.
func (p Pattern[T]) Next(stage string) Pattern[T] {
	return p.add(nfa.Stage{Name: stage, Outer: nfa.Strict})
}

// FollowedBy adds a stage whose first event is the first one behind the event before it
// that fits.
func (p Pattern[T]) FollowedBy(stage string) Pattern[T] {
	return p.add(nfa.Stage{Name: stage})
}

// FollowedByAny adds a stage whose first event is any that fits, so that each of them
// leads to a match.
func (p Pattern[T]) FollowedByAny(stage string) Pattern[T] {
	return p.add(nfa.Stage{Name: stage, Outer: nfa.SkipTillAny})
}

// NotNext adds a stage whose event must not come right behind the event before it. At
// the end of a pattern, the match is found with the event that comes instead.
func (p Pattern[T]) NotNext(stage string) Pattern[T] {
	return p.add(nfa.Stage{Name: stage, Absent: nfa.NotNext})
}

// NotFollowedBy adds a stage whose event must not come between the stage before it and
// the one behind it. At the end of a pattern, it must not come for as long as Within or
// its Gap says, and the match is found when that time is over.
func (p Pattern[T]) NotFollowedBy(stage string) Pattern[T] {
	return p.add(nfa.Stage{Name: stage, Absent: nfa.NotFollowedBy})
}

func (p Pattern[T]) add(s nfa.Stage) Pattern[T] {
	s.Min, s.Max = 1, 1
	p.stages = append(slices.Clip(p.stages), s)
	return p
}

// edit changes the stage that was added last.
func (p Pattern[T]) edit(change func(*nfa.Stage)) Pattern[T] {
	if len(p.stages) == 0 {
		return p.fault("it has no stage: start it with Begin")
	}
	p.stages = slices.Clone(p.stages)
	change(&p.stages[len(p.stages)-1])
	return p
}

func (p Pattern[T]) fault(format string, args ...any) Pattern[T] {
	p.faults = append(slices.Clip(p.faults), fmt.Errorf("cep: "+format, args...))
	return p
}

// last is the name of the stage that was added last.
func (p Pattern[T]) last() string {
	if len(p.stages) == 0 {
		return ""
	}
	return p.stages[len(p.stages)-1].Name
}

// Within is how long a match may take: its last event is less than d behind its first.
// Of several, the shortest counts.
func (p Pattern[T]) Within(d time.Duration) Pattern[T] {
	if d < time.Millisecond {
		return p.fault("Within is %v: give at least 1 ms", d)
	}
	if p.within == 0 || d < p.within {
		p.within = d
	}
	return p
}

// NoSkip has all matches found, whatever events they share. It is the default.
func (p Pattern[T]) NoSkip() Pattern[T] { return p.skipping(nfa.NoSkip, "") }

// SkipToNext leaves out the matches that begin with the same event as one that was
// found. With this and the other ways to skip, matches are found in the order of their
// first events: one waits while an earlier event may still lead to another.
func (p Pattern[T]) SkipToNext() Pattern[T] { return p.skipping(nfa.SkipToNext, "") }

// SkipPastLastEvent leaves out the matches that begin before one that was found has
// ended, so that no event is in two matches.
func (p Pattern[T]) SkipPastLastEvent() Pattern[T] { return p.skipping(nfa.SkipPastLast, "") }

// SkipToFirst leaves out the matches that begin before the first event of a stage of
// one that was found. If the stage took no event, nothing is left out.
func (p Pattern[T]) SkipToFirst(stage string) Pattern[T] { return p.skipping(nfa.SkipToFirst, stage) }

// SkipToLast leaves out the matches that begin before the last event of a stage of one
// that was found. If the stage took no event, nothing is left out.
func (p Pattern[T]) SkipToLast(stage string) Pattern[T] { return p.skipping(nfa.SkipToLast, stage) }

func (p Pattern[T]) skipping(skip nfa.Skip, to string) Pattern[T] {
	p.skip, p.skipTo = skip, to
	return p
}

// compile makes the pattern ready to run, or says everything that is wrong with it.
func (p Pattern[T]) compile() (*nfa.NFA, error) {
	compiled, err := nfa.Compile(nfa.Pattern{Stages: p.stages, Within: p.within.Milliseconds(), Skip: p.skip, SkipTo: p.skipTo})
	faults := slices.Clone(p.faults)
	if len(faults) > 0 && len(p.stages) == 0 {
		return nil, errors.Join(faults...)
	}
	var joined interface{ Unwrap() []error }
	if errors.As(err, &joined) {
		for _, fault := range joined.Unwrap() {
			faults = append(faults, fmt.Errorf("cep: the pattern: %w", fault))
		}
	}
	return compiled, errors.Join(faults...)
}
