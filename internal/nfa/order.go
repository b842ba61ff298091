package nfa

import "slices"

// Buffer has an event wait until Next comes to its time.
func (m *Machine) Buffer(e Event) {
	e, err := m.Retain(e)
	if err != nil && m.err == nil {
		m.err = err
	}
	at := len(m.waiting)
	for at > 0 && m.waiting[at-1].Time > e.Time {
		at--
	}
	m.waiting, m.changed = slices.Insert(m.waiting, at, e), true
}

// Next returns the first of the events that wait, in the order of their times, if its
// time is not behind a moment. It does not wait any more then.
func (m *Machine) Next(until int64) (e Event, ok bool) {
	if len(m.waiting) == 0 || m.waiting[0].Time > until {
		return e, false
	}
	e = m.waiting[0]
	m.waiting, m.changed = slices.Delete(m.waiting, 0, 1), true
	return e, true
}
