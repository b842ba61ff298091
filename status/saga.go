package status

import (
	"encoding/json"
	"time"
)

// Orchestrator is where the sagas of an orchestrator are.
type Orchestrator struct {
	Name string `json:"name"`
	// Store is the store with a row for each saga, by its id.
	Store string `json:"store"`
	// Inbox is the topic of its events, Audit that of all transitions; empty is none.
	Inbox string `json:"inbox"`
	Audit string `json:"audit,omitempty"`
	// Definitions are the names that its sagas go by, in order.
	Definitions []string `json:"definitions"`
}

// Saga is a saga as its orchestrator knows it.
type Saga struct {
	ID           string `json:"id"`
	Orchestrator string `json:"orchestrator"`
	Definition   string `json:"definition"`
	Version      int    `json:"version"`
	// Status is running, compensating, parked, completed or compensated, Reason why it
	// turned back.
	Status  string    `json:"status"`
	Reason  string    `json:"reason,omitempty"`
	Began   time.Time `json:"began"`
	Changed time.Time `json:"changed"`
	Ended   time.Time `json:"ended,omitzero"`
	// Step is the step that it is at, with State and Error as that step has them.
	Step  string `json:"step,omitempty"`
	State string `json:"state,omitempty"`
	Error string `json:"error,omitempty"`
	// Detail is what a list leaves out.
	Detail *SagaDetail `json:"detail,omitempty"`
}

// SagaDetail is what a single saga shows beside what a list has of it.
type SagaDetail struct {
	Data json.RawMessage `json:"data,omitempty"`
	// Pivoted says that there is no way back.
	Pivoted bool `json:"pivoted"`
	// Parent is the saga that waits for this one.
	Parent string `json:"parent,omitempty"`
	// Steps are those that were begun, in that order, and then those that may come.
	Steps  []SagaStep  `json:"steps"`
	Timers []SagaTimer `json:"timers,omitempty"`
	// Actions are those that make sense for the saga as it is, such as cancel, and
	// Signals those that a step waits for or may wait for later.
	Actions []string `json:"actions,omitempty"`
	Signals []string `json:"signals,omitempty"`
	// History is what the audit knows, the oldest first.
	History []SagaTransition `json:"history,omitempty"`
}

// SagaStep is a step of a saga. Its State is empty if it was not begun.
type SagaStep struct {
	Name string `json:"name"`
	// Kind is step, wait or fork, Does and Undoes are what it does, in words.
	Kind   string `json:"kind"`
	Does   string `json:"does,omitempty"`
	Undoes string `json:"undoes,omitempty"`
	Pivot  bool   `json:"pivot,omitempty"`
	State  string `json:"state,omitempty"`
	// Attempts and Undos count the commands of the action and of its compensation.
	Attempts int `json:"attempts,omitempty"`
	Undos    int `json:"undos,omitempty"`
	// Doubt says that it may have been done without word of it.
	Doubt bool      `json:"doubt,omitempty"`
	Due   time.Time `json:"due,omitzero"`
	Error string    `json:"error,omitempty"`
	// Actions are those of retry, skip and fail that make sense now.
	Actions []string `json:"actions,omitempty"`
}

// SagaTimer is a durable timer of a saga: of a step, or of the saga itself, which is its
// deadline or, once it has ended, the time at which it is forgotten.
type SagaTimer struct {
	Name string    `json:"name"`
	Step bool      `json:"step,omitempty"`
	Due  time.Time `json:"due"`
}

// SagaTransition is an entry of the audit: a step or, without one, the saga itself changed
// its state, or something that came was of no use.
type SagaTransition struct {
	At      time.Time `json:"at"`
	Step    string    `json:"step,omitempty"`
	From    string    `json:"from,omitempty"`
	To      string    `json:"to,omitempty"`
	Attempt int       `json:"attempt,omitempty"`
	Error   string    `json:"error,omitempty"`
	Note    string    `json:"note,omitempty"`
}

// SagaFilter chooses sagas for a list. Zero members choose all.
type SagaFilter struct {
	Statuses   []string
	Definition string
	// BegunBefore and ChangedBefore are times.
	BegunBefore, ChangedBefore time.Time
}

// SagaAsk is what somebody asks of a saga: cancel, for a Reason; retry, skip or fail, a
// Step; or signal, by Name, with Data. Signals with the same ID count once.
type SagaAsk struct {
	Action string          `json:"-"`
	Step   string          `json:"step"`
	Reason string          `json:"reason"`
	Name   string          `json:"name"`
	ID     string          `json:"id"`
	Data   json.RawMessage `json:"data"`
}
