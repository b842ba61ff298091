package nfa

import (
	"errors"
	"math"
)

// Found is a match, or a partial one that ran out of time.
type Found struct {
	Taken
	// At is the time of the last event, or that at which the time was up.
	At       int64
	TimedOut bool
}

// Machine works on one state after another. What Found holds is valid until the next
// Load.
type Machine struct {
	*NFA
	// Retain is given an event that is to be kept, and returns it as it can be. Recall
	// makes the value of an event of its payload.
	Retain func(Event) (Event, error)
	Recall func(payload []byte) (any, error)
	// MaxRuns is how many partial matches a key may have; the oldest go first.
	MaxRuns int
	// Found are the matches and timed-out partial matches since Load, in the order in
	// which they were found. GivenUp is how many partial matches there were too many.
	Found   []Found
	GivenUp int
	// Timeouts says that timed-out partial matches are wanted.
	Timeouts bool

	loaded  *State
	changed bool
	err     error
	State
	next []run
	// at is the event at hand, kept its number, or -1 while no run has taken it.
	at    Event
	kept  int32
	marks marks
}

// NewMachine is a machine for a pattern. Retain keeps events as they are until it is
// set.
func NewMachine(n *NFA) *Machine {
	return &Machine{
		NFA: n, MaxRuns: math.MaxInt,
		Retain: func(e Event) (Event, error) { return e, nil },
		Recall: func([]byte) (any, error) { return nil, errors.New("an event has no value") },
	}
}

// Load begins the work on a state.
func (m *Machine) Load(s *State) {
	m.loaded, m.changed, m.err, m.Found, m.GivenUp = s, false, nil, m.Found[:0], 0
	if s == nil {
		s = &none
	}
	m.events = append(m.events[:0], s.events...)
	m.nodes = append(m.nodes[:0], s.nodes...)
	m.runs = append(m.runs[:0], s.runs...)
	m.done = append(m.done[:0], s.done...)
	m.waiting = append(m.waiting[:0], s.waiting...)
	m.Timer = s.Timer
	m.recall(m.events)
	m.recall(m.waiting)
}

// recall makes the values of events that have none yet.
func (m *Machine) recall(events []Event) {
	for i := range events {
		if events[i].Value != nil || m.err != nil {
			continue
		}
		events[i].Value, m.err = m.Recall(events[i].Payload)
	}
}

// Err is what was wrong with the state or with an event that was to be kept. The work
// must end then.
func (m *Machine) Err() error { return m.err }

var none = State{Timer: Never}

// Save ends the work: it returns the state that follows, which is the one that was
// loaded if nothing has changed, and nil if nothing is left to keep.
func (m *Machine) Save() (*State, error) {
	switch {
	case m.err != nil:
		return nil, m.err
	case !m.changed:
		return m.loaded, nil
	case len(m.runs)+len(m.done)+len(m.waiting) == 0:
		return nil, nil
	}
	return m.compact(), nil
}

// SetTimer notes when the key is to be looked at.
func (m *Machine) SetTimer(at int64) {
	if m.Timer != at {
		m.Timer, m.changed = at, true
	}
}

func (m *Machine) taken(node int32) Taken { return Taken{m.nodes, m.events, node, m.names} }

// keep keeps the event at hand, once.
func (m *Machine) keep(e *Event) int32 {
	if m.kept < 0 {
		retained, err := m.Retain(*e)
		if err != nil && m.err == nil {
			m.err = err
		}
		m.kept = int32(len(m.events))
		m.events = append(m.events, retained)
	}
	return m.kept
}

// marks say which nodes and events are still needed, and which number they have then.
type marks struct{ nodes, events []int32 }

// compact copies what is still needed to a new state.
func (m *Machine) compact() *State {
	m.mark()
	s := &State{Timer: m.Timer, runs: append([]run(nil), m.runs...), done: append([]match(nil), m.done...), waiting: append([]Event(nil), m.waiting...)}
	s.events = make([]Event, renumber(m.marks.events))
	s.nodes = make([]node, renumber(m.marks.nodes))
	for i, to := range m.marks.events {
		if to >= 0 {
			s.events[to] = m.events[i]
		}
	}
	for i, to := range m.marks.nodes {
		if to >= 0 {
			n := m.nodes[i]
			if n.prev >= 0 {
				n.prev = m.marks.nodes[n.prev]
			}
			n.event = m.marks.events[n.event]
			s.nodes[to] = n
		}
	}
	for i, r := range s.runs {
		s.runs[i].first, s.runs[i].node = m.marks.events[r.first], m.marks.nodes[r.node]
	}
	for i, d := range s.done {
		s.done[i].first, s.done[i].node = m.marks.events[d.first], m.marks.nodes[d.node]
	}
	return s
}

// mark marks what runs and matches need: their nodes, those before, and their events.
func (m *Machine) mark() {
	m.marks.nodes = unmarked(m.marks.nodes, len(m.nodes))
	m.marks.events = unmarked(m.marks.events, len(m.events))
	for _, r := range m.runs {
		m.marks.nodes[r.node] = 0
	}
	for _, d := range m.done {
		m.marks.nodes[d.node] = 0
	}
	for i := len(m.nodes) - 1; i >= 0; i-- {
		if m.marks.nodes[i] < 0 {
			continue
		}
		m.marks.events[m.nodes[i].event] = 0
		if prev := m.nodes[i].prev; prev >= 0 {
			m.marks.nodes[prev] = 0
		}
	}
}

func unmarked(marks []int32, n int) []int32 {
	marks = marks[:0]
	for range n {
		marks = append(marks, -1)
	}
	return marks
}

// renumber gives what is marked its new number, and returns how much it is.
func renumber(marks []int32) int {
	n := int32(0)
	for i := range marks {
		if marks[i] >= 0 {
			marks[i] = n
			n++
		}
	}
	return int(n)
}
