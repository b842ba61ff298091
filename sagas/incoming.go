package sagas

import "slices"

// replied takes the answer to a command. One that comes late is still the truth about
// its step, as long as the step has not moved on.
func (m *machine) replied(e Event) {
	name, kind, attempt, ok := parseCommand(m.i.ID, e.Command)
	s, n := m.step(name)
	switch {
	case !ok || s == nil || n.kind != stepNode:
		m.useless("no step has sent command " + e.Command)
	case kind == ToUndo:
		m.undoAnswered(s, n, attempt, e)
	case s.State != StepRunning && s.State != StepWaiting && s.State != StepParked:
		m.useless("the step is " + string(s.State))
	case !s.sent(kind, attempt):
		m.useless("no step has sent command " + e.Command)
	default:
		m.answered(s, n, kind, attempt, e)
	}
}

// sent says whether a step has sent such a command.
func (s *StepState) sent(kind Kind, attempt int) bool {
	return kind == ToDo && attempt <= s.Attempts || kind == ToAsk && attempt <= s.Asks
}

// answered takes the outcome of an action. That it is done, or refused, is true
// whichever attempt it answers; anything else only counts for the last one.
func (m *machine) answered(s *StepState, n *node, kind Kind, attempt int, e Event) {
	last := s.State == StepRunning && (kind == ToDo && attempt == s.Attempts || kind == ToAsk && attempt == s.Asks)
	switch {
	case e.Outcome == OK:
		m.accept(s, n, e)
	case e.Outcome == Failed:
		s.Doubt = false
		m.fail(s, e.Error)
		m.resumePending()
	case !last:
		m.useless("a later attempt is under way")
	case e.Outcome == Unseen && kind == ToAsk && !m.i.Back:
		m.send(s, n) // and the doubt stays: the command may have been overtaken
	case e.Outcome == Transient:
		m.again(s, n, e.Error)
	default:
		s.Doubt = true
		m.again(s, n, e.Error)
	}
}

// accept ends a step with what its reply says. A reply that cannot be used leaves
// something done that the saga cannot go on from.
func (m *machine) accept(s *StepState, n *node, e Event) {
	data, err := m.i.Data, error(nil)
	switch {
	case e.Patch:
		data, err = applyPatch(m.i.Data, e.Data)
	case n.action.apply != nil:
		data, err = n.action.apply(m.i.Data, e.Data)
	}
	if err != nil {
		s.Doubt = true
		if n.pivot {
			m.i.Pivoted = true
			m.lateForPending("the pivot is done")
		}
		m.fail(s, "use the reply: "+err.Error())
		return
	}
	m.i.Data = data
	m.done(s, n, StepDone)
}

// undoAnswered takes the outcome of a compensation.
func (m *machine) undoAnswered(s *StepState, n *node, attempt int, e Event) {
	open := s.State == StepUndoing || s.State == StepResting || s.State == StepStuck
	last := s.State == StepUndoing && attempt == s.Undos
	switch {
	case !open || attempt > s.Undos:
		m.useless("the step is " + string(s.State))
	case e.Outcome == OK:
		m.undone(s, "")
	case !last:
		m.useless("a later attempt is under way")
	case e.Outcome == Failed:
		m.setTimer(s, 0)
		m.move(s, StepStuck, e.Error)
	default:
		m.undoAgain(s, n, e.Error)
	}
}

// timer is the timer of a step.
func (m *machine) timer(e Event) {
	s, n := m.step(e.Step)
	if s == nil || s.Due != e.Due {
		m.useless("the timer was replaced")
		return
	}
	s.Due = 0
	switch s.State {
	case StepRunning:
		if n.kind == waitNode {
			m.waitedLong(s, n)
			return
		}
		s.Doubt = true
		m.again(s, n, "no reply within "+n.timeout.String())
	case StepWaiting:
		m.try(s, n)
	case StepUndoing:
		m.undoAgain(s, n, "no reply within "+n.timeout.String())
	case StepResting:
		m.undo(s, n)
	}
}

