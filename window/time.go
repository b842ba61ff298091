package window

import (
	"fmt"
	"math"
	"time"
)

// Fixed is a specification of windows of a fixed length: of tumbling or hopping ones
// (Time), or of sliding ones (SlidingSpec).
type Fixed interface {
	// Err is what is wrong with the specification, or nil.
	Err() error
	// GracePeriod is the grace in milliseconds.
	GracePeriod() int64
	fixed()
}

func (Time) fixed()        {}
func (SlidingSpec) fixed() {}

// Time is a specification of tumbling or hopping windows: intervals of a fixed
// size, [start, start+size), aligned to the Unix epoch.
type Time struct {
	size, advance, grace int64
	fault                error
}

// Tumbling windows follow one another without overlap: each timestamp falls
// into exactly one.
func Tumbling(size time.Duration) Time {
	return newTime("tumbling window", size, size)
}

// Hopping windows of a size start at every multiple of advance, so that they
// overlap if advance is smaller than size: each timestamp falls into
// size/advance of them, rounded up, which must not be more than 100,000.
func Hopping(size, advance time.Duration) Time {
	return newTime("hopping window", size, advance)
}

func newTime(kind string, size, advance time.Duration) Time {
	w := Time{size: size.Milliseconds(), advance: advance.Milliseconds()}
	switch {
	case w.size <= 0:
		w.fault = fmt.Errorf("window: the size of a %s must be at least 1 ms, got %v", kind, size)
	case w.advance <= 0:
		w.fault = fmt.Errorf("window: the advance of a %s must be at least 1 ms, got %v", kind, advance)
	case w.advance > w.size:
		w.fault = fmt.Errorf("window: the advance of a %s must not exceed its size %v, got %v: records between two windows would be lost", kind, size, advance)
	case size%time.Millisecond != 0:
		w.fault = fmt.Errorf("window: the size of a %s must be whole milliseconds, got %v", kind, size)
	case advance%time.Millisecond != 0:
		w.fault = fmt.Errorf("window: the advance of a %s must be whole milliseconds, got %v", kind, advance)
	case w.size/w.advance > mostWindows:
		w.fault = fmt.Errorf("window: a record would be in %d windows of %v, which is more than %d: have the %s advance further, or take Sliding windows", w.size/w.advance, size, mostWindows, kind)
	}
	return w
}

// mostWindows is how many windows a record may be in. Each of them is written.
const mostWindows = 100_000

// Grace is how long, in event time, a window accepts records after its end.
// Without it a window closes as soon as stream time reaches its end.
func (w Time) Grace(d time.Duration) Time {
	w.grace = d.Milliseconds()
	switch {
	case w.fault != nil:
	case d < 0:
		w.fault = fmt.Errorf("window: the grace must not be negative, got %v", d)
	case d%time.Millisecond != 0:
		w.fault = fmt.Errorf("window: the grace must be whole milliseconds, got %v", d)
	case w.size+w.grace > longest:
		w.fault = fmt.Errorf("window: the size and the grace must not exceed %v together", time.Duration(longest)*time.Millisecond)
	}
	return w
}

// longest is the longest time.Duration in milliseconds.
const longest = math.MaxInt64 / int64(time.Millisecond)

// Err is what is wrong with the specification, or nil.
func (w Time) Err() error { return w.fault }

// Size is the length of a window in milliseconds.
func (w Time) Size() int64 { return w.size }

// Advance is the distance between the starts of two windows in milliseconds.
func (w Time) Advance() int64 { return w.advance }

// GracePeriod is the grace in milliseconds.
func (w Time) GracePeriod() int64 { return w.grace }

// First is the start of the earliest window that ts, which must not be negative,
// falls into. The others start at every multiple of Advance behind it, up to and
// including ts.
func (w Time) First(ts int64) int64 {
	return max(0, ts-w.size+w.advance) / w.advance * w.advance
}

// End is the end of the window that starts at start. It is the highest int64 if it
// lies beyond.
func (w Time) End(start int64) int64 { return later(start, w.size) }

// CloseTime is the stream time at which the window that starts at start closes:
// from then on records for it are late.
func (w Time) CloseTime(start int64) int64 { return later(start, w.size+w.grace) }

// LastClosed is the latest window start for which CloseTime has been reached at
// the given stream time; it is negative if there is none.
func (w Time) LastClosed(streamTime int64) int64 {
	last := streamTime - w.grace - w.size
	if last < 0 {
		return -1
	}
	return last / w.advance * w.advance
}

// later is start + by without going beyond the highest int64.
func later(start, by int64) int64 {
	if start > math.MaxInt64-by {
		return math.MaxInt64
	}
	return start + by
}
