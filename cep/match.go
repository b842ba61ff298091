package cep

import (
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/nfa"
)

// Match is a match, or a partial one that ran out of time. As JSON it is what its tags
// say, so that it can be written to a topic as it is.
type Match[T any] struct {
	// Stages are those that have taken events, in their order.
	Stages []Stage[T] `json:"stages"`
	// Start and End are the times of the first and the last event.
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	// TimedOut says that it is a partial match that ran out of time.
	TimedOut bool `json:"timedOut,omitempty"`
}

// Stage is a stage of a match, with its events in the order in which they were taken.
type Stage[T any] struct {
	Name   string `json:"name"`
	Events []T    `json:"events"`
}

// All are the events of a stage; nil if it has taken none.
func (m Match[T]) All(stage string) []T {
	for _, s := range m.Stages {
		if s.Name == stage {
			return s.Events
		}
	}
	return nil
}

// First is the first event of a stage, or the zero T if it has taken none.
func (m Match[T]) First(stage string) (event T) {
	if events := m.All(stage); len(events) > 0 {
		return events[0]
	}
	return event
}

// Last is the last event of a stage, or the zero T if it has taken none.
func (m Match[T]) Last(stage string) (event T) {
	if events := m.All(stage); len(events) > 0 {
		return events[len(events)-1]
	}
	return event
}

// Count is how many events there are in all.
func (m Match[T]) Count() (n int) {
	for _, s := range m.Stages {
		n += len(s.Events)
	}
	return n
}

// matchOf makes a match of what the machine has found.
func matchOf[T any](f nfa.Found) Match[T] {
	m := Match[T]{TimedOut: f.TimedOut}
	var first, last *kept[T]
	before := -1
	f.Backward(func(stage int, e *nfa.Event) bool {
		first = e.Value.(*kept[T])
		if last == nil {
			last = first
		}
		if stage != before {
			m.Stages, before = append(m.Stages, Stage[T]{Name: f.Names[stage]}), stage
		}
		s := &m.Stages[len(m.Stages)-1]
		s.Events = append(s.Events, first.value)
		return true
	})
	slices.Reverse(m.Stages)
	for _, s := range m.Stages {
		slices.Reverse(s.Events)
	}
	m.Start, m.End = time.UnixMilli(first.timestamp).UTC(), time.UnixMilli(last.timestamp).UTC()
	return m
}
