package cep

import (
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/nfa"
)

// OneOrMore has the stage take one event or more. Each number of them leads to a match
// of its own, unless Greedy says otherwise.
func (p Pattern[T]) OneOrMore() Pattern[T] { return p.AtLeast(1) }

// AtLeast has the stage take n events or more.
func (p Pattern[T]) AtLeast(n int) Pattern[T] {
	return p.edit(func(s *nfa.Stage) { s.Min, s.Max = n, 0 })
}

// Times has the stage take n events.
func (p Pattern[T]) Times(n int) Pattern[T] { return p.Between(n, n) }

// Between has the stage take n events at least and m at most.
func (p Pattern[T]) Between(n, m int) Pattern[T] {
	if m < 1 {
		return p.fault("stage %q takes at most %d events: give at least 1", p.last(), m)
	}
	return p.edit(func(s *nfa.Stage) { s.Min, s.Max = n, m })
}

// Optional has matches without an event of the stage too.
func (p Pattern[T]) Optional() Pattern[T] {
	return p.edit(func(s *nfa.Stage) { s.Optional = true })
}

// Greedy has a stage that takes several events take as many as it can before the next
// stage has its first one. At the end of a pattern it has no effect: a match is found
// as soon as it is one.
func (p Pattern[T]) Greedy() Pattern[T] {
	return p.edit(func(s *nfa.Stage) { s.Greedy = true })
}

// Consecutive has the events of the stage come right behind each other.
func (p Pattern[T]) Consecutive() Pattern[T] {
	return p.edit(func(s *nfa.Stage) { s.Inner = nfa.Strict })
}

// AllowCombinations has the stage take events or leave them out in all combinations.
func (p Pattern[T]) AllowCombinations() Pattern[T] {
	return p.edit(func(s *nfa.Stage) { s.Inner = nfa.SkipTillAny })
}

// Distinct has the stage take all events that fit until they have n different values
// of by: three different types of attack, say, however many attacks there are of each.
func (p Pattern[T]) Distinct[B comparable](n int, by func(T) B) Pattern[T] {
	if n < 1 || by == nil {
		return p.fault("stage %q: Distinct needs at least 1 value and a function that tells it", p.last())
	}
	enough := func(so nfa.Taken) bool {
		stage, seen := -1, make([]B, 0, n)
		so.Backward(func(of int, e *nfa.Event) bool {
			if stage < 0 {
				stage = of
			}
			if of != stage {
				return false
			}
			if value := by(valueOf[T](e)); !slices.Contains(seen, value) {
				seen = append(seen, value)
			}
			return len(seen) < n
		})
		return len(seen) >= n
	}
	return p.edit(func(s *nfa.Stage) { s.Max, s.Enough = 0, enough })
}

// Gap is how long after the event before it an event of the stage may come: it is less
// than d behind. Behind NotFollowedBy at the end of a pattern, it is how long the event
// must not come.
func (p Pattern[T]) Gap(d time.Duration) Pattern[T] {
	if d < time.Millisecond {
		return p.fault("stage %q: Gap is %v: give at least 1 ms", p.last(), d)
	}
	return p.edit(func(s *nfa.Stage) { s.Gap = d.Milliseconds() })
}

// DistinctOf are the different values of by of some events, in the order in which they
// came first.
func DistinctOf[T any, B comparable](events []T, by func(T) B) (values []B) {
	for _, e := range events {
		if value := by(e); !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	return values
}
