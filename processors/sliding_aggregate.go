package processors

import (
	"cmp"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// SlidingAggregate is an aggregation of each key in each of its sliding windows.
//
// A record counts in all windows of its key that hold it and are open: in those
// that are there, in the one that ends with it, and in those that begin behind
// another record. A new window starts from the aggregate of an older one with the
// records that they share; if that one has closed, from what it was then. The windows
// are updated, and passed on, in Kafka Streams' order.
//
// Two artefacts of Kafka Streams are left out. It forgets a record if the window that
// ends with it has closed before it came; here that window is kept out of sight, so
// that windows to come know of the record. And it passes on a window twice if it is
// both the first one without the record before and the one that ends with the new
// record.
type SlidingAggregate[K, V, A any] struct {
	Store string
	// Clock is as in WindowAggregate.
	Clock   string
	Windows window.SlidingSpec
	Fold    Fold[K, V, A]
	// Final passes on each result once, when its window closes, instead of every
	// change.
	Final bool
}

// Supplier makes the aggregation. A record without a key or without a value is
// dropped.
func (a SlidingAggregate[K, V, A]) Supplier() Supplier[K, V, window.Key[K], Change[A]] {
	return func(c *Context[window.Key[K], Change[A]]) (Processor[K, V], error) {
		rows, err := Store[*state.Sliding[K, A]](c.Task, a.Store)
		if err != nil {
			return nil, err
		}
		p := &slidingAggregate[K, V, A]{SlidingAggregate: a, c: c, rows: rows, values: nullsOf[V](), late: latenessOf[K, V](c.Task, c.node)}
		p.seen = c.TrackTime(cmp.Or(a.Clock, a.Store))
		rows.Advance(*p.seen)
		if a.Final {
			p.closing = closing[K, A]{c: c, store: a.Store, rows: rows, stamp: func(_ state.Span[K], ts int64) int64 { return ts }}
			return p, p.closing.track(func() int64 { return a.Windows.Open(*p.seen) })
		}
		rows.OnWrite(func(w *state.Written[state.Span[K], A]) error { return forwardWrite(c, spanKey(w.Key()), w) })
		return p, nil
	}
}

type slidingAggregate[K, V, A any] struct {
	SlidingAggregate[K, V, A]
	c       *Context[window.Key[K], Change[A]]
	rows    *state.Sliding[K, A]
	values  nulls[V]
	late    lateness[K, V]
	closing closing[K, A]
	// seen is the highest timestamp so far; it decides what is late.
	seen *int64
}

func (p *slidingAggregate[K, V, A]) Process(r record.Record[K, V]) error {
	if r.NullKey || r.Tombstone || p.values.isNil(r.Value) {
		p.c.Drop(dropNullKeyOrValue)
		return nil
	}
	*p.seen = max(*p.seen, r.Timestamp)
	if p.Windows.Late(r.Timestamp, *p.seen) {
		p.c.Drop(dropLate)
		return p.late.give(r)
	}
	p.rows.Advance(*p.seen)
	if p.rows.Expired(r.Timestamp) {
		p.c.Drop(dropExpired)
		return nil
	}
	from, to := p.Windows.Reach(r.Timestamp)
	windows, err := p.rows.Find(r.Key, from, to)
	if err != nil {
		return err
	}
	if p.Windows.Early(r.Timestamp) {
		return p.early(r, windows)
	}
	return p.usual(r, windows)
}

// update counts a record in a window, starting from the aggregate of other records.
// e is the window if it is there. One that has closed stays as it is, and one that
// closed before it began is hidden.
func (p *slidingAggregate[K, V, A]) update(r record.Record[K, V], e *slidingRow[K, A], start int64, others part[A]) (err error) {
	closed := p.Windows.End(start) < p.Windows.Open(*p.seen)
	if closed {
		p.c.Drop(dropLate)
		if e != nil && !e.Key().Hidden() {
			return nil
		}
	}
	if e == nil {
		if e, err = p.rows.Lookup(r.Key, start, closed); err != nil {
			return err
		}
	}
	ts := r.Timestamp
	if others.has {
		ts = max(ts, others.ts)
	}
	return p.rows.Set(e, p.Fold(r.Key, r.Value, others.value, others.has), ts, r.Headers)
}

// begin makes the window that begins behind a record, of the records that are after
// it, if there are any.
func (p *slidingAggregate[K, V, A]) begin(r record.Record[K, V], after part[A]) error {
	if !after.has || after.ts <= r.Timestamp {
		return nil
	}
	e, err := p.rows.Lookup(r.Key, r.Timestamp+1, false)
	if err != nil {
		return err
	}
	return p.rows.Set(e, after.value, after.ts, r.Headers)
}
