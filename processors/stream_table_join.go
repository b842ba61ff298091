package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// StreamTableJoin joins each record of a stream with the row that the table has
// under the same key at that moment, or had at the record's time if it keeps
// versions. Only the stream side triggers a result, and the result has its
// timestamp and headers. A record without a value is dropped.
type StreamTableJoin[K, V, T, R any] struct {
	// Rows opens the table for a task.
	Rows  func(*Task) (Rows[K, T], error)
	Found func(K, V, T) R
	// Missing is called for a record without a key or without a row, which is
	// dropped if Missing is nil.
	Missing func(K, V) R
	// Buffer, if not empty, is the store in which records wait until the highest
	// timestamp of the stream is as many milliseconds ahead of theirs as Grace says.
	Buffer string
	Grace  int64
}

// Supplier makes the join.
func (j StreamTableJoin[K, V, T, R]) Supplier() Supplier[K, V, K, R] {
	return func(c *Context[K, R]) (Processor[K, V], error) {
		rows, err := j.Rows(c.Task)
		if err != nil {
			return nil, err
		}
		now := &tableJoin[K, V, T, R]{StreamTableJoin: j, c: c, rows: rows, results: nullsOf[R]()}
		if j.Buffer == "" {
			return now, nil
		}
		buffer, err := Store[*state.TimeBuffer[K, V]](c.Task, j.Buffer)
		if err != nil {
			return nil, err
		}
		later := &waitingJoin[K, V, T, R]{tableJoin: now, buffer: buffer, seen: c.TrackTime(j.Buffer)}
		c.AfterRecord(later.release)
		return later, nil
	}
}

// tableJoin joins records as they come.
type tableJoin[K, V, T, R any] struct {
	StreamTableJoin[K, V, T, R]
	c       *Context[K, R]
	rows    Rows[K, T]
	results nulls[R]
}

// drops says whether a record cannot be joined, and counts it then.
func (p *tableJoin[K, V, T, R]) drops(r *record.Record[K, V]) bool {
	if r.Tombstone || r.NullKey && p.Missing == nil {
		p.c.Drop(dropNullKeyOrValue)
		return true
	}
	return false
}

func (p *tableJoin[K, V, T, R]) Process(r record.Record[K, V]) error {
	if p.drops(&r) {
		return nil
	}
	return p.join(r)
}

func (p *tableJoin[K, V, T, R]) join(r record.Record[K, V]) error {
	var row T
	found := false
	if !r.NullKey {
		var err error
		if row, _, found, err = p.rows(r.Key, r.Timestamp); err != nil {
			return err
		}
	}
	if !found && p.Missing == nil {
		return nil
	}
	var result R
	if found {
		result = p.Found(r.Key, r.Value, row)
	} else {
		result = p.Missing(r.Key, r.Value)
	}
	out := record.WithValue(r, result)
	out.Tombstone = p.results.isNil(result)
	return p.c.Forward(out)
}

// waitingJoin has records wait until updates of the table that belong before them
// have had time to come.
type waitingJoin[K, V, T, R any] struct {
	*tableJoin[K, V, T, R]
	buffer *state.TimeBuffer[K, V]
	// seen is the highest timestamp of a record that has waited.
	seen *int64
}

// Process has a record wait, unless it comes later than the grace period: then it is
// joined at once, and so is one without a key, which no row can come for.
func (p *waitingJoin[K, V, T, R]) Process(r record.Record[K, V]) error {
	if p.drops(&r) {
		return nil
	}
	if r.NullKey || r.Timestamp < *p.seen-p.Grace {
		return p.join(r)
	}
	*p.seen = max(*p.seen, r.Timestamp)
	return p.buffer.Put(r, p.c.Source)
}

// release joins the records that have waited long enough, in the order of their
// timestamps, each as a unit of work of its own.
func (p *waitingJoin[K, V, T, R]) release() error {
	source, time, headers := p.c.Source, p.c.Time, p.c.Headers
	defer func() { p.c.Source, p.c.Time, p.c.Headers = source, time, headers }()
	for {
		due, ok, err := p.buffer.First(*p.seen - p.Grace)
		if err != nil || !ok {
			return err
		}
		joined := false
		err = p.c.Guard(func() error {
			p.c.at, p.c.Source, p.c.Time, p.c.Headers = p.c.node, due.Source, due.Timestamp, due.Headers
			if err := p.buffer.RemoveFirst(); err != nil {
				return err
			}
			if err := p.join(due.Record); err != nil {
				return err
			}
			joined = true
			return nil
		})
		if err == nil && !joined {
			err = p.leave()
		}
		if err != nil {
			return err
		}
	}
}

// leave removes the first record after a policy has left it behind, which took its
// removal back with all else.
func (p *waitingJoin[K, V, T, R]) leave() error {
	return p.c.Guard(func() error {
		if _, ok, err := p.buffer.First(*p.seen - p.Grace); err != nil || !ok {
			return err
		}
		return p.buffer.RemoveFirst()
	})
}
