package events

import (
	"fmt"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/topology"
)

// Memory is a store of what was answered, by the id of what was asked, so that what is
// asked twice is answered alike.
type Memory struct {
	store  topology.Store[*state.Window[string, []byte]]
	period time.Duration
	name   string
}

// NewMemory is a memory that keeps an answer for the time d at least, and for twice as
// long at most, in event time.
func NewMemory(name string, d time.Duration) Memory {
	return Memory{topology.WindowStore[string, []byte](name, 2*max(d, time.Millisecond)), d, name}
}

// Err is what is wrong with the memory.
func (m Memory) Err() error {
	if m.period < time.Millisecond {
		return fmt.Errorf("events: memory %q: answers are kept for %v: give at least 1 ms", m.name, m.period)
	}
	return nil
}

// Store is the store of the memory, for processors to be connected with.
func (m Memory) Store() topology.StoreRef { return m.store }

// In is the memory of a task.
func (m Memory) In(t *processors.Task) (*Answers, error) {
	store, err := m.store.In(t)
	return &Answers{task: t, store: store, period: m.period.Milliseconds()}, err
}

// Answers is the memory of one task.
type Answers struct {
	task   *processors.Task
	store  *state.Window[string, []byte]
	period int64
}

// start begins the period that answers are kept under now.
func (a *Answers) start() int64 { return a.task.StreamTime - a.task.StreamTime%a.period }

// Recall is the answer that was kept under an id.
func (a *Answers) Recall(id string) (answer []byte, ok bool, err error) {
	for _, start := range [...]int64{a.start(), a.start() - a.period} {
		if answer, _, ok, err = a.store.Fetch(id, start); err != nil || ok {
			return answer, ok, err
		}
	}
	return nil, false, nil
}

// Keep keeps an answer under an id.
func (a *Answers) Keep(id string, answer []byte) error {
	return a.store.Put(id, a.start(), answer, a.task.Time)
}
