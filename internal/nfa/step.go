package nfa

import (
	"math/bits"
	"slices"
)

// Process takes an event whose time is not before that of any event before it.
func (m *Machine) Process(e Event) {
	m.expire(e.Time)
	m.at, m.kept = e, -1
	m.next = m.next[:0]
	for i := range m.runs {
		m.step(m.runs[i], &m.at)
	}
	m.start(&m.at)
	m.runs, m.next = m.next, m.runs
	m.giveUp(max(0, len(m.runs)-m.MaxRuns))
	m.settle()
}

// giveUp drops the n oldest runs.
func (m *Machine) giveUp(n int) {
	m.runs = slices.Delete(m.runs, 0, n)
	m.GivenUp += n
	m.changed = m.changed || n > 0
}

// start begins runs with an event.
func (m *Machine) start(e *Event) {
	from := run{first: -1, node: -1}
	for targets := m.starts; targets != 0; {
		var t int
		t, targets = lowest(targets)
		if m.accepts(t, e, m.taken(-1)) {
			m.take(from, t, e, 1)
		}
	}
}

// accepts says whether a stage takes an event.
func (m *Machine) accepts(stage int, e *Event, so Taken) bool {
	s := &m.stages[stage]
	return s.Where(e, so) && (s.Until == nil || !s.Until(e, so))
}

// step gives an event to a run, and what becomes of that to next.
func (m *Machine) step(r run, e *Event) {
	so, stage := m.taken(r.node), int(m.nodes[r.node].stage)
	if m.forbidden(r, stage, e, so) {
		m.changed = true
		return
	}
	before := r
	passed := m.greedyTaking(&r, stage, e, so)
	kept := uint64(0)
	for targets := r.targets; targets != 0; {
		var t int
		t, targets = lowest(targets)
		if t != stage && m.passedOver(stage, t)&passed != 0 {
			continue
		}
		if m.offer(r, stage, t, e, so) {
			kept |= 1 << t
		}
		r.matched = r.matched || t == m.end() && !m.endWait
	}
	r.targets, r.fresh = kept, false
	m.changed = m.changed || r != before
	if kept != 0 {
		m.next = append(m.next, r)
	}
}

// forbidden says whether an event is one that must not come.
func (m *Machine) forbidden(r run, stage int, e *Event, so Taken) bool {
	not := &m.behind[stage]
	for _, c := range not.followed {
		if c(e, so) {
			return true
		}
	}
	if r.fresh {
		for _, c := range not.next {
			if c(e, so) {
				return true
			}
		}
	}
	return false
}

// greedyTaking returns the greedy stages that would take an event, so that no way past
// them is left. A stage whose end has come takes nothing any more.
func (m *Machine) greedyTaking(r *run, stage int, e *Event, so Taken) (taking uint64) {
	for g := m.passedOver(stage, bits.Len64(r.targets)-1) &^ r.over; g != 0; {
		var i int
		i, g = lowest(g)
		s := &m.stages[i]
		switch {
		case s.Until != nil && s.Until(e, so):
			r.over |= 1 << i
		case s.Where(e, so):
			taking |= 1 << i
		}
	}
	return taking
}

// offer gives an event to one target of a run, and says whether the run goes on
// waiting for that target.
func (m *Machine) offer(r run, stage, target int, e *Event, so Taken) bool {
	if target == m.end() {
		if !m.endWait { // nothing came that must not come next
			m.done = append(m.done, match{r.first, r.node, e.Time})
		}
		return m.endWait
	}
	s, again := &m.stages[target], target == stage
	ended := s.Until != nil && s.Until(e, so)
	if again && ended {
		return false
	}
	accepted := s.Where(e, so)
	if accepted && !ended {
		count := int32(1)
		if again {
			count += r.count
		}
		m.take(r, target, e, count)
	}
	contiguity := s.Outer
	if again {
		contiguity = s.Inner
	}
	return contiguity == SkipTillAny || contiguity == SkipTillNext && !accepted
}

// take makes the run that follows when a stage takes an event as its count-th one.
func (m *Machine) take(from run, stage int, e *Event, count int32) {
	m.changed = true
	event := m.keep(e)
	r := run{first: from.first, node: int32(len(m.nodes)), count: count}
	if r.first < 0 {
		r.first = event
	}
	m.nodes = append(m.nodes, node{from.node, event, uint8(stage)})
	enough, more := m.quantity(stage, r)
	if more {
		r.targets = 1 << stage
	}
	if enough {
		r.targets |= m.leave[stage]
		r.fresh = len(m.behind[stage].next) > 0
		r.matched = m.completes(stage)
	}
	if r.matched {
		m.done = append(m.done, match{r.first, r.node, e.Time})
	}
	if r.targets != 0 {
		m.next = append(m.next, r)
	}
}

// quantity says whether a run has enough events for its stage, and whether that takes
// more of them.
func (m *Machine) quantity(stage int, r run) (enough, more bool) {
	s := &m.stages[stage]
	if s.Enough != nil {
		enough = s.Enough(m.taken(r.node))
		return enough, !enough
	}
	return int(r.count) >= s.Min, s.Max == 0 || int(r.count) < s.Max
}
