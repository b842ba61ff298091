package task

import (
	"context"
	"errors"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// Call is a call of the user's code under way. Whoever got it from Calls has it Run,
// on any goroutine, and then gives it back with Complete.
type Call struct {
	asked processors.Asked
	line  *line
	// source is where the record came from, raw what it was; hasRaw is false for work
	// that no record has caused.
	source record.Metadata
	raw    record.Raw
	hasRaw bool
	// next is the call of the same key that comes behind this one.
	next *Call
	// began is when it was handed out, due when it is to be handed out again.
	began, due int64
	// retries counts those of the call's own rules, attempts those of the policy.
	retries, attempts int
	// ran says that its result is there and is only to be passed on.
	ran bool
	err error
}

var errExited = errors.New("the call ended its goroutine (runtime.Goexit) instead of returning")

// Run makes the call. Its context should end with Timeout.
func (c *Call) Run(ctx context.Context) {
	if c.ran {
		return
	}
	c.err = errExited
	defer caught(&c.err)
	c.err = c.asked.Call.Run(ctx)
	c.ran = c.err == nil
}

// Timeout is how long the context of the call lasts; 0 is without end.
func (c *Call) Timeout() time.Duration { return c.line.timeout() }

// CallNode is the name of the node that a call is for.
func (t *Task) CallNode(c *Call) string { return t.env.Names[c.asked.Node] }

// MakesCalls says whether the task has operators that make calls.
func (t *Task) MakesCalls() bool { return len(t.lines) > 0 }

// Pending is how many records are under way in calls.
func (t *Task) Pending() int { return t.pending }

// NextCall is the wall-clock time at which a call is to be made again, or 0.
func (t *Task) NextCall() int64 { return t.nextCall }

// Calls appends the calls that are to be made now to dst. It comes after Process,
// Complete, Drain and Punctuate, and when NextCall is due. now is the wall clock.
func (t *Task) Calls(dst []*Call, now int64) []*Call {
	t.env.Now = now
	if t.nextCall > 0 && t.nextCall <= now {
		dst = t.callsDue(dst)
	}
	for _, l := range t.lines {
		dst = l.start(dst, now)
	}
	return dst
}

// callsDue appends the calls that have waited long enough.
func (t *Task) callsDue(dst []*Call) []*Call {
	postponed := t.postponed
	t.postponed, t.nextCall = t.postponed[:0], 0
	for _, c := range postponed {
		if c.due <= t.env.Now {
			dst = append(dst, c)
		} else {
			t.postpone(c, c.due)
		}
	}
	clear(postponed[len(t.postponed):])
	return dst
}

// postpone has a call wait, without making room for another.
func (t *Task) postpone(c *Call, due int64) {
	c.due = due
	t.postponed = append(t.postponed, c)
	if t.nextCall == 0 || due < t.nextCall {
		t.nextCall = due
	}
}

// Complete takes back a call that has run. Passing its result on is a unit of work
// of its own, and a call that has failed for good is a failure of its record. now is
// the wall clock. An error is final, as that of Process.
func (t *Task) Complete(c *Call, now int64) error {
	defer t.atRest()
	t.env.Now = now
	if c.err != nil {
		if ctx := t.env.Task().Context(); ctx.Err() != nil {
			return context.Cause(ctx) // the call failed because the worker stops
		}
		if delay, ok := c.again(now); ok {
			if c.line.rules.Patient {
				t.reportOutage(c)
			}
			t.postpone(c, now+delay)
			return nil
		}
	}
	if again, err := t.passOn(c); again || err != nil {
		return err
	}
	t.over(c)
	return t.afterRecord()
}

// again says whether the rules of the call have it made once more, and in how many
// milliseconds. A panic is no reason to: the next one would only come later.
func (c *Call) again(now int64) (delay int64, ok bool) {
	if c.line.rules.Patient {
		return c.againPatiently(now)
	}
	var permanent *processors.PermanentError
	var panicked *PanicError
	if c.retries >= c.line.rules.Retries || errors.As(c.err, &permanent) || errors.As(c.err, &panicked) {
		return 0, false
	}
	c.retries++
	return max(1, processors.Doubling(c.line.rules.Backoff, c.retries).Milliseconds()), true
}

// passOn is the unit of work that the end of a call is. It reports whether the
// policy wants another attempt, which is arranged for.
func (t *Task) passOn(c *Call) (again bool, final error) {
	t.env.Source, t.env.Time, t.env.Headers = c.source, c.asked.Time, c.asked.Headers
	raw := &c.raw
	if !c.hasRaw {
		raw = nil
	}
	t.begin(raw)
	t.env.Enter(c.asked.Node)
	err := c.err
	if err == nil {
		err = t.protect(c.asked.Call.Forward)
	}
	if c.line.rules.Patient {
		return false, t.wrote(c, err)
	}
	if err == nil {
		t.admit()
		return false, nil
	}
	due, final := t.failed(err, raw, &c.attempts)
	if due > 0 {
		c.retries = 0
		t.postpone(c, due)
	}
	return due > 0, final
}

// over ends a call and makes room for others.
func (t *Task) over(c *Call) {
	c.line.finish(c, t.env.Now)
	t.pending--
	t.crowded = false
	c.asked.Call.Release()
	*c = Call{}
	t.spareCalls = append(t.spareCalls, c)
}

// admit takes up the calls that a unit of work which has succeeded asked for.
func (t *Task) admit() {
	for _, o := range t.outsides {
		o.Keep(t.env.Source, t.raw)
	}
	asked := t.env.Asked()
	if len(asked) == 0 {
		return
	}
	for _, a := range asked {
		c := t.freshCall()
		c.asked, c.line, c.source = a, t.lines[a.Line], t.env.Source
		if t.raw != nil {
			c.raw, c.hasRaw = *t.raw, true
		}
		c.line.admit(c)
		t.pending++
	}
	t.env.ForgetAsked()
}

func (t *Task) freshCall() *Call {
	n := len(t.spareCalls)
	if n == 0 {
		return &Call{}
	}
	c := t.spareCalls[n-1]
	t.spareCalls = t.spareCalls[:n-1]
	return c
}

// full says whether calls under way keep the task from taking another record.
func (t *Task) full() bool {
	for _, l := range t.lines {
		if l.full() {
			return true
		}
	}
	return t.crowded
}

// tooSlow says whether a call that was asked for would wait so long for others of
// its key that a transaction might not last.
func (t *Task) tooSlow() bool {
	if t.config.MaxDrain == 0 {
		return false
	}
	for _, a := range t.env.Asked() {
		if a.Ordered && t.lines[a.Line].tooSlow(a.Key) {
			return true
		}
	}
	return false
}
