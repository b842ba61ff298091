package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// dueRows gives out the records of both sides of a join that have found no match.
type dueRows[K, L, R, O any] struct {
	StreamJoin[K, L, R, O]
	c       *Context[K, O]
	rows    *state.Unmatched[K, L, R]
	results nulls[O]
	// headers are those of the record at hand, kept those of the ones that wait, if they
	// are kept.
	headers record.Headers
	kept    *keptHeaders
}

func newDueRows[K, L, R, O any](j StreamJoin[K, L, R, O], c *Context[K, O], rows *state.Unmatched[K, L, R]) *dueRows[K, L, R, O] {
	return &dueRows[K, L, R, O]{StreamJoin: j, c: c, rows: rows, results: nullsOf[O](), kept: keptHeadersOf(c.Task, j.Unmatched)}
}

func (d *dueRows[K, L, R, O]) left(key K, ts int64, value L) error {
	headers, err := takeFor(d.kept, &d.rows.Left, key, ts, d.headers)
	if err != nil {
		return err
	}
	return d.forward(key, ts, d.OnlyLeft(key, value), headers)
}

func (d *dueRows[K, L, R, O]) right(key K, ts int64, value R) error {
	headers, err := takeFor(d.kept, &d.rows.Right, key, ts, d.headers)
	if err != nil {
		return err
	}
	return d.forward(key, ts, d.OnlyRight(key, value), headers)
}

func (d *dueRows[K, L, R, O]) forward(key K, ts int64, result O, headers record.Headers) error {
	return d.c.Forward(record.Record[K, O]{Key: key, Value: result, Tombstone: d.results.isNil(result), Timestamp: ts, Headers: headers})
}

// keepFor keeps the headers of the record of a key and time that was the last to begin to
// wait, or no longer if there are none.
func keepFor[K, V any](kept *keptHeaders, of *state.Waiting[K, V], key K, ts int64, headers record.Headers) error {
	if kept == nil {
		return nil
	}
	row, err := of.AppendKey(nil, key, ts)
	if err != nil {
		return err
	}
	return kept.put(row, headers)
}

// takeFor returns what keepFor has kept, or without that the given headers.
func takeFor[K, V any](kept *keptHeaders, of *state.Waiting[K, V], key K, ts int64, otherwise record.Headers) (record.Headers, error) {
	if kept == nil {
		return otherwise, nil
	}
	row, err := of.AppendKey(nil, key, ts)
	if err != nil {
		return nil, err
	}
	return kept.take(row)
}

// all gives out what is due at a time. That is work of the record at hand, whose
// headers it takes.
func (d *dueRows[K, L, R, O]) all(at int64, headers record.Headers) error {
	d.headers = headers
	return d.rows.Due(d.Windows.Due(at), d.Windows.Mirrored().Due(at), d.left, d.right)
}

// without gives out what is due at a time that no record has brought, the records of
// each time and key as a unit of work of their own. They wait no longer even if a
// policy leaves them behind.
func (d *dueRows[K, L, R, O]) without(at int64) error {
	d.headers = nil
	for {
		more, err := d.rows.HasDue(d.Windows.Due(at), d.Windows.Mirrored().Due(at))
		if err != nil || !more {
			return err
		}
		whole, err := d.next(at, d.left, d.right)
		if err == nil && !whole {
			_, err = d.next(at, func(K, int64, L) error { return nil }, func(K, int64, R) error { return nil })
		}
		if err != nil {
			return err
		}
	}
}

// next gives out the records of one time and key. It reports false if that has failed
// and a policy says to go on.
func (d *dueRows[K, L, R, O]) next(at int64, left func(K, int64, L) error, right func(K, int64, R) error) (whole bool, err error) {
	err = d.c.Guard(func() error {
		d.c.at = d.c.node
		_, err := d.rows.DueNext(d.Windows.Due(at), d.Windows.Mirrored().Due(at), left, right)
		whole = err == nil
		return err
	})
	return whole, err
}
