package processors

import (
	"time"

	"github.com/tidemill/tidemill/record"
)

// RowMapper makes the rows of a table of those of another, for one task, with the
// help of stores: what it makes may depend on what it was given before. It may
// implement Closer.
type RowMapper[K, V, V2 any] interface {
	// Map makes the new row of an update, which is a tombstone if the row was
	// deleted. ok is false if there is no row now.
	Map(r record.Fixed[K, V]) (row V2, ok bool, err error)
}

// RowFunc is a function used as a RowMapper.
type RowFunc[K, V, V2 any] func(record.Fixed[K, V]) (V2, bool, error)

// Map calls the function.
func (f RowFunc[K, V, V2]) Map(r record.Fixed[K, V]) (V2, bool, error) { return f(r) }

// RowSupplier makes the row mapper of one task. See Supplier.
type RowSupplier[K, V, V2 any] func(*RowContext) (RowMapper[K, V, V2], error)

// RowContext is what a row mapper knows of the node and the task that it works for.
// It can use stores and punctuations, but not forward: what a row is follows from
// its updates alone.
type RowContext struct {
	*Task
	scheduler
}

// scheduler is the part of a Context that its types do not matter for.
type scheduler interface {
	Node() string
	Schedule(interval time.Duration, kind TimeKind, f func(at int64) error) (*Schedule, error)
	ScheduleFrom(start time.Time, interval time.Duration, kind TimeKind, f func(at int64) error) (*Schedule, error)
}

// MapRows makes the rows of a table with what a supplier makes. store names the store
// that keeps them, or is empty: it is asked when a task is assembled. Without it the
// updates do not tell what the row was.
func MapRows[K, V, V2 any](supplier RowSupplier[K, V, V2], store func() string) Supplier[K, Change[V], K, Change[V2]] {
	return func(c *Context[K, Change[V2]]) (Processor[K, Change[V]], error) {
		mapper, err := supplier(&RowContext{Task: c.Task, scheduler: c})
		if err != nil {
			return nil, err
		}
		p := &rowMap[K, V, V2]{mapper: mapper, pass: c.Forward, rows: nullsOf[V2]()}
		if name := store(); name != "" {
			kept, err := KeptRows(c, name)
			if err != nil {
				return nil, err
			}
			p.pass = kept.Write
		}
		return p, nil
	}
}

type rowMap[K, V, V2 any] struct {
	mapper RowMapper[K, V, V2]
	pass   func(record.Record[K, Change[V2]]) error
	rows   nulls[V2]
}

func (p *rowMap[K, V, V2]) Process(r record.Record[K, Change[V]]) error {
	row := record.WithValue(r, r.Value.New)
	row.Tombstone = !r.Value.HasNew
	made, ok, err := p.mapper.Map(record.Fix(row))
	if err != nil {
		return err
	}
	out := Change[V2]{New: made, HasNew: ok && !p.rows.isNil(made), Older: r.Value.Older}
	return p.pass(record.WithValue(r, out))
}

// Close closes the mapper, if it holds something.
func (p *rowMap[K, V, V2]) Close() error {
	if c, ok := p.mapper.(Closer); ok {
		return c.Close()
	}
	return nil
}
