package main

import (
	"context"
	"time"
)

// clock says at which event time the event number i happens.
type clock func(i int) time.Time

// simulated spreads n events evenly over enough minutes for windows to close: a
// minute for every 1000 events, but at least 4 and at most 10.
func simulated(start time.Time, n int) clock {
	span := time.Duration(min(max(n/1000, 4), 10)) * time.Minute
	return func(i int) time.Time {
		return start.Add(time.Duration(float64(span) * float64(i) / float64(n)))
	}
}

// catchUp is how much faster than real time the live clock runs until it has
// caught up with it, and backlog how far behind it begins, so that there are
// windows to see closing from the first seconds on.
const (
	catchUp = 10
	backlog = 10 * time.Minute
)

// live is a clock that catches up with real time and then follows it.
func live(start time.Time, now func() time.Time) clock {
	begun := now()
	return func(int) time.Time {
		at := now()
		if fast := start.Add(catchUp * at.Sub(begun)); fast.Before(at) {
			return fast
		}
		if at.Before(start) { // earlier runs went further than real time
			return start
		}
		return at
	}
}

// pace holds back events to a rate per second; 0 is as fast as possible.
type pace struct {
	rate  float64
	begun time.Time
}

// wait returns when event number i is due.
func (p pace) wait(ctx context.Context, i int) error {
	if p.rate <= 0 {
		return ctx.Err()
	}
	due := p.begun.Add(time.Duration(float64(i) / p.rate * float64(time.Second)))
	return sleep(ctx, time.Until(due))
}

// sleep waits, unless it has to be for less than a timer can tell.
func sleep(ctx context.Context, d time.Duration) error {
	if d < time.Millisecond {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
