package processors

import (
	"cmp"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// SessionAggregate is an aggregation of each key in each of its sessions.
//
// A record joins the sessions that it is at most the gap away from into one: they
// are deleted, with their ends as the timestamps of the deletions, and the joined
// one is written, with its own. It is late if even the joined session is closed. A
// closed session that is still stored is joined like any other, as in Kafka Streams,
// whose stores forget sessions at different times; here every session is kept for
// two gaps and the grace at least. Event times below the gap, which make Kafka
// Streams' cached store fail, are nothing special.
type SessionAggregate[K, V, A any] struct {
	Store string
	// Clock is as in WindowAggregate.
	Clock    string
	Sessions window.SessionSpec
	// Initial is what a session begins with. If it is nil, a session begins without
	// an aggregate.
	Initial func() A
	Fold    Fold[K, V, A]
	// Merge joins the aggregates of two sessions, the earlier one first. That of
	// the first session is joined with what Initial returns.
	Merge func(key K, a, b A) A
	// Final passes on each result once, when its session closes, instead of every
	// change.
	Final bool
	// Nulls says that the fold does not look at values, so that it may be called
	// for a null of any type.
	Nulls bool
}

// Supplier makes the aggregation. A record without a key is dropped; a null value
// of a nilable type is given to the fold, any other null only with Nulls.
func (a SessionAggregate[K, V, A]) Supplier() Supplier[K, V, window.Key[K], Change[A]] {
	return func(c *Context[window.Key[K], Change[A]]) (Processor[K, V], error) {
		rows, err := Store[*state.Session[K, A]](c.Task, a.Store)
		if err != nil {
			return nil, err
		}
		p := &sessionAggregate[K, V, A]{SessionAggregate: a, c: c, rows: rows, in: nullsOf[V](), late: latenessOf[K, V](c.Task, c.node)}
		p.seen = c.TrackTime(cmp.Or(a.Clock, a.Store))
		rows.Advance(*p.seen)
		if a.Final {
			p.closing = closing[K, A]{c: c, store: a.Store, rows: rows, stamp: endOf[K]}
			return p, p.closing.track(func() int64 { return a.Sessions.Open(*p.seen) })
		}
		rows.OnWrite(func(w *state.Written[state.Span[K], A]) error { return forwardSession(c, w) })
		return p, nil
	}
}

type sessionAggregate[K, V, A any] struct {
	SessionAggregate[K, V, A]
	c       *Context[window.Key[K], Change[A]]
	rows    *state.Session[K, A]
	in      nulls[V]
	late    lateness[K, V]
	closing closing[K, A]
	// seen is the highest timestamp so far; it decides what is late.
	seen *int64
}

func (p *sessionAggregate[K, V, A]) Process(r record.Record[K, V]) error {
	if r.NullKey || p.in.hides(r.Tombstone) && !p.Nulls {
		p.c.Drop(dropNullKeyOrValue)
		return nil
	}
	*p.seen = max(*p.seen, r.Timestamp)
	from, to := p.Sessions.Reach(r.Timestamp)
	found, err := p.rows.Find(r.Key, from, to)
	if err != nil {
		return err
	}
	joined := state.Span[K]{Key: r.Key, Start: r.Timestamp, End: r.Timestamp}
	for _, e := range found {
		joined.Start, joined.End = min(joined.Start, e.Key().Start), max(joined.End, e.Key().End)
	}
	if joined.End < p.Sessions.Open(*p.seen) {
		p.c.Drop(dropLate)
		return p.late.give(r)
	}
	p.rows.Advance(*p.seen)
	if p.rows.Expired(joined.End) {
		p.c.Drop(dropExpired)
		return nil
	}
	aggregate, had := p.merge(r.Key, found)
	if joined.Start < joined.End {
		for _, e := range found {
			if err := p.rows.Remove(e, r.Timestamp, r.Headers); err != nil {
				return err
			}
		}
	}
	e, err := p.rows.Lookup(r.Key, joined.Start, joined.End)
	if err != nil {
		return err
	}
	return p.rows.Set(e, p.Fold(r.Key, r.Value, aggregate, had), r.Timestamp, r.Headers)
}

// merge joins the aggregates of sessions.
func (p *sessionAggregate[K, V, A]) merge(key K, sessions []*state.Entry[state.Span[K], A]) (aggregate A, had bool) {
	if p.Initial != nil {
		aggregate, had = p.Initial(), true
	}
	for _, e := range sessions {
		one, _, _ := e.Value()
		if had {
			one = p.Merge(key, aggregate, one)
		}
		aggregate, had = one, true
	}
	return aggregate, had
}

// spanKey is the key of a row as the key of a window.
func spanKey[K any](s state.Span[K]) window.Key[K] {
	return window.Key[K]{Key: s.Key, Start: s.Start, End: s.End}
}

// endOf is the timestamp of what is passed on of a session.
func endOf[K any](s state.Span[K], _ int64) int64 { return s.End }

func forwardSession[K, A any](c *Context[window.Key[K], Change[A]], w *state.Written[state.Span[K], A]) error {
	out := record.Record[window.Key[K], Change[A]]{Key: spanKey(w.Key()), Timestamp: w.Key().End, Headers: w.Headers()}
	out.Value.New, _, out.Value.HasNew = w.New()
	out.Value.Old, _, out.Value.HasOld = w.Old()
	c.at = c.node
	return c.Forward(out)
}
