package processors

import "github.com/tidemill/tidemill/record"

// Derived is a table whose rows are made of those of another table, one of one:
// filtered, or with other values.
type Derived[K, V, V2 any] struct {
	// Row makes a row; ok is false if there is none.
	Row func(key K, row V) (made V2, ok bool)
	// Olds says whether updates tell what the row was. It is asked when a task is
	// assembled.
	Olds func() bool
	// Selective says that an update which neither takes a row away nor makes one
	// is not passed on, if the updates tell.
	Selective bool
	// Store, if not empty, keeps the rows.
	Store string
}

// Supplier is the table as an operator.
func (d Derived[K, V, V2]) Supplier() Supplier[K, Change[V], K, Change[V2]] {
	return func(c *Context[K, Change[V2]]) (Processor[K, Change[V]], error) {
		p := &derived[K, V, V2]{Derived: d, c: c, olds: d.Olds()}
		if d.Store == "" {
			return p, nil
		}
		var err error
		p.kept, err = KeptRows[K, V2](c, d.Store)
		return p, err
	}
}

// Rows reads the rows of the derived table from those of the other, unless it
// keeps its own.
func (d Derived[K, V, V2]) Rows(of Rows[K, V]) Rows[K, V2] {
	return func(key K, at int64) (made V2, ts int64, ok bool, err error) {
		row, ts, found, err := of(key, at)
		if err != nil || !found {
			return made, 0, false, err
		}
		made, ok = d.Row(key, row)
		return made, ts, ok, nil
	}
}

type derived[K, V, V2 any] struct {
	Derived[K, V, V2]
	c    *Context[K, Change[V2]]
	kept *Kept[K, V2]
	olds bool
}

func (p *derived[K, V, V2]) Process(r record.Record[K, Change[V]]) (err error) {
	out := Change[V2]{Older: r.Value.Older}
	if r.Value.HasNew {
		out.New, out.HasNew = p.Row(r.Key, r.Value.New)
	}
	if p.kept != nil {
		return p.keep(record.WithValue(r, out))
	}
	if p.olds && r.Value.HasOld {
		out.Old, out.HasOld = p.Row(r.Key, r.Value.Old)
	}
	if p.Selective && p.olds && !out.HasOld && !out.HasNew {
		return nil
	}
	return p.c.Forward(record.WithValue(r, out))
}

func (p *derived[K, V, V2]) keep(r record.Record[K, Change[V2]]) error {
	if p.Selective && p.olds && !r.Value.HasNew {
		if at, err := p.kept.find(r.Key); err != nil || !at.has {
			return err
		}
	}
	return p.kept.Write(r)
}
