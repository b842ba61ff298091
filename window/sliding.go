package window

import (
	"cmp"
	"fmt"
	"time"
)

// SlidingSpec is a specification of sliding windows. Their places are not fixed:
// they follow from the records of a key. Each timestamp t of a key makes the
// window [t-difference, t], which ends with it, and, once it holds a record,
// [t+1, t+1+difference], the first one without it. Both bounds are inclusive, so
// two records share a window if they are at most the difference apart.
//
// No window starts before time began: records with t < difference share the
// window [0, difference].
type SlidingSpec struct {
	difference, grace int64
	fault             error
}

// Sliding windows hold records that are at most difference apart.
func Sliding(difference time.Duration) SlidingSpec {
	return SlidingSpec{
		difference: difference.Milliseconds(),
		fault:      checkLength("the difference of a sliding window", difference),
	}
}

// Grace is how long, in event time, a window accepts records after its end.
// Without it a window closes as soon as stream time has passed its end.
func (w SlidingSpec) Grace(d time.Duration) SlidingSpec {
	w.grace = d.Milliseconds()
	w.fault = cmp.Or(w.fault, checkLength("the grace", d))
	return w
}

// checkLength says what is wrong with a length of time. The longest one leaves room
// for sums of a few.
func checkLength(what string, d time.Duration) error {
	const most = time.Duration(longest/4) * time.Millisecond
	switch {
	case d < 0:
		return fmt.Errorf("window: %s must not be negative, got %v", what, d)
	case d%time.Millisecond != 0:
		return fmt.Errorf("window: %s must be whole milliseconds, got %v", what, d)
	case d > most:
		return fmt.Errorf("window: %s must not exceed %v, got %v", what, most, d)
	}
	return nil
}

// Err is what is wrong with the specification, or nil.
func (w SlidingSpec) Err() error { return w.fault }

// Difference is the distance between the bounds of a window in milliseconds.
func (w SlidingSpec) Difference() int64 { return w.difference }

// GracePeriod is the grace in milliseconds.
func (w SlidingSpec) GracePeriod() int64 { return w.grace }

// End is the end of the window that starts at start. It is the highest int64 if it
// lies beyond.
func (w SlidingSpec) End(start int64) int64 { return later(start, w.difference) }

// Start is the start of the window that ends with a record at ts.
func (w SlidingSpec) Start(ts int64) int64 { return max(0, ts-w.difference) }

// Early says that a record at ts is too early to have a window that ends with it.
func (w SlidingSpec) Early(ts int64) bool { return ts < w.difference }

// Open is the earliest end of the windows that are open at the given stream time:
// all that end before it are closed.
func (w SlidingSpec) Open(streamTime int64) int64 { return streamTime - w.grace }

// Late says that every window that could hold a record at ts is closed.
func (w SlidingSpec) Late(ts, streamTime int64) bool { return w.End(ts) < w.Open(streamTime) }

// Reach is where the windows start that a record at ts has to do with: those that
// hold it, the one that begins behind it, and the last one that ended before it.
func (w SlidingSpec) Reach(ts int64) (from, to int64) {
	return max(0, ts-2*w.difference), later(ts, 1)
}
