package nfa

import (
	"cmp"
	"slices"
)

// settle moves matches to Found: at once if all are wanted, else in the order of
// their first events, each when no earlier run may come before it, and without those
// that are obsolete by then. If too many wait, the runs that they wait for are given up.
func (m *Machine) settle() {
	if len(m.done) == 0 {
		return
	}
	slices.SortFunc(m.done, m.compare)
	for len(m.done) > 0 {
		d := m.done[0]
		if m.Skip != NoSkip && len(m.runs) > 0 && m.runs[0].first < d.first {
			if len(m.done) <= m.MaxRuns {
				return
			}
			m.giveUp(1)
			continue
		}
		m.changed = true
		m.done = slices.Delete(m.done, 0, 1)
		m.Found = append(m.Found, Found{m.taken(d.node), d.at, false})
		m.skip(d)
	}
}

// compare orders matches by their first events, then by when they were complete and by
// their last events, then so that one which takes an earlier event, or takes it for an
// earlier stage, comes first.
func (m *Machine) compare(a, b match) int {
	c := cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.at, b.at), cmp.Compare(m.nodes[a.node].event, m.nodes[b.node].event))
	if c != 0 {
		return c
	}
	return slices.Compare(m.sequence(a), m.sequence(b))
}

// sequence are the numbers of the events of a match, each with its stage.
func (m *Machine) sequence(d match) (events []int64) {
	for at := d.node; at >= 0; at = m.nodes[at].prev {
		events = append(events, int64(m.nodes[at].event)<<8|int64(m.nodes[at].stage))
	}
	slices.Reverse(events)
	return events
}

// skip drops the runs and matches that a match makes obsolete.
func (m *Machine) skip(d match) {
	before := m.obsolete(d)
	m.runs = slices.DeleteFunc(m.runs, func(r run) bool { return r.first < before })
	m.done = slices.DeleteFunc(m.done, func(o match) bool { return o.first < before })
}

// obsolete is the event before which no run and no match may have begun.
func (m *Machine) obsolete(d match) (before int32) {
	switch m.Skip {
	case SkipToNext:
		return d.first + 1
	case SkipPastLast:
		return m.nodes[d.node].event + 1
	case NoSkip:
		return 0
	}
	for at := d.node; at >= 0; at = m.nodes[at].prev {
		if n := m.nodes[at]; n.stage == m.skipTo && (before == 0 || m.Skip == SkipToFirst) {
			before = n.event
		}
	}
	return before
}
