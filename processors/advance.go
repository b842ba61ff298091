package processors

import (
	"math"
	"time"
)

// Advance says when the time of a task goes on although no record moves it. Zero
// means never.
type Advance struct {
	// Idle is after how long, of wall-clock time, a time that stands still goes on as
	// fast as the wall clock.
	Idle time.Duration
	// Follow says that time is never further behind the wall clock than Behind.
	Follow bool
	Behind time.Duration
}

// Zero says that time never goes on by itself.
func (a Advance) Zero() bool { return a.Idle == 0 && !a.Follow }

// The bounds of how often it is looked whether time has to go on.
const (
	shortestTick = 10 * time.Millisecond
	longestTick  = time.Second
)

// Tick is how often to look whether time has to go on.
func (a Advance) Tick() time.Duration {
	d := a.Idle
	if a.Follow && (d == 0 || a.Behind < d) {
		d = a.Behind
	}
	return min(max(d/10, shortestTick), longestTick)
}

// standing is a time as it was seen last. When it has stood still for long enough it
// goes on from base, where it was at the quiet time since.
type standing struct{ seen, base, since int64 }

// newStanding has seen no time yet.
func newStanding() standing { return standing{seen: math.MinInt64} }

// goOn moves a time that has stood still while the task was quiet, as far as most, and
// in any case to least. It reports whether there was anything to move.
func (s *standing) goOn(at *int64, q Quiet, idle time.Duration, least, most int64) bool {
	before := *at
	if before != s.seen {
		s.base, s.since = before, q.Before
	}
	if waited := q.Total - s.since; before >= 0 && idle > 0 && waited >= idle.Milliseconds() {
		*at = max(before, min(s.base+waited, most))
	}
	*at = max(*at, least)
	s.seen = *at
	return *at != before
}

// Quiet is for how many milliseconds of wall-clock time a task has had nothing to do so
// far, and for how many it had when it worked, or was asked, last.
type Quiet struct{ Before, Total int64 }

// streamName is the progress entry of a stream time that goes on by itself. Otherwise
// the times of the partitions tell it.
const streamName = "\x00stream"

// Follow has the time of the task go on by itself. It is called behind Init, before
// the processors are made.
func (t *Owner) Follow(a Advance) {
	t.advance = a
	if a.Zero() {
		return
	}
	at := t.StreamTime
	t.Task().Track(streamName, &t.StreamTime)
	t.StreamTime = max(t.StreamTime, at)
	t.standing = newStanding()
}

// Advances says when the task's time goes on by itself.
func (t *Task) Advances() Advance { return t.advance }

// AdvanceTime lets the time of the task, and those that its operators track, go on as
// far as they have to by themselves. now is the wall clock. It reports whether any has
// moved.
func (t *Owner) AdvanceTime(quiet Quiet, now int64) (moved bool) {
	least := int64(math.MinInt64)
	if t.advance.Follow {
		least = now - t.advance.Behind.Milliseconds()
	}
	moved = t.standing.goOn(&t.StreamTime, quiet, t.advance.Idle, least, math.MaxInt64)
	for i := range t.tracked {
		if one := &t.tracked[i]; one.isTime {
			moved = one.standing.goOn(one.time, quiet, t.advance.Idle, least, t.StreamTime) || moved
		}
	}
	return moved
}
