package sagas

import (
	"cmp"
	"encoding/json/v2"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidemill/tidemill/query"
	"github.com/tidemill/tidemill/status"
)

// board shows the sagas of an orchestrator to those who look at the application from
// outside, and checks what they ask for. It works on rows of the store and on records of
// the audit that somebody else reads.
type board struct {
	Orchestrator
	registry
}

// Board tells where the sagas are.
func (b board) Board() status.Orchestrator {
	return status.Orchestrator{
		Name: b.Name, Store: b.Name + "-sagas", Inbox: b.Inbox, Audit: b.Audit, Definitions: slices.Sorted(maps.Keys(b.newest)),
	}
}

// List makes a line of a list of a row, if the filter chooses it.
func (b board) List(row []byte, f status.SagaFilter) (s status.Saga, chosen bool, err error) {
	i, err := DecodeInstance(row)
	if err != nil {
		return s, false, err
	}
	return b.line(i), filterOf(f).Matches(i), nil
}

func filterOf(f status.SagaFilter) Filter {
	out := Filter{Definition: f.Definition, BegunBefore: milli(f.BegunBefore), ChangedBefore: milli(f.ChangedBefore)}
	for _, s := range f.Statuses {
		out.Statuses = append(out.Statuses, Status(s))
	}
	return out
}

func (b board) line(i Instance) status.Saga {
	s := status.Saga{
		ID: i.ID, Orchestrator: b.Name, Definition: i.Definition, Version: i.Version, Status: string(i.Status),
		Reason: i.Reason, Began: at(i.Began), Changed: at(i.Changed), Ended: at(i.Ended),
	}
	if step, ok := i.Current(); ok {
		s.Step, s.State, s.Error = step.Name, string(step.State), step.Error
	}
	return s
}

// Show is a saga with its steps, timers and history.
func (b board) Show(row []byte, audit [][]byte) (s status.Saga, err error) {
	i, err := DecodeInstance(row)
	if err != nil {
		return s, err
	}
	s = b.line(i)
	s.Detail = &status.SagaDetail{Data: []byte(i.Data), Pivoted: i.Pivoted, Steps: []status.SagaStep{}, Timers: timersOf(i)}
	if i.Parent != nil {
		s.Detail.Parent = i.Parent.Saga
	}
	if i.Refuses(Cancel("")) == "" {
		s.Detail.Actions = append(s.Detail.Actions, askCancel)
	}
	d := b.find(i.Definition, i.Version)
	for _, step := range i.Steps {
		s.Detail.Steps = append(s.Detail.Steps, stepOf(d, &i, step))
	}
	if d != nil && !i.Status.Ended() {
		s.Detail.Signals = d.awaits(&i)
		if len(s.Detail.Signals) > 0 {
			s.Detail.Actions = append(s.Detail.Actions, askSignal)
		}
		for _, n := range d.named {
			if i.find(n.name) < 0 && !i.Back {
				s.Detail.Steps = append(s.Detail.Steps, stepOf(d, &i, StepState{Name: n.name}))
			}
		}
	}
	s.Detail.History, err = historyOf(audit)
	return s, err
}

func stepOf(d *Definition, i *Instance, s StepState) status.SagaStep {
	out := status.SagaStep{
		Name: s.Name, State: string(s.State), Attempts: s.Attempts, Undos: s.Undos, Doubt: s.Doubt, Due: at(s.Due), Error: s.Error,
	}
	if d != nil && d.nodes[s.Name] != nil {
		n := d.nodes[s.Name]
		out.Kind, out.Does, out.Pivot = n.kind.String(), n.does(), n.pivot
		if n.undo != nil {
			out.Undoes = n.undo.text()
		}
	}
	for _, action := range []string{askRetry, askSkip, askFail} {
		e, _ := eventOf(status.SagaAsk{Action: action, Step: s.Name})
		if s.State != "" && refusal(d, i, e) == "" {
			out.Actions = append(out.Actions, action)
		}
	}
	return out
}

func (k nodeKind) String() string { return []string{"step", "wait", "fork"}[k] }

// does is what a node does, in words.
func (n *node) does() string {
	switch n.kind {
	case waitNode:
		var names []string
		for _, s := range n.signals {
			names = append(names, s.name)
		}
		return "waits for " + strings.Join(names, " or ")
	case forkNode:
		return fmt.Sprintf("%d branches", len(n.branches))
	}
	return n.action.text()
}

