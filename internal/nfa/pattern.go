package nfa

import (
	"errors"
	"fmt"
)

// Condition decides about the event at hand, knowing what was taken before it.
type Condition func(e *Event, so Taken) bool

// Contiguity says which events may lie between two that a pattern takes.
type Contiguity uint8

const (
	// SkipTillNext passes over the events that it cannot take.
	SkipTillNext Contiguity = iota
	// SkipTillAny passes over any event, also one that it could take.
	SkipTillAny
	// Strict passes over none.
	Strict
)

// Absence says that an event must not come.
type Absence uint8

const (
	// Present is a stage whose event has to come.
	Present Absence = iota
	// NotNext must not come right behind the event before.
	NotNext
	// NotFollowedBy must not come until the next stage has its event.
	NotFollowedBy
)

// Stage is a part of a pattern. Without Where it takes every event.
type Stage struct {
	Name string
	// Absent turns the stage into the absence of an event. Of the other fields, only
	// Where and Gap have a meaning then.
	Absent Absence
	// Outer is how the first event of the stage follows the one before it, Inner how
	// the others follow each other.
	Outer, Inner Contiguity
	// Min and Max are how many events the stage takes. Max is 0 if there is no bound.
	Min, Max int
	// Optional says that the stage may also take none.
	Optional bool
	// Greedy says that no event may be passed over that the stage could take.
	Greedy bool
	Where  Condition
	// Until ends the stage; nil if nothing does.
	Until Condition
	// Enough replaces Min and Max: it says, with the event at hand taken, whether the
	// stage has all that it needs. It takes no more then.
	Enough func(so Taken) bool
	// Gap is how much later than the event before it an event of the stage may be, in
	// milliseconds, exclusive; 0 if there is no bound.
	Gap int64
}

// Skip says which matches a match makes obsolete.
type Skip uint8

const (
	// NoSkip keeps all.
	NoSkip Skip = iota
	// SkipToNext drops those that begin with the same event.
	SkipToNext
	// SkipPastLast drops those that begin before the match has ended.
	SkipPastLast
	// SkipToFirst drops those that begin before the first event of a stage.
	SkipToFirst
	// SkipToLast drops those that begin before the last event of a stage.
	SkipToLast
)

// Pattern is what to look for.
type Pattern struct {
	Stages []Stage
	// Within is how much later than the first event of a match the last one may be, in
	// milliseconds, exclusive; 0 if there is no bound.
	Within int64
	Skip   Skip
	// SkipTo is the name of the stage for SkipToFirst and SkipToLast.
	SkipTo string
}

// MaxStages is how many stages a pattern may have.
const MaxStages = 60

// validate returns everything that makes no sense.
func (p Pattern) validate() error {
	var faults []error
	report := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	report(len(p.Stages) == 0, "it has no stages: start it with Begin")
	report(len(p.Stages) > MaxStages, "it has %d stages, %d are the most", len(p.Stages), MaxStages)
	report(p.Within < 0, "Within is negative: give how long a match may take")
	names := map[string]bool{}
	for i, s := range p.Stages {
		report(s.Name == "", "stage %d has no name: give it one", i+1)
		report(names[s.Name], "two stages are named %q: give one of them another name", s.Name)
		names[s.Name] = s.Absent == Present
		s.validate(report)
		if s.Absent != Present {
			p.validateAbsence(i, report)
		}
	}
	if p.Skip == SkipToFirst || p.Skip == SkipToLast {
		report(!names[p.SkipTo], "it is to skip to stage %q, which no event is taken for: name one of its stages", p.SkipTo)
	}
	return errors.Join(faults...)
}

func (s Stage) validate(report func(bool, string, ...any)) {
	loops := s.loops()
	report(s.Min < 1 || s.Max < 0, "stage %q: the number of its events must be at least 1; use Optional for a stage that may be left out", s.Name)
	report(s.Max > 0 && s.Max < s.Min, "stage %q: it takes at least %d events and at most %d", s.Name, s.Min, s.Max)
	report(s.Gap < 0, "stage %q: Gap is negative: give how much later than the event before it may be", s.Name)
	report(!loops && s.Inner != SkipTillNext, "stage %q takes one event: Consecutive and AllowCombinations are for those that take several", s.Name)
	report(!loops && s.Until != nil, "stage %q takes one event: Until is for those that take several", s.Name)
	report(s.Greedy && (!loops || s.Min == s.Max), "stage %q: Greedy is for stages that take more or fewer events", s.Name)
	report(s.Greedy && s.Inner == SkipTillAny, "stage %q: Greedy takes all, AllowCombinations leaves some out: choose one", s.Name)
	report(s.Enough != nil && (s.Min != 1 || s.Max != 0 || s.Greedy || s.Inner == SkipTillAny), "stage %q: Distinct says itself how many events it takes: leave out the other quantifiers", s.Name)
	report(s.Absent != Present && (loops || s.Optional), "stage %q must not come: it takes no quantifiers", s.Name)
}

// validateAbsence checks what stands around an absence.
func (p Pattern) validateAbsence(i int, report func(bool, string, ...any)) {
	s := p.Stages[i]
	report(i == 0, "it begins with the absence of %q: begin with an event that comes", s.Name)
	report(i > 0 && p.Stages[i-1].Absent == Present && p.Stages[i-1].Optional, "stage %q must not come behind %q, which may be left out: an absence needs an event before it", s.Name, p.Stages[max(i-1, 0)].Name)
	last, needed := true, false
	for _, next := range p.Stages[i+1:] {
		last = last && next.Absent != Present
		needed = needed || next.Absent == Present && !next.Optional
	}
	report(!last && !needed, "stage %q must not come, but all stages behind it may be left out: one of them has to come", s.Name)
	report(last && s.Absent == NotFollowedBy && p.Within == 0 && s.Gap == 0, "it ends with the absence of %q: say for how long, with Within or Gap", s.Name)
	report((!last || s.Absent == NotNext) && s.Gap > 0, "stage %q must not come: Gap is for NotFollowedBy at the end", s.Name)
}

// loops says whether the stage may take several events.
func (s Stage) loops() bool { return s.Max != 1 || s.Enough != nil }
