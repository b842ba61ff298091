package sagas

import (
	"encoding/json/jsontext"
	"fmt"
	"strconv"
	"strings"
)

// Kind is what a command asks for.
type Kind string

// The kinds of commands.
const (
	// ToDo asks for the action of a step, ToUndo for its compensation, and ToAsk
	// whether the action was done.
	ToDo   Kind = "do"
	ToUndo Kind = "undo"
	ToAsk  Kind = "ask"
)

// Command is something that a step wants done: a record to be written to a topic, or
// the call of a Go function if Topic is empty.
type Command struct {
	// ID is different for each command that is ever sent, and always the same for the
	// same one. Key is the idempotency key: all attempts at a step, its compensation
	// and questions after it have the same.
	ID, Key string
	Kind    Kind
	Saga    string
	Step    string
	Attempt int
	Topic   string
	// Name tells commands of one topic apart.
	Name string
	// RecordKey is the key of the record, by default the saga's id.
	RecordKey string
	// Data is the value of the record, or for a function the data of the saga.
	Data jsontext.Value
	// trace is that of the saga, or of the record that a command was read from.
	trace tracing
	// Start is the event for another saga, named by RecordKey, that stands for a
	// record: a sub-saga.
	Start *Event
}

// keyOf is the idempotency key of a step.
func keyOf(saga, step string) string { return saga + "/" + step }

// commandID numbers the commands of a kind under a key.
func commandID(key string, kind Kind, n int) string {
	return fmt.Sprintf("%s/%s#%d", key, kind, n)
}

// parseCommand takes the id of a saga's command apart.
func parseCommand(saga, id string) (step string, kind Kind, n int, ok bool) {
	rest, ok := strings.CutPrefix(id, saga+"/")
	if !ok {
		return "", "", 0, false
	}
	step, tail, ok := strings.Cut(rest, "/")
	if !ok {
		return "", "", 0, false
	}
	name, number, ok := strings.Cut(tail, "#")
	if !ok {
		return "", "", 0, false
	}
	n, err := strconv.Atoi(number)
	return step, Kind(name), n, err == nil && n > 0
}

// Timer wakes a saga. Setting one for a step replaces that step's other one.
type Timer struct {
	Due  int64
	Step string
}

// The timers of the saga itself.
const (
	deadlineTimer = "@deadline"
	forgetTimer   = "@forget"
)

// Answer goes to the saga that waits for this one.
type Answer struct {
	Saga  string
	Event Event
}

// Transition is an entry of the audit: a step or, with no step, the saga itself
// changed its state, or something that came was of no use (Note).
type Transition struct {
	Saga       string `json:"saga"`
	Definition string `json:"definition"`
	Version    int    `json:"version"`
	Step       string `json:"step,omitzero"`
	From       string `json:"from,omitzero"`
	To         string `json:"to,omitzero"`
	Attempt    int    `json:"attempt,omitzero"`
	Error      string `json:"error,omitzero"`
	Note       string `json:"note,omitzero"`
	At         int64  `json:"at"`
}

// String is the transition as a line of a transcript.
func (t Transition) String() string {
	var b strings.Builder
	b.WriteString(t.Saga)
	if t.Step != "" {
		b.WriteString(" " + t.Step)
	}
	if t.To != "" {
		b.WriteString(": ")
		if t.From != "" {
			b.WriteString(t.From + " -> ")
		}
		b.WriteString(t.To)
	}
	if t.Note != "" {
		b.WriteString(": " + t.Note)
	}
	if t.Error != "" {
		b.WriteString(" (" + t.Error + ")")
	}
	return b.String()
}

// Effects are what a step of a saga leads to, in the order in which they came. All
// of them become durable together with the instance.
type Effects struct {
	Commands []Command
	// Cancelled timers are gone before those in Timers are set.
	Cancelled, Timers []Timer
	Answers           []Answer
	Audit             []Transition
	// Forget says that the instance is to be deleted.
	Forget bool
	// Useless says why the event changed nothing, if it ought to have.
	Useless string
}