// awaits are the signals that a step waits for, or may wait for when its turn comes.
func (d *Definition) awaits(i *Instance) (names []string) {
	for _, n := range d.named {
		s, begun := i.Step(n.name)
		if begun && s.State != StepRunning || !begun && i.Back {
			continue
		}
		for _, sig := range n.signals {
			if !slices.Contains(names, sig.name) {
				names = append(names, sig.name)
			}
		}
	}
	return names
}

func timersOf(i Instance) (all []status.SagaTimer) {
	for _, s := range i.Steps {
		if s.Due != 0 {
			all = append(all, status.SagaTimer{Name: s.Name, Step: true, Due: at(s.Due)})
		}
	}
	if i.Due != 0 {
		name := "deadline"
		if i.Status.Ended() {
			name = "forgotten"
		}
		all = append(all, status.SagaTimer{Name: name, Due: at(i.Due)})
	}
	slices.SortStableFunc(all, func(a, b status.SagaTimer) int { return a.Due.Compare(b.Due) })
	return all
}

func historyOf(audit [][]byte) ([]status.SagaTransition, error) {
	all := []status.SagaTransition{}
	for _, value := range audit {
		var t Transition
		if err := json.Unmarshal(value, &t); err != nil {
			return nil, fmt.Errorf("sagas: a record of the audit is no transition: %w", err)
		}
		all = append(all, status.SagaTransition{
			At: at(t.At), Step: t.Step, From: t.From, To: t.To, Attempt: t.Attempt, Error: t.Error, Note: t.Note,
		})
	}
	return all, nil
}

// at is a time in milliseconds, or none.
func at(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// What somebody may ask of a saga.
const (
	askCancel = "cancel"
	askRetry  = "retry"
	askSkip   = "skip"
	askFail   = "fail"
	askSignal = "signal"
)

// Ask makes an event for the inbox of what somebody asks, if it makes sense for the
// saga as the row has it.
func (b board) Ask(row []byte, a status.SagaAsk) ([]byte, error) {
	e, err := eventOf(a)
	if err != nil {
		return nil, err
	}
	i, err := DecodeInstance(row)
	if err != nil {
		return nil, err
	}
	if why := refusal(b.find(i.Definition, i.Version), &i, e); why != "" {
		return nil, fmt.Errorf("sagas: saga %q: %w: %s", i.ID, query.ErrRefused, why)
	}
	return encode(e)
}

// eventOf is the event of what somebody asks.
func eventOf(a status.SagaAsk) (e Event, err error) {
	switch a.Action {
	case askCancel:
		e = Cancel(cmp.Or(a.Reason, "cancelled by hand"))
	case askRetry:
		e = RetryStep(a.Step)
	case askSkip:
		e = SkipStep(a.Step)
	case askFail:
		e = FailStep(a.Step)
	case askSignal:
		e = Event{Type: EventSignal, Name: a.Name, ID: a.ID, Data: []byte(a.Data)}
		if len(a.Data) > 0 && !e.Data.IsValid() {
			return e, errors.New("sagas: the data of the signal is no JSON")
		}
	default:
		return e, fmt.Errorf("sagas: nobody can %q a saga: there are cancel, retry, skip, fail and signal", a.Action)
	}
	for _, m := range []struct {
		extra bool
		name  string
	}{
		{a.Step != "" && e.Step == "", "step"},
		{a.Name != "" && e.Name == "", "name"},
		{a.ID != "" && e.ID == "", "id"},
		{a.Reason != "" && e.Type != EventCancel, "reason"},
		{len(a.Data) > 0 && e.Type != EventSignal, "data"},
	} {
		if m.extra {
			return e, fmt.Errorf("sagas: %s takes no %s: leave it out", a.Action, m.name)
		}
	}
	return e, e.check()
}

// refusal says why an event makes no sense, by what the definition knows as well.
func refusal(d *Definition, i *Instance, e Event) string {
	why := i.Refuses(e)
	if why != "" || d == nil {
		return why
	}
	s, _ := i.Step(e.Step)
	if n := d.nodes[e.Step]; n != nil && n.kind != stepNode && s.State == StepRunning {
		return fmt.Sprintf("step %s is running: it %s", e.Step, n.does())
	}
	if e.Type == EventSignal && !slices.Contains(d.awaits(i), e.Name) {
		return "no step waits for signal " + e.Name
	}
	return ""
}
