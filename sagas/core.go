package sagas

import (
	"fmt"
	"slices"
)

// Step is all of a saga's logic: what becomes of an instance when something happens
// to it, and what that leads to. It is a pure function: the same instance and event
// lead to the same results, and what it is given stays as it is.
//
// The instance is that of the definition and version given, or zero before the saga
// has started. An event that changes nothing, such as a second reply to a command, is
// said to be useless in the effects.
func Step(d *Definition, i Instance, e Event) (Instance, Effects) {
	next := i.clone()
	m := machine{d: d, i: &next, now: e.At}
	if e.Type == EventStart {
		m.start(e)
	} else {
		m.handle(e)
	}
	m.settle(i.Status)
	return next, m.out
}

// machine is one call of Step.
type machine struct {
	d   *Definition
	i   *Instance
	now int64
	out Effects
}

// handle is everything but a start. A saga that has ended hears of little.
func (m *machine) handle(e Event) {
	switch {
	case m.i.ID == "":
		m.useless("the saga is not known")
	case e.Type == EventTimer && (e.Step == forgetTimer || e.Step == deadlineTimer):
		m.sagaTimer(e)
	case e.Type == EventUndo:
		m.undoSaga(e)
	case m.i.Status.Ended():
		m.useless("the saga has ended")
	case e.Type == EventTimer:
		m.timer(e)
	case e.Type == EventReply:
		m.replied(e)
	case e.Type == EventSignal:
		m.signalled(e)
	case e.Type == EventCancel:
		m.cancel(e)
	default:
		m.byHand(e)
	}
}

// start begins the saga, if it has not begun.
func (m *machine) start(e Event) {
	if m.i.ID != "" {
		m.useless("the saga was started before")
		if m.i.Status.Ended() && e.Parent != nil {
			m.answerParent(*e.Parent)
		}
		return
	}
	if err := m.d.check(e.Data); err != nil {
		m.useless("its data: " + err.Error())
		if e.Parent != nil {
			m.answer(*e.Parent, Failed, m.out.Useless, nil)
		}
		return
	}
	*m.i = Instance{
		ID: e.Saga, Definition: m.d.name, Version: m.d.version, Status: Running, Data: e.Data,
		Began: m.now, Parent: e.Parent, Trace: e.trace.parent, TraceState: e.trace.state,
	}
	if m.d.deadline > 0 {
		m.setSagaTimer(deadlineTimer, m.now+m.d.deadline.Milliseconds())
	}
	m.audit(Transition{To: string(Running)})
}

// settle does what follows from where the steps are: it goes on, or back, and says
// what has become of the saga.
func (m *machine) settle(before Status) {
	if m.i.ID == "" || m.i.Status.Ended() {
		return
	}
	if !m.i.Back && m.advance(m.d.root) && m.i.Pending == "" {
		m.end(Completed)
		return
	}
	if m.i.Back && m.retreat() {
		m.end(Compensated)
		return
	}
	if now := m.status(); now != m.i.Status {
		m.audit(Transition{From: string(m.i.Status), To: string(now), Error: m.i.Reason})
		m.i.Status = now
	}
	if len(m.out.Audit) > 0 || m.i.Status != before {
		m.i.Changed = m.now
	}
}

// status follows from where the steps are.
func (m *machine) status() Status {
	parked := slices.ContainsFunc(m.i.Steps, func(s StepState) bool { return s.State == StepParked || s.State == StepStuck })
	switch {
	case parked:
		return Parked
	case m.i.Back:
		return Compensating
	}
	return Running
}

// end ends the saga and lets those know who wait for it.
func (m *machine) end(as Status) {
	m.audit(Transition{From: string(m.i.Status), To: string(as), Error: m.i.Reason})
	m.i.Status, m.i.Ended, m.i.Changed = as, m.now, m.now
	m.i.Early = nil
	m.setSagaTimer(forgetTimer, m.now+m.d.retention.Milliseconds())
	if m.i.Parent != nil {
		m.answerParent(*m.i.Parent)
		m.i.Parent = nil
	}
	if m.i.Undo != nil {
		m.answerUndo(*m.i.Undo)
		m.i.Undo = nil
	}
}

// setSagaTimer replaces the timer of the saga itself.
func (m *machine) setSagaTimer(name string, due int64) {
	if m.i.Due != 0 {
		m.out.Cancelled = append(m.out.Cancelled, Timer{m.i.Due, deadlineTimer}, Timer{m.i.Due, forgetTimer})
	}
	m.i.Due = due
	m.out.Timers = append(m.out.Timers, Timer{due, name})
}

// sagaTimer is the deadline, or the end of the retention.
func (m *machine) sagaTimer(e Event) {
	forget := e.Step == forgetTimer
	if e.Due != m.i.Due || forget != m.i.Status.Ended() {
		m.useless("the timer was replaced")
		return
	}
	m.i.Due = 0
	if forget {
		m.out.Forget = true
		return
	}
	m.turnBack("the deadline has passed")
}

// begin enters a step.
func (m *machine) begin(n *node) *StepState {
	m.i.Steps = append(m.i.Steps, StepState{Name: n.name})
	return &m.i.Steps[len(m.i.Steps)-1]
}

// move changes the state of a step and notes it.
func (m *machine) move(s *StepState, to State, why string) {
	attempt := s.Attempts
	if to == StepUndoing || to == StepResting || to == StepUndone || to == StepStuck {
		attempt = s.Undos
	}
	m.audit(Transition{Step: s.Name, From: string(s.State), To: string(to), Attempt: attempt, Error: why})
	s.State, s.Error = to, why
}

// setTimer replaces the timer of a step; 0 clears it.
func (m *machine) setTimer(s *StepState, due int64) {
	if s.Due == due {
		return
	}
	if s.Due != 0 {
		old := Timer{s.Due, s.Name}
		m.out.Timers = slices.DeleteFunc(m.out.Timers, func(t Timer) bool { return t == old })
		m.out.Cancelled = append(m.out.Cancelled, old)
	}
	if due != 0 {
		m.out.Timers = append(m.out.Timers, Timer{due, s.Name})
	}
	s.Due = due
}

func (m *machine) audit(t Transition) {
	t.Saga, t.Definition, t.Version, t.At = m.i.ID, m.i.Definition, m.i.Version, m.now
	m.out.Audit = append(m.out.Audit, t)
}

// note tells of something that changes no state.
func (m *machine) note(s *StepState, format string, args ...any) {
	m.audit(Transition{Step: s.Name, Note: fmt.Sprintf(format, args...)})
}

func (m *machine) useless(why string) { m.out.Useless = why }

// step is a step that was begun, with its node; nil if it was not.
func (m *machine) step(name string) (*StepState, *node) {
	at, n := m.i.find(name), m.d.nodes[name]
	if at < 0 || n == nil {
		return nil, nil
	}
	return &m.i.Steps[at], n
}