// try makes the next attempt: a question if there is doubt and the step asks, the
// action otherwise.
func (m *machine) try(s *StepState, n *node) {
	if n.asks && s.Doubt {
		m.ask(s, n)
		return
	}
	m.send(s, n)
}

// waitedLong is a wait without a signal.
func (m *machine) waitedLong(s *StepState, n *node) {
	if n.late == nil {
		m.fail(s, "no signal within "+n.timeout.String())
		return
	}
	data, err := n.late(m.i.Data)
	if err != nil {
		m.fail(s, err.Error())
		return
	}
	m.i.Data = data
	m.done(s, n, StepDone)
}

// The bounds of what a saga remembers of signals.
const (
	mostEarly = 16
	mostSeen  = 32
)

// signalled takes a signal, or keeps it for a step that has not begun.
func (m *machine) signalled(e Event) {
	if e.ID != "" {
		if slices.Contains(m.i.Seen, e.ID) {
			m.useless("the signal was seen before")
			return
		}
		m.i.Seen = append(m.i.Seen, e.ID)
		m.i.Seen = m.i.Seen[max(0, len(m.i.Seen)-mostSeen):]
	}
	awaited := false
	for _, n := range m.d.named {
		for _, sig := range n.signals {
			if sig.name != e.Name {
				continue
			}
			s, _ := m.step(n.name)
			if s != nil && s.State == StepRunning {
				m.heard(s, sig, e.Data)
				return
			}
			awaited = awaited || s == nil
		}
	}
	if !awaited || m.i.Back || len(m.i.Early) == mostEarly {
		m.useless("nothing waits for signal " + e.Name)
		return
	}
	m.i.Early = append(m.i.Early, EarlySignal{e.Name, e.Data})
}

// heard ends a wait.
func (m *machine) heard(s *StepState, sig signal, payload []byte) {
	n := m.d.nodes[s.Name]
	data, err := sig.apply(m.i.Data, payload)
	if err != nil {
		m.fail(s, sig.name+": "+err.Error())
		return
	}
	m.i.Data = data
	m.note(s, "%s", sig.name)
	m.done(s, n, StepDone)
}

// cancel is the wish of a person to turn back.
func (m *machine) cancel(e Event) {
	why := "cancelled"
	if e.Error != "" {
		why += ": " + e.Error
	}
	if m.turnBack(why) {
		m.useless("there is no way back behind the pivot")
	}
}

// byHand is what a person decides about a step that has been parked, or that waits
// for its next attempt. One that is under way can be tried again, with the same key.
func (m *machine) byHand(e Event) {
	s, n := m.step(e.Step)
	if s == nil {
		m.useless("the step was not begun")
		return
	}
	back := s.State == StepStuck || s.State == StepResting || s.State == StepUndoing
	open := back || s.State == StepParked || s.State == StepWaiting || s.State == StepRunning
	underWay := s.State == StepRunning || s.State == StepUndoing
	if !open || underWay && (e.Type != EventRetryStep || n.kind != stepNode) {
		m.useless("the step is " + string(s.State))
		return
	}
	switch {
	case e.Type == EventRetryStep:
		m.retryNow(s, n, back)
	case e.Type == EventSkipStep && back:
		m.undone(s, "settled by hand")
	case e.Type == EventSkipStep:
		m.done(s, n, StepSkipped)
	case e.Type == EventFailStep && !back:
		s.Doubt = false
		m.fail(s, "failed by hand")
		m.resumePending()
	default:
		m.useless("a compensation cannot fail by hand: retry or skip it")
	}
}

func (m *machine) retryNow(s *StepState, n *node, back bool) {
	s.Tries, s.Doubt = 0, s.Doubt || s.State == StepRunning
	switch {
	case back:
		m.undo(s, n)
	case n.kind == stepNode:
		m.try(s, n)
	default: // a wait that was refused behind the pivot, or a condition that failed
		m.i.Steps = slices.DeleteFunc(m.i.Steps, func(one StepState) bool { return one.Name == s.Name })
	}
}
