package window

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Join says how far apart in time two records of a key may be to be joined: a
// right record at tr meets a left one at tl if tl-before <= tr <= tl+after, both
// ends included. Before or after may be negative, so that the right record has to
// come some time earlier or later.
//
//	Within(5s)                  [tl-5s, tl+5s]
//	Within(0).After(5s)         [tl, tl+5s]
//	Within(5s).Before(-1s)      [tl+1s, tl+5s]
type Join struct{ before, after, grace time.Duration }

// Within joins records that are at most d apart, whichever is the earlier one.
func Within(d time.Duration) Join { return Join{before: d, after: d} }

// Before is how much earlier than the left record the right one may be. A negative
// one is how much later it has to be.
func (w Join) Before(d time.Duration) Join {
	w.before = d
	return w
}

// After is how much later than the left record the right one may be. A negative
// one is how much earlier it has to be.
func (w Join) After(d time.Duration) Join {
	w.after = d
	return w
}

// Grace is how much later than the end of its window, in event time, a record is
// still found by records that come out of order. A left or outer join waits as
// long before it gives a record up that has found no other.
func (w Join) Grace(d time.Duration) Join {
	w.grace = d
	return w
}

// Err is what is wrong with the specification, or nil.
func (w Join) Err() error {
	switch {
	case w.before%time.Millisecond != 0 || w.after%time.Millisecond != 0 || w.grace%time.Millisecond != 0:
		return fmt.Errorf("window: the before, after and grace of a join must be whole milliseconds, got %v, %v and %v", w.before, w.after, w.grace)
	case w.Size() < 0:
		return fmt.Errorf("window: the before and after of a join must not be negative together, got %v and %v: no two records could ever meet", w.before, w.after)
	case w.grace < 0:
		return fmt.Errorf("window: the grace must not be negative, got %v", w.grace)
	case w.Size()+w.GracePeriod() > longest:
		return errors.New("window: the before, after and grace of a join must not exceed " + (time.Duration(longest) * time.Millisecond).String() + " together")
	}
	return nil
}

// Size is before and after together, in milliseconds.
func (w Join) Size() int64 { return w.before.Milliseconds() + w.after.Milliseconds() }

// GracePeriod is the grace in milliseconds.
func (w Join) GracePeriod() int64 { return w.grace.Milliseconds() }

// Retention is how long a record has to be kept so that all find it that may come
// within the grace, in milliseconds, counted from the latest record kept.
func (w Join) Retention() int64 { return max(w.Size()+w.GracePeriod(), 1) }

// Mirrored is the same join seen from the right: which left records a right one
// meets.
func (w Join) Mirrored() Join { return Join{before: w.after, after: w.before, grace: w.grace} }

// Range bounds the timestamps of the records that one at ts, which must not be
// negative, meets. There are none if to is before from.
func (w Join) Range(ts int64) (from, to int64) {
	return max(shifted(ts, -w.before.Milliseconds()), 0), shifted(ts, w.after.Milliseconds())
}

// Due bounds the timestamps of the records whose window and grace have passed at
// the given stream time: they are before it.
func (w Join) Due(streamTime int64) int64 {
	return shifted(streamTime, -w.after.Milliseconds()-w.GracePeriod())
}

// shifted is ts + by without going beyond the highest int64. ts is at least -1.
func shifted(ts, by int64) int64 {
	if by > 0 && ts > math.MaxInt64-by {
		return math.MaxInt64
	}
	return ts + by
}
