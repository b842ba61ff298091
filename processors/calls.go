package processors

import (
	"context"
	"math"
	"time"

	"github.com/tidemill/tidemill/record"
)

// Call is one call of the user's code that takes time, as an operator asks for it.
type Call interface {
	// Run makes the call, on any goroutine. It touches nothing of the task.
	Run(ctx context.Context) error
	// Forward passes on what Run has brought, on the task's own goroutine. It may be
	// called again if what follows has failed.
	Forward() error
	// Release says that the call is over, so that its memory may be used again.
	Release()
}

// CallRules say how the calls of an operator are made.
type CallRules struct {
	// Concurrency is how many records of a task may be under way at the same time.
	Concurrency int
	// Timeout is when the context of a call ends; 0 is never.
	Timeout time.Duration
	// Retries is how often a call that fails is made again, after Backoff, twice that
	// and so on up to a minute.
	Retries int
	Backoff time.Duration
}

// Longest is the longest that a call may take with all its retries.
func (r CallRules) Longest() time.Duration {
	if r.Timeout == 0 {
		return math.MaxInt64
	}
	d := r.Timeout
	for retry := 1; retry <= r.Retries && d < math.MaxInt64/2; retry++ {
		d += Doubling(r.Backoff, retry) + r.Timeout
	}
	return d
}

const maxBackoff = time.Minute

// Doubling is how long to wait before the retry with this number, from 1: first,
// twice that and so on up to a minute.
func Doubling(first time.Duration, retry int) time.Duration {
	d := first
	for ; retry > 1 && d < maxBackoff; retry-- {
		d *= 2
	}
	return min(d, maxBackoff)
}

// Asked is a call that the unit of work at hand has asked for. It is made when the
// unit has succeeded.
type Asked struct {
	// Line is the number that OpenLine gave the operator, and Node is its node.
	Line int
	Node int32
	// Ordered says that the call comes after those with the same Key.
	Ordered bool
	Key     uint32
	Call    Call
	// Time and Headers are those of the record at hand.
	Time    int64
	Headers record.Headers
}

// OpenLine tells the task of an operator that makes calls. Its calls are asked for
// with the number that is returned.
func (t *Task) OpenLine(rules CallRules) int {
	t.lines = append(t.lines, rules)
	return len(t.lines) - 1
}

// Lines are the rules of all operators that make calls, by their numbers.
func (t *Owner) Lines() []CallRules { return t.lines }

// Ask asks for a call on behalf of the node at work.
func (t *Task) Ask(line int, key uint32, ordered bool, call Call) {
	t.asked = append(t.asked, Asked{Line: line, Node: t.at, Key: key, Ordered: ordered, Call: call, Time: t.Time, Headers: t.Headers})
}

// Asked are the calls that were asked for since ForgetAsked.
func (t *Owner) Asked() []Asked { return t.asked }

// ForgetAsked begins anew with the calls that are asked for.
func (t *Owner) ForgetAsked() {
	clear(t.asked)
	t.asked = t.asked[:0]
}

// Permanent marks the error of a call that is of no use to be made again.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &PermanentError{Err: err}
}

// PermanentError is what Permanent makes of an error.
type PermanentError struct{ Err error }

func (e *PermanentError) Error() string { return e.Err.Error() }
func (e *PermanentError) Unwrap() error { return e.Err }
