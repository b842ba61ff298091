package nfa

import "slices"

// Buffer has an event wait until Release comes to its time.
func (m *Machine) Buffer(e Event) {
	m.kept, m.changed = -1, true
	e, err := m.Retain(e)
	if err != nil && m.err == nil {
		m.err = err
	}
	at := len(m.waiting)
	for at > 0 && m.waiting[at-1].Time > e.Time {
		at--
	}
	m.waiting = slices.Insert(m.waiting, at, e)
}

// Release processes the events that wait, up to and including a moment, in the order
// of their times, and lets time pass up to there.
func (m *Machine) Release(to int64) {
	n := 0
	for n < len(m.waiting) && m.waiting[n].Time <= to {
		m.changed = true
		m.Process(m.waiting[n])
		n++
	}
	m.waiting = slices.Delete(m.waiting, 0, n)
	m.Advance(to)
}
