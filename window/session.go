package window

import (
	"cmp"
	"time"
)

// SessionSpec is a specification of session windows: periods of activity of a key,
// from its first record to its last. A record belongs to every session that it is
// at most the gap away from, and joins them into one. Both bounds are inclusive.
type SessionSpec struct {
	gap, grace int64
	fault      error
}

// Session windows end when a key has been quiet for more than the gap.
func Session(gap time.Duration) SessionSpec {
	return SessionSpec{gap: gap.Milliseconds(), fault: checkLength("the gap of a session", gap)}
}

// Grace is how long, in event time, a session accepts records after its gap has
// passed. Without it a session closes as soon as the gap has.
func (w SessionSpec) Grace(d time.Duration) SessionSpec {
	w.grace = d.Milliseconds()
	w.fault = cmp.Or(w.fault, checkLength("the grace", d))
	return w
}

// Err is what is wrong with the specification, or nil.
func (w SessionSpec) Err() error { return w.fault }

// Gap is the longest silence within a session in milliseconds.
func (w SessionSpec) Gap() int64 { return w.gap }

// GracePeriod is the grace in milliseconds.
func (w SessionSpec) GracePeriod() int64 { return w.grace }

// Open is the earliest end of the sessions that are open at the given stream time:
// all that end before it are closed.
func (w SessionSpec) Open(streamTime int64) int64 { return streamTime - w.grace - w.gap }

// Reach is the time that a session has to touch to be joined by a record at ts: it
// ends at from or later, and starts at to or earlier.
func (w SessionSpec) Reach(ts int64) (from, to int64) { return ts - w.gap, later(ts, w.gap) }
