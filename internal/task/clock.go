package task

import "github.com/tidemill/tidemill/processors"

// clock tells for how long a task has had nothing to do, which is how long its time may
// have stood still for want of records. It is looked at every so often.
type clock struct {
	tick int64 // 0 is never
	// last is when it was looked at last, and worked when a record was taken last.
	last, worked int64
	quiet        processors.Quiet
	// stall is how much of the time between two looks counts; 0 is all.
	stall int64
}

func newClock(a processors.Advance, now, stall int64) clock {
	if a.Zero() {
		return clock{}
	}
	return clock{tick: a.Tick().Milliseconds(), last: now, stall: stall}
}

func (c *clock) next() (at int64, ok bool) { return c.last + c.tick, c.tick > 0 }

// look adds the time since the last look if there is nothing to do. It reports whether
// time may go on.
func (c *clock) look(now int64, quiet bool) bool {
	passed, rested := now-c.last, now-max(c.last, c.worked)
	if c.stall > 0 {
		passed, rested = min(passed, c.stall), min(rested, c.stall)
	}
	c.last = now
	if quiet {
		c.quiet.Total += passed
		c.quiet.Before = c.quiet.Total - max(rested, 0)
	}
	return quiet
}

// tick has time go on without records, if it has to, and does what that makes due.
func (t *Task) tick(now int64) error {
	if next, ticks := t.clock.next(); !ticks || now < next {
		return nil
	}
	if !t.clock.look(now, t.quiet()) || !t.env.AdvanceTime(t.clock.quiet, now) {
		return nil
	}
	return t.afterRecord()
}

// quiet says that the task has nothing to do: no record waits in it, and as far as it
// knows there is none that it has yet to be given.
func (t *Task) quiet() bool {
	if t.retrying != nil || t.pending > 0 {
		return false
	}
	for _, in := range t.inputs {
		if in.buffered > 0 || in.fetched < in.end && t.emptyFor(in) < lagPatience {
			return false
		}
	}
	return true
}
