package nfa

import "math"

// Advance lets time pass, up to and including a moment.
func (m *Machine) Advance(to int64) {
	m.expire(to)
	m.settle()
}

// expire ends the runs, and the targets of runs, whose time is up at a moment.
func (m *Machine) expire(now int64) {
	left := m.runs[:0]
	for _, r := range m.runs {
		if m.deadlineOf(r) <= now {
			m.changed = true
			if m.expireRun(&r, now); r.targets == 0 {
				continue
			}
		}
		left = append(left, r)
	}
	m.runs = left
}

// expireRun takes the targets from a run whose time is up at a moment. If it waits for
// the end of the pattern only, it is a match then.
func (m *Machine) expireRun(r *run, now int64) {
	last, end := int64(math.MinInt64), m.end()
	if m.endWait && r.targets>>end != 0 && m.deadline(*r, end) <= now {
		m.done = append(m.done, match{r.first, r.node, m.deadline(*r, end)})
		r.matched = true
	}
	for rest := r.targets; rest != 0; {
		var t int
		t, rest = lowest(rest)
		if at := m.deadline(*r, t); at <= now {
			r.targets &^= 1 << t
			last = max(last, at)
		}
	}
	if r.targets == 0 && !r.matched && m.Timeouts {
		m.Found = append(m.Found, Found{m.taken(r.node), last, true})
	}
}

// Never is the time of what does not happen.
const Never = math.MaxInt64

// deadline is when the time of a run is up for one of its targets.
func (m *Machine) deadline(r run, target int) int64 {
	at, gap := int64(Never), m.endGap
	if target < m.end() {
		gap = m.stages[target].Gap
	}
	if gap > 0 {
		at = after(m.events[m.nodes[r.node].event].Time, gap)
	}
	if m.Within > 0 {
		at = min(at, after(m.events[r.first].Time, m.Within))
	}
	return at
}

// after is a time behind another, or Never if there is no such time.
func after(at, d int64) int64 {
	if at > Never-d {
		return Never
	}
	return at + d
}

// deadlineOf is when the time of a run is up for the first of its targets.
func (m *Machine) deadlineOf(r run) int64 {
	at := int64(Never)
	for targets := r.targets; targets != 0; {
		var t int
		t, targets = lowest(targets)
		at = min(at, m.deadline(r, t))
	}
	return at
}

// Deadline is when time changes something next; ok is false if never.
func (m *Machine) Deadline() (at int64, ok bool) {
	at = Never
	for _, r := range m.runs {
		at = min(at, m.deadlineOf(r))
	}
	if len(m.waiting) > 0 {
		at = min(at, m.waiting[0].Time)
	}
	return at, at != Never
}
