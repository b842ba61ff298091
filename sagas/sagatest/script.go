package sagatest

import (
	"encoding/json/v2"

	"github.com/tidemill/tidemill/sagas"
)

// Every stands for every attempt.
const Every = 0

// place is an attempt at a step or at its compensation.
type place struct {
	step    string
	undo    bool
	attempt int
}

// script is what participants do otherwise than well, by place.
type script struct {
	failures map[place]error
	fates    map[place]int
	replies  map[string][]byte
}

// memory is what a participant remembers under an idempotency key.
type memory struct {
	outcome sagas.Outcome
	err     string
	data    []byte
	undone  bool
}

// Reply is what a step's command is answered with when it is done, instead of null.
func (k *Kit) Reply[R any](step string, data R) {
	k.tb.Helper()
	encoded, err := json.Marshal(data)
	if err != nil {
		k.tb.Fatal(err)
	}
	if k.script.replies == nil {
		k.script.replies = map[string][]byte{}
	}
	k.script.replies[step] = encoded
}

// Fail has an attempt at a step fail with an error, whose class is that of the error:
// see [sagas.Business] and [sagas.InDoubt].
func (k *Kit) Fail(step string, attempt int, err error) { k.plan(place{step, false, attempt}, err) }

// FailCompensation has an attempt at the compensation of a step fail.
func (k *Kit) FailCompensation(step string, attempt int, err error) {
	k.plan(place{step, true, attempt}, err)
}

// Lose has the reply to an attempt at a step get lost.
func (k *Kit) Lose(step string, attempt int) { k.deliver(place{step, false, attempt}, 0) }

// LoseCompensation has the reply to an attempt at a compensation get lost.
func (k *Kit) LoseCompensation(step string, attempt int) { k.deliver(place{step, true, attempt}, 0) }

// Repeat has the reply to an attempt at a step come twice.
func (k *Kit) Repeat(step string, attempt int) { k.deliver(place{step, false, attempt}, 2) }

func (k *Kit) plan(at place, err error) {
	if k.script.failures == nil {
		k.script.failures = map[place]error{}
	}
	k.script.failures[at] = err
}

func (k *Kit) deliver(at place, times int) {
	if k.script.fates == nil {
		k.script.fates = map[place]int{}
	}
	k.script.fates[at] = times
}

// at looks a command up among the places of a plan.
func at[V any](plan map[place]V, c sagas.Command) (v V, planned bool) {
	if c.Kind == sagas.ToAsk {
		return v, false
	}
	p := place{c.Step, c.Kind == sagas.ToUndo, c.Attempt}
	if v, planned = plan[p]; planned {
		return v, true
	}
	p.attempt = Every
	v, planned = plan[p]
	return v, planned
}

func (s *script) failure(c sagas.Command) (error, bool) { //nolint:revive // the error is a value of the plan, not a failure
	return at(s.failures, c)
}

// times is how often the reply to a command comes.
func (s *script) times(c sagas.Command) int {
	if n, planned := at(s.fates, c); planned {
		return n
	}
	return 1
}

// participant does a command, or repeats what it has answered to one with the same
// key. What was compensated is not done any more.
func (k *Kit) participant(c sagas.Command) sagas.Event {
	m, known := k.done[c.Key]
	switch {
	case c.Kind == sagas.ToAsk && !known:
		return sagas.Event{Type: sagas.EventReply, Command: c.ID, Outcome: sagas.Unseen}
	case c.Kind == sagas.ToUndo:
		m = memory{outcome: sagas.OK, undone: true}
		k.done[c.Key] = m
	case known && m.undone:
		m = memory{outcome: sagas.Failed, err: "compensated before"}
	case !known:
		m = memory{outcome: sagas.OK, data: k.script.replies[c.Step]}
		k.done[c.Key] = m
	}
	return sagas.Event{Type: sagas.EventReply, Command: c.ID, Outcome: m.outcome, Error: m.err, Data: m.data}
}
