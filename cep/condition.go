package cep

import (
	"iter"

	"github.com/tidemill/tidemill/internal/nfa"
)

// Where has the stage take only events for which accept returns true. Several
// conditions have to hold all. A condition may be asked about an event more than once
// and must always answer the same.
func (p Pattern[T]) Where(accept func(event T) bool) Pattern[T] {
	return p.narrowed(simple(accept))
}

// WhereSoFar is Where for a condition that looks at what the partial match has taken
// before.
func (p Pattern[T]) WhereSoFar(accept func(event T, so SoFar[T]) bool) Pattern[T] {
	return p.narrowed(iterative(accept))
}

// Or has the stage take also the events for which accept returns true, whatever the
// conditions before it say.
func (p Pattern[T]) Or(accept func(event T) bool) Pattern[T] {
	return p.widened(simple(accept))
}

// OrSoFar is Or for a condition that looks at what the partial match has taken before.
func (p Pattern[T]) OrSoFar(accept func(event T, so SoFar[T]) bool) Pattern[T] {
	return p.widened(iterative(accept))
}

// Until ends a stage that takes several events: when an event comes for which stop
// returns true, it takes no more.
func (p Pattern[T]) Until(stop func(event T) bool) Pattern[T] { return p.until(simple(stop)) }

// UntilSoFar is Until for a condition that looks at what the partial match has taken
// before.
func (p Pattern[T]) UntilSoFar(stop func(event T, so SoFar[T]) bool) Pattern[T] {
	return p.until(iterative(stop))
}

func (p Pattern[T]) narrowed(c nfa.Condition) Pattern[T] {
	return p.conditioned(c, func(s *nfa.Stage) {
		if first := s.Where; first != nil {
			s.Where = func(e *nfa.Event, so nfa.Taken) bool { return first(e, so) && c(e, so) }
			return
		}
		s.Where = c
	})
}

func (p Pattern[T]) widened(c nfa.Condition) Pattern[T] {
	return p.conditioned(c, func(s *nfa.Stage) {
		if first := s.Where; first != nil {
			s.Where = func(e *nfa.Event, so nfa.Taken) bool { return first(e, so) || c(e, so) }
			return
		}
		s.Where = c
	})
}

func (p Pattern[T]) until(c nfa.Condition) Pattern[T] {
	return p.conditioned(c, func(s *nfa.Stage) { s.Until = c })
}

func (p Pattern[T]) conditioned(c nfa.Condition, change func(*nfa.Stage)) Pattern[T] {
	if c == nil {
		return p.fault("a condition of stage %q is nil: give it a function", p.last())
	}
	return p.edit(change)
}

func simple[T any](accept func(T) bool) nfa.Condition {
	if accept == nil {
		return nil
	}
	return func(e *nfa.Event, _ nfa.Taken) bool { return accept(valueOf[T](e)) }
}

func iterative[T any](accept func(T, SoFar[T]) bool) nfa.Condition {
	if accept == nil {
		return nil
	}
	return func(e *nfa.Event, so nfa.Taken) bool { return accept(valueOf[T](e), SoFar[T]{so}) }
}

// SoFar are the events that a partial match has taken, without the one at hand. It is
// valid during the call only.
type SoFar[T any] struct{ taken nfa.Taken }

// Backward are the events of a stage, from the last to the first.
func (s SoFar[T]) Backward(stage string) iter.Seq[T] {
	return func(yield func(T) bool) {
		s.taken.Backward(func(of int, e *nfa.Event) bool {
			return s.taken.Names[of] != stage || yield(valueOf[T](e))
		})
	}
}

// Last is the last event of a stage; ok is false if it has taken none.
func (s SoFar[T]) Last(stage string) (event T, ok bool) {
	for event := range s.Backward(stage) {
		return event, true
	}
	return event, false
}

// Count is how many events a stage has taken.
func (s SoFar[T]) Count(stage string) (n int) {
	for range s.Backward(stage) {
		n++
	}
	return n
}
