package sagas

// advance goes along a sequence as far as it gets, and reports whether that is to the
// end. It is called behind every event and begins what can begin.
func (m *machine) advance(seq *sequence) (finished bool) {
	for _, n := range seq.nodes {
		s, _ := m.step(n.name)
		if s == nil {
			if m.i.Back || m.i.Pending != "" {
				return false
			}
			s = m.enter(n)
		}
		if n.kind == forkNode && s.State == StepRunning {
			m.join(n)
			s, _ = m.step(n.name) // branches have added steps
		}
		if s.State != StepDone && s.State != StepSkipped {
			return false
		}
	}
	return true
}

// enter begins a node whose turn has come.
func (m *machine) enter(n *node) *StepState {
	s := m.begin(n)
	if n.when != nil {
		holds, err := n.when(m.i.Data)
		switch {
		case err != nil:
			m.fail(s, "the condition: "+err.Error())
			return s
		case !holds:
			m.move(s, StepSkipped, "")
			return s
		}
	}
	switch n.kind {
	case stepNode:
		m.send(s, n)
	case waitNode:
		m.wait(s, n)
	case forkNode:
		m.move(s, StepRunning, "")
	}
	return s
}

// join lets all branches advance, and ends the fork when all have ended.
func (m *machine) join(n *node) {
	all := true
	for _, branch := range n.branches {
		all = m.advance(branch) && all
	}
	if all {
		s, _ := m.step(n.name)
		m.move(s, StepDone, "")
	}
}

// wait begins to wait for a signal, which may be there already.
func (m *machine) wait(s *StepState, n *node) {
	m.move(s, StepRunning, "")
	for at, early := range m.i.Early {
		for _, sig := range n.signals {
			if sig.name == early.Name {
				m.i.Early = append(m.i.Early[:at:at], m.i.Early[at+1:]...)
				m.heard(s, sig, early.Data)
				return
			}
		}
	}
	if n.timeout > 0 {
		m.setTimer(s, m.now+n.timeout.Milliseconds())
	}
}

// send makes the next attempt at a step.
func (m *machine) send(s *StepState, n *node) {
	m.count(s)
	s.Attempts++
	c, err := m.command(s, n.action, ToDo, s.Attempts)
	if err != nil {
		m.setTimer(s, 0)
		m.fail(s, "make the command: "+err.Error())
		return
	}
	m.out.Commands = append(m.out.Commands, c)
	m.move(s, StepRunning, "")
	m.await(s, n, n.action)
}

// ask sends the question whether a command was done.
func (m *machine) ask(s *StepState, n *node) {
	m.count(s)
	s.Asks++
	c, err := m.command(s, n.action, ToAsk, s.Asks)
	if err != nil {
		m.fail(s, "make the question: "+err.Error())
		return
	}
	m.out.Commands = append(m.out.Commands, c)
	m.move(s, StepRunning, "asked")
	m.await(s, n, n.action)
}

// count counts a try for the policy.
func (m *machine) count(s *StepState) {
	if s.Tries == 0 {
		s.Since = m.now
	}
	s.Tries++
}

// await sets the timer for the answer. The result of a function always comes: its
// call belongs to the work of the worker, which is done again if it is lost.
func (m *machine) await(s *StepState, n *node, a *action) {
	if a.call != nil || n.timeout <= 0 {
		m.setTimer(s, 0)
		return
	}
	m.setTimer(s, m.now+n.timeout.Milliseconds())
}

// command makes a command of an action.
func (m *machine) command(s *StepState, a *action, kind Kind, attempt int) (c Command, err error) {
	key := keyOf(m.i.ID, s.Name)
	c = Command{
		ID: commandID(key, kind, attempt), Key: key, Kind: kind, Saga: m.i.ID, Step: s.Name, Attempt: attempt,
		Topic: a.topic, Name: a.name, RecordKey: m.i.ID, Data: m.i.Data,
	}
	if a.recordKey != nil {
		if c.RecordKey, err = a.recordKey(m.i.Data); err != nil {
			return c, err
		}
	}
	if a.call == nil {
		if c.Data, err = a.encode(m.i.Data); err != nil {
			return c, err
		}
	}
	if a.sub != nil {
		c.RecordKey, c.Start = key, m.subEvent(a, c)
	}
	return c, nil
}

// subEvent is what a command to another saga says.
func (m *machine) subEvent(a *action, c Command) *Event {
	from := &Parent{Saga: m.i.ID, Command: c.ID}
	if a.undoes {
		return &Event{Type: EventUndo, Command: c.ID, Parent: from}
	}
	return &Event{Type: EventStart, Definition: a.sub.name, Version: a.sub.version, Data: c.Data, Parent: from}
}

// done ends a step well.
func (m *machine) done(s *StepState, n *node, to State) {
	m.setTimer(s, 0)
	s.Doubt = false
	m.move(s, to, "")
	if n.pivot {
		m.i.Pivoted = true
		m.lateForPending("the pivot is done")
	}
}

// again plans the next attempt at a step, if the policy has one left.
func (m *machine) again(s *StepState, n *node, why string) {
	m.setTimer(s, 0)
	if m.i.Back {
		m.move(s, StepRefused, why)
		return
	}
	due, ok := n.retry.next(keyOf(m.i.ID, s.Name), s.Tries, s.Since, m.now)
	switch {
	case ok:
		m.move(s, StepWaiting, why)
		m.setTimer(s, due)
	case n.pivot && s.Doubt:
		m.move(s, StepParked, why)
	default:
		m.fail(s, why)
	}
}

// fail ends a step badly, and turns the saga back. Behind the pivot there is no way
// back: the step is parked.
func (m *machine) fail(s *StepState, why string) {
	m.setTimer(s, 0)
	if m.i.Pivoted {
		m.move(s, StepParked, why)
		return
	}
	m.move(s, StepRefused, why)
	m.turnBack(s.Name + ": " + why)
}
