package sagas

// turnBack begins the way back, if there is one. While a pivot is under way, nobody
// knows: that waits until the pivot has ended.
func (m *machine) turnBack(why string) (refused bool) {
	switch {
	case m.i.Back:
		return false
	case m.i.Pivoted:
		m.audit(Transition{Note: "no way back behind the pivot", Error: why})
		return true
	case m.pivotUnderWay():
		if m.i.Pending == "" {
			m.i.Pending = why
			m.audit(Transition{Note: "to turn back when the pivot has ended", Error: why})
		}
		return false
	}
	m.i.Back, m.i.Pending = true, ""
	if m.i.Reason == "" {
		m.i.Reason = why
	}
	m.stopWaiting()
	return false
}

// pivotUnderWay says that a pivot may be done or not.
func (m *machine) pivotUnderWay() bool {
	for _, s := range m.i.Steps {
		if n := m.d.nodes[s.Name]; n != nil && n.pivot && (s.State == StepRunning || s.State == StepWaiting || s.State == StepParked) {
			return true
		}
	}
	return false
}

// stopWaiting ends what waits for nothing that is under way. Another saga need not be
// waited for either: it can be told to turn back.
func (m *machine) stopWaiting() {
	for at := range m.i.Steps {
		s := &m.i.Steps[at]
		n := m.d.nodes[s.Name]
		waits := n.kind != stepNode && s.State == StepRunning || s.State == StepWaiting || s.State == StepParked
		if n.action != nil && n.action.sub != nil && s.State == StepRunning {
			waits, s.Doubt = true, true
		}
		if waits {
			m.setTimer(s, 0)
			m.move(s, StepRefused, "the saga turns back")
		}
	}
}

// lateForPending ends a plan to turn back that has come too late. Steps that failed
// meanwhile are parked: there is only forward now.
func (m *machine) lateForPending(why string) {
	if m.i.Pending == "" {
		return
	}
	m.audit(Transition{Note: "no way back: " + why, Error: m.i.Pending})
	m.i.Pending = ""
	for at := range m.i.Steps {
		if s := &m.i.Steps[at]; s.State == StepRefused {
			m.move(s, StepParked, s.Error)
		}
	}
	m.refuseUndo(why)
}

// resumePending turns back when the pivot has failed.
func (m *machine) resumePending() {
	if why := m.i.Pending; why != "" && !m.pivotUnderWay() {
		m.i.Pending = ""
		m.turnBack(why)
	}
}

// retreat compensates, one after another, the last step first, and reports whether
// nothing is left. It waits for what is still under way: its outcome decides whether
// there is anything to compensate.
func (m *machine) retreat() (finished bool) {
	for at := range m.i.Steps {
		if m.underWay(&m.i.Steps[at]) {
			return false
		}
	}
	for at := len(m.i.Steps) - 1; at >= 0; at-- {
		s := &m.i.Steps[at]
		n := m.d.nodes[s.Name]
		if n.undo == nil || s.State != StepDone && !(s.State == StepRefused && s.Doubt) {
			continue
		}
		s.Tries = 0
		m.undo(s, n)
		return false
	}
	return true
}

// underWay says whether the way back has to wait for a step.
func (m *machine) underWay(s *StepState) bool {
	switch s.State {
	case StepRunning, StepUndoing, StepResting, StepStuck:
		return true
	}
	return false
}

// undo makes the next attempt at a compensation.
func (m *machine) undo(s *StepState, n *node) {
	m.count(s)
	s.Undos++
	c, err := m.command(s, n.undo, ToUndo, s.Undos)
	if err != nil {
		m.setTimer(s, 0)
		m.move(s, StepStuck, "make the compensation: "+err.Error())
		return
	}
	m.out.Commands = append(m.out.Commands, c)
	m.move(s, StepUndoing, "")
	m.await(s, n, n.undo)
}

// undoAgain plans the next attempt at a compensation, or parks it.
func (m *machine) undoAgain(s *StepState, n *node, why string) {
	m.setTimer(s, 0)
	due, ok := n.again.next(keyOf(m.i.ID, s.Name), s.Tries, s.Since, m.now)
	if !ok {
		m.move(s, StepStuck, why)
		return
	}
	m.move(s, StepResting, why)
	m.setTimer(s, due)
}

// undone ends a compensation.
func (m *machine) undone(s *StepState, why string) {
	m.setTimer(s, 0)
	s.Doubt = false
	m.move(s, StepUndone, why)
}

// undoSaga is the wish of a parent to have this saga compensated.
func (m *machine) undoSaga(e Event) {
	from := Parent{Command: e.Command}
	if e.Parent != nil {
		from.Saga = e.Parent.Saga
	}
	switch {
	case m.i.Status == Compensated:
		m.answerUndo(from)
		return
	case m.i.Pivoted:
		m.i.Undo = &from
		m.refuseUndo("the pivot is done")
		return
	case m.i.Status == Completed:
		m.i.Status = Compensating
		m.audit(Transition{From: string(Completed), To: string(Compensating), Error: "its parent turns back"})
	}
	m.i.Undo = &from
	m.turnBack("its parent turns back")
}

// refuseUndo tells a parent that there is no way back.
func (m *machine) refuseUndo(why string) {
	if m.i.Undo == nil {
		return
	}
	m.answer(*m.i.Undo, Failed, "saga "+m.i.ID+": no way back: "+why, nil)
	m.i.Undo = nil
}

// answerParent tells the saga that started this one how it has ended.
func (m *machine) answerParent(to Parent) {
	if m.i.Status == Completed {
		m.answer(to, OK, "", m.i.Data)
		return
	}
	m.answer(to, Failed, "saga "+m.i.ID+": "+m.i.Reason, nil)
}

// answerUndo tells a parent that this saga is compensated.
func (m *machine) answerUndo(to Parent) {
	if m.i.Status == Compensated {
		m.answer(to, OK, "", nil)
		return
	}
	m.answer(to, Failed, "saga "+m.i.ID+" is "+string(m.i.Status), nil)
}

func (m *machine) answer(to Parent, o Outcome, why string, data []byte) {
	if to.Saga == "" {
		return
	}
	m.out.Answers = append(m.out.Answers, Answer{to.Saga, Event{Type: EventReply, Command: to.Command, Outcome: o, Error: why, Data: data}})
}
