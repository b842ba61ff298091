package sagas

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"slices"
)

// Status is where a saga is.
type Status string

// The statuses. A saga that is completed or compensated has ended; a parked one
// waits for a person.
const (
	Running      Status = "running"
	Compensating Status = "compensating"
	Parked       Status = "parked"
	Completed    Status = "completed"
	Compensated  Status = "compensated"
)

// Ended says whether the saga is over.
func (s Status) Ended() bool { return s == Completed || s == Compensated }

// State is where a step is.
type State string

// The states of a step.
const (
	// StepRunning has a command or a function under way, or waits for a signal or
	// for branches.
	StepRunning State = "running"
	// StepWaiting is between two attempts.
	StepWaiting State = "waiting"
	// StepDone and StepSkipped let the saga go on; a skipped step has not been done.
	StepDone    State = "done"
	StepSkipped State = "skipped"
	// StepRefused was not done.
	StepRefused State = "failed"
	// StepParked can go neither on nor back, and waits for a person.
	StepParked State = "parked"
	// StepUndoing has its compensation under way, StepResting is between two attempts
	// of it, and StepStuck waits for a person.
	StepUndoing State = "compensating"
	StepResting State = "compensation waiting"
	StepStuck   State = "compensation parked"
	// StepUndone is compensated, by its compensation or by hand.
	StepUndone State = "compensated"
)

// StepState is a step that was begun.
type StepState struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Attempts counts the commands or calls of the action, Undos those of the
	// compensation, and Asks the questions after a command.
	Attempts int `json:"attempts,omitzero"`
	Undos    int `json:"undos,omitzero"`
	Asks     int `json:"asks,omitzero"`
	// Tries counts attempts since the policy for retries began anew, which was at
	// Since.
	Tries int   `json:"tries,omitzero"`
	Since int64 `json:"since,omitzero"`
	// Doubt says that it may have been done without word of it.
	Doubt bool `json:"doubt,omitzero"`
	// Due is its timer, or 0.
	Due   int64  `json:"due,omitzero"`
	Error string `json:"error,omitzero"`
}

// Instance is a saga under way. The zero Instance has not been started.
type Instance struct {
	ID         string         `json:"id"`
	Definition string         `json:"definition"`
	Version    int            `json:"version"`
	Status     Status         `json:"status"`
	Reason     string         `json:"reason,omitzero"`
	Data       jsontext.Value `json:"data,omitzero"`
	// Steps are those that were begun, in the order in which they were.
	Steps []StepState `json:"steps,omitzero"`
	// Early are signals that nothing waits for yet, and Seen the ids of the last ones.
	Early []EarlySignal `json:"early,omitzero"`
	Seen  []string      `json:"seen,omitzero"`
	// Pivoted says that there is no way back, Back that the saga is on its way back,
	// and Pending why it is to turn back if the pivot that is under way lets it.
	Pivoted bool   `json:"pivoted,omitzero"`
	Back    bool   `json:"back,omitzero"`
	Pending string `json:"pending,omitzero"`
	// Began, Changed and Ended are times, Due is the saga's own timer.
	Began   int64 `json:"began"`
	Changed int64 `json:"changed"`
	Ended   int64 `json:"ended,omitzero"`
	Due     int64 `json:"due,omitzero"`
	// Parent is who started it, Undo who wants it compensated.
	Parent *Parent `json:"parent,omitzero"`
	Undo   *Parent `json:"undo,omitzero"`
	// Trace and TraceState are the W3C trace context that it was started in.
	Trace      string `json:"trace,omitzero"`
	TraceState string `json:"traceState,omitzero"`
}

// EarlySignal is a signal that came before its Wait.
type EarlySignal struct {
	Name string         `json:"name"`
	Data jsontext.Value `json:"data,omitzero"`
}

// Step returns the state of a step; ok is false if it was not begun.
func (i *Instance) Step(name string) (s StepState, ok bool) {
	if at := i.find(name); at >= 0 {
		return i.Steps[at], true
	}
	return s, false
}

// Current is the step that the saga is at: the last of those that are under way or that
// have not ended well; ok is false if there is none.
func (i *Instance) Current() (s StepState, ok bool) {
	for _, one := range slices.Backward(i.Steps) {
		if one.State != StepDone && one.State != StepSkipped && one.State != StepUndone {
			return one, true
		}
	}
	return s, false
}

func (i *Instance) find(name string) int {
	return slices.IndexFunc(i.Steps, func(s StepState) bool { return s.Name == name })
}

// clone shares nothing that Step changes.
func (i Instance) clone() Instance {
	i.Steps, i.Early, i.Seen = slices.Clone(i.Steps), slices.Clone(i.Early), slices.Clone(i.Seen)
	return i
}

// Encode writes the instance as JSON, as it is kept in the store.
func (i Instance) Encode() ([]byte, error) { return encode(i) }

// DecodeInstance reads what Encode wrote: a row of an orchestrator's store, a record
// of its status topic, or the answer to a Query.
func DecodeInstance(data []byte) (i Instance, err error) {
	if err := json.Unmarshal(data, &i); err != nil {
		return i, fmt.Errorf("sagas: not an instance of a saga: %w", err)
	}
	return i, nil
}
