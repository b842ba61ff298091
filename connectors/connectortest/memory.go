package connectortest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/tidemill/tidemill/connectors"
)

// Change is an item of Memory.
type Change struct {
	Key string
	// Value is what the key is set to; Delete removes it, Add adds to it.
	Value  string
	Delete bool
	Add    int
}

// Memory is a target that is a map. Values that are no numbers refuse to be added to.
// The zero Memory is empty and ready, and is safe for concurrent use.
type Memory struct {
	mu     sync.Mutex
	values map[string]string
	tasks  map[connectors.Task]*memoryTask
	// down, if set, is what everything fails with, lose how many answers are still to be
	// lost. opened and written count sessions and batches.
	down    error
	lose    int
	opened  int
	written int
}

type memoryTask struct {
	token  string
	stored connectors.Stored
	last   []connectors.Refused
}

// Get returns the value of a key.
func (m *Memory) Get(key string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	value, ok := m.values[key]
	return value, ok
}

// Writes is how many batches have been applied.
func (m *Memory) Writes() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.written
}

// Flush forgets everything.
func (m *Memory) Flush() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values, m.tasks = nil, nil
}

// Interrupt makes the target unreachable until the function that it returns is called.
func (m *Memory) Interrupt() (restore func()) {
	m.fail(connectors.Unavailable(errors.New("memory: out of reach")))
	return func() { m.fail(nil) }
}

func (m *Memory) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.down = err
}

// LoseAnswers has the next n writes be applied without the writer getting to know it.
func (m *Memory) LoseAnswers(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lose = n
}

// Open implements connectors.Target.
func (m *Memory) Open(_ context.Context, t connectors.Task) (connectors.Session[Change], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened++
	return &memorySession{of: m, task: t, id: strconv.Itoa(m.opened)}, m.down
}

type memorySession struct {
	of        *Memory
	task      connectors.Task
	id, token string
}

// Load implements connectors.Session.
func (s *memorySession) Load(context.Context) (connectors.Stored, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	at := s.of.tasks[s.task]
	if at == nil || s.of.down != nil {
		return connectors.Stored{}, s.of.down
	}
	s.token = at.token
	return connectors.Stored{Positions: slices.Clone(at.stored.Positions), Refused: slices.Clone(at.stored.Refused)}, nil
}

// Write implements connectors.Session.
func (s *memorySession) Write(_ context.Context, b *connectors.Batch[Change]) ([]connectors.Refused, error) {
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return nil, m.down
	}
	token := s.id + ":" + strconv.FormatInt(b.Number, 10)
	at := m.tasks[s.task]
	if at == nil {
		at = &memoryTask{}
	}
	switch at.token {
	case token:
		s.token = token
		return at.last, nil
	case s.token:
	default:
		return nil, connectors.ErrMoved
	}
	m.apply(at, b)
	at.token = token
	if m.tasks == nil {
		m.tasks = map[connectors.Task]*memoryTask{}
	}
	m.tasks[s.task] = at
	if m.lose > 0 {
		m.lose--
		return nil, connectors.Unavailable(errors.New("memory: the answer was lost"))
	}
	s.token = token
	return at.last, nil
}

func (m *Memory) apply(at *memoryTask, b *connectors.Batch[Change]) {
	if b.Settled {
		at.stored.Refused = nil
	}
	at.last, at.stored.Positions = nil, merge(at.stored.Positions, b.Positions)
	for i, c := range b.Items {
		if err := m.change(c); err != nil {
			at.last = append(at.last, connectors.Refused{Item: i, Err: err})
			at.stored.Refused = append(at.stored.Refused, b.Origins[i])
		}
	}
	m.written++
}

func (m *Memory) change(c Change) error {
	if m.values == nil {
		m.values = map[string]string{}
	}
	switch {
	case c.Delete:
		delete(m.values, c.Key)
	case c.Add != 0:
		n := 0
		if have, ok := m.values[c.Key]; ok {
			var err error
			if n, err = strconv.Atoi(have); err != nil {
				return errors.New("memory: " + c.Key + " is no number")
			}
		}
		m.values[c.Key] = strconv.Itoa(n + c.Add)
	default:
		m.values[c.Key] = c.Value
	}
	return nil
}

// merge overwrites the positions of the same topics.
func merge(old, fresh []connectors.Position) []connectors.Position {
	next := map[string]int64{}
	for _, p := range append(slices.Clone(old), fresh...) {
		next[p.Topic] = p.Next
	}
	out := make([]connectors.Position, 0, len(next))
	for _, topic := range slices.Sorted(maps.Keys(next)) {
		out = append(out, connectors.Position{Topic: topic, Next: next[topic]})
	}
	return out
}

// Close implements connectors.Session.
func (s *memorySession) Close() error { return nil }
