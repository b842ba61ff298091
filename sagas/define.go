package sagas

import (
	"encoding/json/jsontext"
	"time"
)

// Saga is a definition whose sagas have data of type D, which is kept as JSON and
// changes only with the steps.
type Saga[D any] struct {
	Sequence[D]
}

// Define begins the definition of a saga. Its steps follow one another in the order
// in which they are added.
func Define[D any](name string) *Saga[D] {
	d := &Definition{name: name, version: 1, retention: 24 * time.Hour, root: &sequence{}, nodes: map[string]*node{}}
	d.check = func(data []byte) error {
		_, err := decode[D](data)
		return err
	}
	if name == "" {
		d.fault("a definition needs a name")
	}
	return &Saga[D]{Sequence[D]{d, d.root}}
}

// Definition is what was defined.
func (s *Saga[D]) Definition() *Definition { return s.d }

// Version is the version of the definition, 1 by default. A saga keeps the version
// that it was started with, so old versions are given to the orchestrator too until
// their sagas have ended.
func (s *Saga[D]) Version(n int) *Saga[D] {
	if n < 1 {
		s.d.fault("version %d: give at least 1", n)
	}
	s.d.version = n
	return s
}

// Deadline is how long a saga may take. When it has passed, the saga is compensated,
// unless its pivot is behind it.
func (s *Saga[D]) Deadline(d time.Duration) *Saga[D] {
	s.d.deadline = s.positive("Deadline", d)
	return s
}

// Retention is how long a saga is remembered behind its end, a day by default. That
// long it cannot be started again by mistake.
func (s *Saga[D]) Retention(d time.Duration) *Saga[D] {
	s.d.retention = s.positive("Retention", d)
	return s
}

func (s *Saga[D]) positive(what string, d time.Duration) time.Duration {
	if d < time.Millisecond {
		s.d.fault("%s is %v: give at least 1 ms", what, d)
	}
	return d
}

// Sequence is steps that follow one another: those of a saga, or of a branch.
type Sequence[D any] struct {
	d   *Definition
	seq *sequence
}

func (s *Sequence[D]) add(n *node) *node {
	if s.d.nodes[n.name] != nil {
		s.d.fault("two steps are named %q: give one of them another name", n.name)
	}
	s.d.nodes[n.name] = n
	s.d.named = append(s.d.named, n)
	s.seq.nodes = append(s.seq.nodes, n)
	return n
}

// Step adds something to be done: a command (Send), a function (Do) or another saga
// (Sub).
func (s *Sequence[D]) Step(name string, do Action[D]) *Activity[D] {
	n := s.add(&node{name: name, kind: stepNode, action: do.a, retry: defaultRetry, again: defaultUndoRetry, timeout: defaultTimeout})
	switch {
	case do.a == nil:
		n.action = &action{}
	case do.a.call != nil:
		n.timeout = defaultCall
	case do.a.sub != nil:
		n.timeout = 0
		n.undo = &action{sub: do.a.sub, undoes: true, encode: do.a.encode}
	}
	return &Activity[D]{n}
}

// Await adds a wait for one of several signals.
func (s *Sequence[D]) Await(name string) *Wait[D] {
	return &Wait[D]{s.add(&node{name: name, kind: waitNode})}
}

// Parallel adds branches that run at the same time. The saga goes on when all of them
// are done. Steps of different branches that are functions change different members
// of the data.
func (s *Sequence[D]) Parallel(name string, branches ...func(*Sequence[D])) *Fork[D] {
	n := s.add(&node{name: name, kind: forkNode})
	for _, branch := range branches {
		seq := &sequence{}
		n.branches = append(n.branches, seq)
		branch(&Sequence[D]{s.d, seq})
	}
	return &Fork[D]{n}
}

// If adds steps that are taken under a condition only.
func (s *Sequence[D]) If(name string, condition func(D) bool, then func(*Sequence[D])) *Fork[D] {
	return s.Parallel(name, then).When(condition)
}

// Activity is a step that does something.
type Activity[D any] struct{ n *node }

// Compensate says how what the step did is made undone. It is done too when the step
// may have been done without word of it.
func (a *Activity[D]) Compensate(undo Action[D]) *Activity[D] {
	a.n.undo = undo.a
	if undo.a == nil {
		a.n.undo = &action{}
	}
	return a
}

// When has the step skipped if the condition does not hold when its turn comes.
func (a *Activity[D]) When(condition func(D) bool) *Activity[D] {
	a.n.when = conditionOf(condition)
	return a
}

// Timeout is how long to wait for the reply to a command, a minute by default, or
// how long a call of a function may take, 5 s by default. What has become of it is
// unknown then.
func (a *Activity[D]) Timeout(d time.Duration) *Activity[D] {
	a.n.timeout = d
	return a
}

// Retry is the policy for transient errors and unknown outcomes.
func (a *Activity[D]) Retry(r Retry) *Activity[D] {
	a.n.retry = r
	return a
}

// RetryCompensation is the policy for the compensation. A compensation that fails for
// good is parked.
func (a *Activity[D]) RetryCompensation(r Retry) *Activity[D] {
	a.n.again = r
	return a
}

// Pivot says that behind this step there is no way back: what fails then is tried
// again, and parked in the end.
func (a *Activity[D]) Pivot() *Activity[D] {
	a.n.pivot = true
	return a
}

// Ask has the participant asked whether the command was done, before it is sent again
// because of an unknown outcome.
func (a *Activity[D]) Ask() *Activity[D] {
	a.n.asks = true
	return a
}

// Wait is a step that waits for a signal.
type Wait[D any] struct{ n *node }

// On adds a signal that ends the wait. An error refuses: the saga turns back.
// Signals that come before the wait are kept for it.
func (w *Wait[D]) On[S any](name string, apply func(*D, S) error) *Wait[D] {
	w.n.signals = append(w.n.signals, signal{name, applyOf(apply)})
	return w
}

// Within is how long to wait. After it the saga turns back, if there is no Late.
func (w *Wait[D]) Within(d time.Duration) *Wait[D] {
	w.n.timeout = d
	return w
}

// Late ends a wait without a signal. An error refuses: the saga turns back.
func (w *Wait[D]) Late(f func(*D) error) *Wait[D] {
	w.n.late = func(data []byte) (jsontext.Value, error) {
		return changed(data, f)
	}
	return w
}

// When has the wait skipped if the condition does not hold when its turn comes.
func (w *Wait[D]) When(condition func(D) bool) *Wait[D] {
	w.n.when = conditionOf(condition)
	return w
}

// Fork is a step that consists of branches.
type Fork[D any] struct{ n *node }

// When has all branches skipped if the condition does not hold when their turn comes.
func (f *Fork[D]) When(condition func(D) bool) *Fork[D] {
	f.n.when = conditionOf(condition)
	return f
}
