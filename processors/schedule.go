package processors

import (
	"fmt"
	"slices"
	"time"
)

// TimeKind is the clock that a punctuation follows.
type TimeKind uint8

// The two clocks.
const (
	// StreamTime advances with the timestamps of records. A punctuation is first
	// due at the first record, then whenever stream time has passed the interval.
	StreamTime TimeKind = iota
	// WallClockTime is the clock of the machine. A punctuation is first due one
	// interval after it was scheduled.
	WallClockTime
)

// Schedule is a punctuation that repeats until it is cancelled. Intervals that
// passed unnoticed are made up for by one call, not by many.
type Schedule struct {
	kind     TimeKind
	interval int64
	next     int64
	node     int32
	call     func(at int64) error
	stopped  bool
}

// Cancel ends the schedule. It is called from the task's own processors only.
func (s *Schedule) Cancel() { s.stopped = true }

// Schedule calls f at every interval of the given clock, between two records.
// f receives the time in milliseconds and may use the stores and forward.
func (c *Context[K, V]) Schedule(interval time.Duration, kind TimeKind, f func(at int64) error) (*Schedule, error) {
	first := int64(0)
	if kind == WallClockTime {
		first = c.Now + interval.Milliseconds()
	}
	return c.schedule(first, interval, kind, f)
}

// ScheduleFrom calls f at start and at every interval behind it, by the given
// clock. If start has passed already, the first call is at the next of these times
// that has not.
func (c *Context[K, V]) ScheduleFrom(start time.Time, interval time.Duration, kind TimeKind, f func(at int64) error) (*Schedule, error) {
	if start.UnixMilli() < 0 {
		return nil, fmt.Errorf("processors: node %q: a punctuation cannot start before 1970, got %v", c.Node(), start)
	}
	s, err := c.schedule(start.UnixMilli(), interval, kind, f)
	if err != nil {
		return nil, err
	}
	now := c.Now
	if kind == StreamTime {
		now = c.StreamTime
	}
	if s.next < now {
		s.skip(now)
	}
	return s, nil
}

func (c *Context[K, V]) schedule(first int64, interval time.Duration, kind TimeKind, f func(at int64) error) (*Schedule, error) {
	if interval < time.Millisecond {
		return nil, fmt.Errorf("processors: node %q: a punctuation interval must be at least 1 ms, got %v", c.Node(), interval)
	}
	s := &Schedule{kind: kind, interval: interval.Milliseconds(), next: first, node: c.node, call: f}
	c.schedules = append(c.schedules, s)
	return s, nil
}

// skip moves the schedule to its first time behind at.
func (s *Schedule) skip(at int64) { s.next += ((at-s.next)/s.interval + 1) * s.interval }

// Punctuate calls what is due at the given time, and reports whether there was
// anything.
func (t *Owner) Punctuate(kind TimeKind, at int64) (called bool, err error) {
	cancelled := false
	for i := 0; i < len(t.schedules); i++ {
		s := t.schedules[i]
		cancelled = cancelled || s.stopped
		if s.stopped || s.kind != kind || at < s.next {
			continue
		}
		called = true
		s.skip(at)
		if err := t.punctuate(s, at); err != nil {
			return true, err
		}
	}
	if cancelled {
		t.schedules = slices.DeleteFunc(t.schedules, func(s *Schedule) bool { return s.stopped })
	}
	return called, nil
}

// punctuate calls one punctuation. What it writes has the time that it is called
// for.
func (t *Owner) punctuate(s *Schedule, at int64) error {
	return t.Guard(func() error {
		t.at, t.Time, t.Headers = s.node, at, nil
		return s.call(at)
	})
}

// NextPunctuation is the earliest wall-clock time at which a punctuation is due;
// ok is false if there is none.
func (t *Owner) NextPunctuation() (at int64, ok bool) {
	for _, s := range t.schedules {
		if !s.stopped && s.kind == WallClockTime && (!ok || s.next < at) {
			at, ok = s.next, true
		}
	}
	return at, ok
}
