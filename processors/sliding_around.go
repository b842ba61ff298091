package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

type slidingRow[K, A any] = state.Entry[state.Span[K], A]

// part is the aggregate of some records of a key, and the highest of their
// timestamps.
type part[A any] struct {
	value A
	ts    int64
	has   bool
}

func partOf[K, A any](e *slidingRow[K, A]) (p part[A]) {
	p.value, p.ts, p.has = e.Value()
	return p
}

// around is what the windows of a key tell about the records around a new one.
type around[A any] struct {
	// last is the timestamp of the last record before the new one, or -1. before has
	// the records of the last window that ended before it.
	last   int64
	before part[A]
	// after has the records behind the new one that the window which begins behind
	// it holds, if it has any.
	after part[A]
	// ends says that the window is there that ends with the new record, follows the
	// one that begins behind the last record, and begins the one behind the new one.
	ends, follows, begins bool
}

// usual counts a record in the windows that hold it, the latest first, and makes
// those that it calls for.
func (p *slidingAggregate[K, V, A]) usual(r record.Record[K, V], windows []*slidingRow[K, A]) error {
	at, left, near := r.Timestamp, p.Windows.Start(r.Timestamp), around[A]{last: -1}
	i := len(windows) - 1
	for ; i >= 0 && windows[i].Key().Start >= left; i-- {
		e, now := windows[i], partOf(windows[i])
		start := e.Key().Start
		if start > at {
			near.begins = true
			continue
		}
		if err := p.update(r, e, start, now); err != nil {
			return err
		}
		switch {
		case start > left && !near.after.has:
			near.after = now
		case start == left && now.ts >= at:
			return nil // a record of this timestamp has made all windows before
		case start == left:
			near.ends, near.last = true, now.ts
		}
	}
	if i >= 0 {
		near.before = partOf(windows[i])
		near.last = near.before.ts
	}
	near.follows = startsAt(windows, near.last+1)
	return p.fill(r, left, near)
}

// fill makes the windows that a record calls for and that are not there.
func (p *slidingAggregate[K, V, A]) fill(r record.Record[K, V], left int64, near around[A]) error {
	if next := near.last + 1; near.last >= 0 && !near.follows && p.Windows.End(next) >= r.Timestamp {
		if err := p.update(r, nil, next, part[A]{}); err != nil {
			return err
		}
		near.ends = near.ends || next == left
	}
	if !near.ends {
		if near.last < left {
			near.before = part[A]{}
		}
		if err := p.update(r, nil, left, near.before); err != nil {
			return err
		}
	}
	if near.begins {
		return nil
	}
	return p.begin(r, near.after)
}

// early counts a record that is too early to have a window which ends with it. Such
// records share the window at the beginning of time.
func (p *slidingAggregate[K, V, A]) early(r record.Record[K, V], windows []*slidingRow[K, A]) error {
	at, near := r.Timestamp, around[A]{last: -1}
	var first *slidingRow[K, A]
	var shared part[A]
	for _, e := range windows {
		start, now := e.Key().Start, partOf(e)
		switch {
		case start == 0:
			first, shared = e, now
			if now.ts < at {
				near.last = now.ts
			}
		case start > at:
			near.begins = true
		default:
			near.after = now
			if err := p.update(r, e, start, now); err != nil {
				return err
			}
		}
	}
	if !near.after.has {
		near.after = shared
	}
	if !near.begins {
		if err := p.begin(r, near.after); err != nil {
			return err
		}
	}
	if near.last >= 0 && !startsAt(windows, near.last+1) {
		if err := p.update(r, nil, near.last+1, part[A]{}); err != nil {
			return err
		}
	}
	return p.update(r, first, 0, shared)
}

// startsAt says whether one of the windows starts at a time.
func startsAt[K, A any](windows []*slidingRow[K, A], start int64) bool {
	for i := len(windows) - 1; i >= 0 && windows[i].Key().Start >= start; i-- {
		if windows[i].Key().Start == start {
			return true
		}
	}
	return false
}
