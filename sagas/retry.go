package sagas

import (
	"hash/fnv"
	"time"
)

// Retry says how often and when something that did not work is tried again.
type Retry struct {
	// First is the pause before the second attempt; each further one is twice as long
	// as the one before, up to Max. The pauses are shortened by up to a half, so that
	// sagas that failed together do not return together.
	First, Max time.Duration
	// Attempts bounds the attempts, the first one included; 0 is no bound.
	Attempts int
	// Elapsed bounds the time since the first attempt; 0 is no bound.
	Elapsed time.Duration
}

// The policies of steps that choose none.
var (
	defaultRetry     = Retry{First: 200 * time.Millisecond, Max: 30 * time.Second, Attempts: 10}
	defaultUndoRetry = Retry{First: 200 * time.Millisecond, Max: time.Minute, Attempts: 20}
)

// Once is the policy of no second attempt.
func Once() Retry { return Retry{First: time.Millisecond, Max: time.Millisecond, Attempts: 1} }

// next is the time of the attempt behind the given number of tries; ok is false if
// there is none. The jitter follows from the id of the saga, so that the same saga
// always does the same.
func (r Retry) next(key string, tries int, since, now int64) (due int64, ok bool) {
	if r.Attempts > 0 && tries >= r.Attempts {
		return 0, false
	}
	due = now + jitter(r.pause(tries), key, tries).Milliseconds()
	if r.Elapsed > 0 && due > since+r.Elapsed.Milliseconds() {
		return 0, false
	}
	return due, true
}

// pause doubles with each try.
func (r Retry) pause(tries int) time.Duration {
	d := r.First
	for range tries - 1 {
		if d >= r.Max/2 {
			return r.Max
		}
		d *= 2
	}
	return min(d, r.Max)
}

// jitter takes up to a half of a pause away.
func jitter(d time.Duration, key string, tries int) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	_, _ = h.Write([]byte{byte(tries), byte(tries >> 8)})
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	const parts = 1 << 20
	return d - d/2/parts*time.Duration(x%parts)
}

// fault is what is wrong with a policy.
func (r Retry) fault() string {
	switch {
	case r.First < time.Millisecond:
		return "Retry.First is less than 1 ms: give the pause before the second attempt"
	case r.Max < r.First:
		return "Retry.Max is shorter than Retry.First: give the longest pause"
	case r.Attempts < 0 || r.Elapsed < 0:
		return "Retry.Attempts and Retry.Elapsed must not be negative: give 0 for no bound"
	}
	return ""
}
