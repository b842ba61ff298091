package nfa

import "math/bits"

// NFA is a compiled pattern. It does not change, and may be shared.
type NFA struct {
	Pattern
	// stages are those whose events have to come. behind has the absences that follow
	// each of them.
	stages []Stage
	names  []string
	behind []absences
	// starts are the targets of the first event, leave those behind each stage when it
	// has its events. needs are the greedy stages that an event must not pass over on
	// the way to each target, as a mask, by the stage that a run is in.
	starts  uint64
	leave   []uint64
	greedy  uint64
	skipTo  uint8
	endGap  int64
	endWait bool
	// fingerprint tells patterns apart whose states do not fit each other.
	fingerprint uint32
}

// absences are what must not come behind a stage.
type absences struct{ next, followed []Condition }

// Compile checks a pattern and prepares it.
func Compile(p Pattern) (*NFA, error) {
	if err := p.validate(); err != nil {
		return nil, err
	}
	n := &NFA{Pattern: p}
	for _, s := range p.Stages {
		if s.Where == nil {
			s.Where = func(*Event, Taken) bool { return true }
		}
		n.add(s)
	}
	n.starts = n.reach(-1)
	for i := range n.stages {
		n.leave = append(n.leave, n.reach(i))
	}
	n.fingerprint = p.fingerprint()
	return n, nil
}

func (n *NFA) add(s Stage) {
	last := len(n.stages) - 1
	switch s.Absent {
	case Present:
		if s.Name == n.SkipTo {
			n.skipTo = uint8(len(n.stages))
		}
		if s.Greedy {
			n.greedy |= 1 << len(n.stages)
		}
		n.stages, n.behind, n.names = append(n.stages, s), append(n.behind, absences{}), append(n.names, s.Name)
	case NotNext:
		n.behind[last].next = append(n.behind[last].next, s.Where)
	case NotFollowedBy:
		n.behind[last].followed = append(n.behind[last].followed, s.Where)
		if s.Gap > 0 && (n.endGap == 0 || s.Gap < n.endGap) {
			n.endGap = s.Gap
		}
	}
}

// end is the target behind the last stage.
func (n *NFA) end() int { return len(n.stages) }

// reach are the targets behind a stage: the next one, and those behind it as long as
// they may be left out. The end is a target if absences stand before it.
func (n *NFA) reach(stage int) (targets uint64) {
	for i := stage + 1; i < len(n.stages); i++ {
		targets |= 1 << i
		if !n.stages[i].Optional {
			return targets
		}
	}
	if last := len(n.stages) - 1; stage == last && n.behind[last].any() {
		n.endWait = len(n.behind[last].followed) > 0
		targets |= 1 << n.end()
	}
	return targets
}

func (a absences) any() bool { return len(a.next)+len(a.followed) > 0 }

// completes says whether a match may end with a stage, when that has its events.
func (n *NFA) completes(stage int) bool {
	if n.behind[stage].any() {
		return false
	}
	for _, s := range n.stages[stage+1:] {
		if !s.Optional {
			return false
		}
	}
	return true
}

// passedOver are the greedy stages that lie between a stage and a target: the stage
// itself and those that are left out.
func (n *NFA) passedOver(stage, target int) uint64 {
	return n.greedy & (1<<target - 1) &^ (1<<stage - 1)
}

// Names are the names of the stages that take events.
func (n *NFA) Names() []string { return n.names }

// lowest takes the lowest bit out of a mask.
func lowest(mask uint64) (bit int, rest uint64) {
	return bits.TrailingZeros64(mask), mask & (mask - 1)
}
