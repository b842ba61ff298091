package processors

import (
	"fmt"
	"math"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
)

// Suppress holds the updates of a table back, and passes on the last one of each row
// when it is due.
type Suppress[K, V any] struct {
	// Store is a state.Buffer, in the order in which updates become due.
	Store string
	// Wait is how long after the time of a row it is due, in milliseconds of stream
	// time.
	Wait int64
	// Final says that a row is passed on once, when nothing can change it any more. Rows
	// that are deleted by then are not passed on.
	Final bool
	// MaxRows and MaxBytes bound the buffer. The highest number is no bound.
	MaxRows, MaxBytes int64
	// Strict says that the application has to stop when the buffer is full. Otherwise
	// the first rows are passed on before they are due.
	Strict bool
}

// FullError says that a buffer is full which must not pass on rows early. It ends the
// worker, whatever the policies are: to leave the record behind would not help.
type FullError struct {
	Store                          string
	Rows, MaxRows, Bytes, MaxBytes int64
}

func (e *FullError) Error() string {
	if e.Rows > e.MaxRows {
		return fmt.Sprintf("the buffer %q is full: it holds %d rows, of at most %d: raise MaxRecords, or take Unbounded, which keeps on disk what does not fit into memory", e.Store, e.Rows, e.MaxRows)
	}
	return fmt.Sprintf("the buffer %q is full: it holds %d bytes, of at most %d: raise MaxBytes, or take Unbounded, which keeps on disk what does not fit into memory", e.Store, e.Bytes, e.MaxBytes)
}

// Supplier makes the operator.
func (s Suppress[K, V]) Supplier() Supplier[K, Change[V], K, Change[V]] {
	return func(c *Context[K, Change[V]]) (Processor[K, Change[V]], error) {
		buffer, err := Store[*state.Buffer[K, V]](c.Task, s.Store)
		if err != nil {
			return nil, err
		}
		if s.MaxRows < math.MaxInt64 || s.MaxBytes < math.MaxInt64 {
			if err := buffer.Measure(s.MaxBytes < math.MaxInt64); err != nil {
				return nil, err
			}
		}
		p := &suppress[K, V]{Suppress: s, c: c, buffer: buffer, seen: c.TrackTime(s.Store), owing: true}
		p.emit = p.forward
		buffer.OnFlush(p.nextDue, p.emit)
		c.AfterRecord(p.afterRecord)
		return p, nil
	}
}

type suppress[K, V any] struct {
	Suppress[K, V]
	c      *Context[K, Change[V]]
	buffer *state.Buffer[K, V]
	// seen is the highest timestamp of an update so far.
	seen *int64
	// owing says that something may be due that has not been passed on yet, such as
	// what the task before a restart did not come to. Otherwise nothing is until time has
	// gone on from looked.
	owing  bool
	looked int64
	// flushes is the number of the flush behind which the buffer was relieved last.
	flushes int64
	// key and row are what emit passes on next, unless full says that the buffer is.
	key  K
	row  state.Held[V]
	full error
	emit func() error
}

// Process puts an update into the buffer and passes on what is due by it. Where a
// failure of that can be left to a policy, it must not be taken for one of the update,
// so it waits until that is done. While a commit flushes the table before this one,
// it waits for the end of that: updates come in the order of keys then, and each of
// them may be the last before its row is due.
func (p *suppress[K, V]) Process(r record.Record[K, Change[V]]) error {
	*p.seen = max(*p.seen, r.Timestamp)
	row := state.Held[V]{
		Old: r.Value.Old, HasOld: r.Value.HasOld, New: r.Value.New, HasNew: r.Value.HasNew,
		Time: r.Timestamp, Timestamp: r.Timestamp, Source: p.c.Source, Headers: r.Headers,
	}
	if row.Source.Topic == "" {
		row.Source = noSource
	}
	if err := p.buffer.Put(r.Key, row); err != nil {
		return err
	}
	p.owing = true
	if p.c.Flushing || p.c.marking {
		return nil
	}
	return p.emitUntil(*p.seen, nil)
}

// noSource is the source of an update that no record at hand has caused.
var noSource = record.Metadata{Partition: -1, Offset: -1}

func (p *suppress[K, V]) afterRecord() error {
	if !p.owes() {
		return nil
	}
	return p.emitUntil(*p.seen, p.c.Guard)
}

// nextDue finds the next row that is due when a commit flushes.
func (p *suppress[K, V]) nextDue() (bool, error) {
	if !p.owes() {
		return false, nil
	}
	return p.next(*p.seen)
}

func (p *suppress[K, V]) owes() bool { return p.owing || *p.seen != p.looked }

// emitUntil passes on all that is due at a stream time, each row as a unit of work of
// its own if there is a guard.
func (p *suppress[K, V]) emitUntil(streamTime int64, guard func(func() error) error) error {
	for {
		more, err := p.next(streamTime)
		switch {
		case err != nil || !more:
			return err
		case guard != nil:
			err = guard(p.emit)
		default:
			err = p.forward()
		}
		if err != nil {
			return err
		}
	}
}

// next takes the next row out of the buffer that is due at a stream time, or that has
// to go because the buffer is full. When so many have gone that what is left of them
// in memory has to be written first, the others wait for the next commit.
func (p *suppress[K, V]) next(streamTime int64) (ok bool, err error) {
	if p.flushes != p.c.Flushes {
		p.flushes = p.c.Flushes
		p.buffer.Relieve()
	}
	until := streamTime - p.Wait
	for {
		if p.buffer.Exhausted() {
			p.c.RequestCommit()
			return false, nil
		}
		p.key, p.row, ok, err = p.buffer.Next(until)
		switch {
		case err != nil || ok && (p.row.HasNew || !p.Final):
			return ok, err
		case ok:
			continue
		}
		switch rows, bytes := p.buffer.Size(); {
		case rows <= p.MaxRows && bytes <= p.MaxBytes:
			p.owing, p.looked = false, *p.seen
			return false, nil
		case p.Strict:
			p.full = &FullError{Store: p.Store, Rows: rows, MaxRows: p.MaxRows, Bytes: bytes, MaxBytes: p.MaxBytes}
			return true, nil
		}
		until = math.MaxInt64
	}
}

// forward passes on the row that next found. What follows is work of the record that
// the row came with last.
func (p *suppress[K, V]) forward() error {
	p.c.at = p.c.node
	if p.full != nil {
		return p.full
	}
	t := p.c.Task
	source, at, headers := t.Source, t.Time, t.Headers
	t.Source, t.Time, t.Headers = p.row.Source, p.row.Timestamp, p.row.Headers
	out := record.Record[K, Change[V]]{Key: p.key, Timestamp: p.row.Timestamp, Headers: p.row.Headers}
	out.Value = Change[V]{Old: p.row.Prior, HasOld: p.row.HasPrior, New: p.row.New, HasNew: p.row.HasNew}
	err := p.c.Forward(out)
	if err == nil {
		t.Source, t.Time, t.Headers = source, at, headers
	}
	return err
}

// SuppressedRows are the rows of a table behind Suppress: as they were passed on
// last. A row that is held back has no timestamp.
func SuppressedRows[K, V any](t *Task, store string, of Rows[K, V]) (Rows[K, V], error) {
	buffer, err := Store[*state.Buffer[K, V]](t, store)
	if err != nil {
		return nil, err
	}
	return func(key K, at int64) (V, int64, bool, error) {
		prior, has, held, err := buffer.Prior(key)
		if held || err != nil {
			return prior, -1, has, err
		}
		return of(key, at)
	}, nil
}
