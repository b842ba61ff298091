package processors

import (
	"cmp"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// dropLate is the reason for which a windowed aggregation drops a record of
// which a window has already closed. It is counted once for each such window.
const dropLate = "late"

// dropExpired is the reason for which it drops a record of which the store has
// forgotten a window that is still open. That happens only where another stream
// of a cogroup has run ahead by the retention.
const dropExpired = "expired window"

// WindowAggregate is an aggregation of each key in each tumbling or hopping
// window.
type WindowAggregate[K, V, A any] struct {
	Store string
	// Clock names the highest timestamp seen, which has to survive restarts, if it
	// is not to be named after the store because aggregations share that.
	Clock   string
	Windows window.Time
	Fold    Fold[K, V, A]
	// Final passes on each result once, when its window closes, instead of
	// every change.
	Final bool
	// Nulls says that the fold does not look at values, so that it may be called
	// for a null of any type.
	Nulls bool
}

// Supplier makes the aggregation. A record without a key is dropped; a null value
// of a nilable type is given to the fold, any other null only with Nulls.
func (w WindowAggregate[K, V, A]) Supplier() Supplier[K, V, window.Key[K], Change[A]] {
	return func(c *Context[window.Key[K], Change[A]]) (Processor[K, V], error) {
		rows, err := Store[*state.Window[K, A]](c.Task, w.Store)
		if err != nil {
			return nil, err
		}
		p := &windowAggregate[K, V, A]{WindowAggregate: w, c: c, rows: rows, in: nullsOf[V](), late: latenessOf[K, V](c.Task, c.node)}
		p.seen = c.TrackTime(cmp.Or(w.Clock, w.Store))
		if w.Final {
			p.headers = keptHeadersOf(c.Task, w.Store)
			c.AfterRecord(p.emitClosed)
			return p, nil
		}
		rows.OnWrite(func(w *state.Written[state.Windowed[K], A]) error {
			return forwardWrite(c, p.key(w.Key()), w)
		})
		return p, nil
	}
}

type windowAggregate[K, V, A any] struct {
	WindowAggregate[K, V, A]
	c    *Context[window.Key[K], Change[A]]
	rows *state.Window[K, A]
	in   nulls[V]
	// late has the records that count in no window.
	late lateness[K, V]
	// seen is the highest timestamp so far; it decides what is late.
	seen *int64
	// headers are those of the rows, if they are kept.
	headers *keptHeaders
}

func (p *windowAggregate[K, V, A]) key(w state.Windowed[K]) window.Key[K] {
	return window.Key[K]{Key: w.Key, Start: w.Start, End: p.Windows.End(w.Start)}
}

func (p *windowAggregate[K, V, A]) Process(r record.Record[K, V]) error {
	if r.NullKey || p.in.hides(r.Tombstone) && !p.Nulls {
		p.c.Drop(dropNullKeyOrValue)
		return nil
	}
	*p.seen = max(*p.seen, r.Timestamp)
	late, counts := false, false
	// Behind the last window before the end of time, start is negative.
	for start := p.Windows.First(r.Timestamp); start >= 0 && start <= r.Timestamp; start += p.Windows.Advance() {
		if p.Windows.CloseTime(start) <= *p.seen {
			p.c.Drop(dropLate)
			late = true
			continue
		}
		counts = true
		if err := p.update(start, r); err != nil {
			return err
		}
	}
	if late && !counts {
		return p.late.give(r)
	}
	return nil
}

func (p *windowAggregate[K, V, A]) update(start int64, r record.Record[K, V]) error {
	e, err := p.rows.Lookup(r.Key, start)
	if err != nil {
		return err
	}
	if e == nil {
		p.c.Drop(dropExpired)
		return nil
	}
	aggregate, ts, had := e.Value()
	if !had {
		ts = r.Timestamp
	}
	return p.rows.Set(e, p.Fold(r.Key, r.Value, aggregate, had), max(ts, r.Timestamp), r.Headers)
}
