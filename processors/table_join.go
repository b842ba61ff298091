package processors

import "github.com/tidemill/tidemill/record"

// TableJoin joins the rows that two tables have under the same key. Each update of
// a side is joined with the row that the other has at that moment. So both sides
// have to pass on their updates one by one, as they come: a row that is there for
// the other side, but not told of yet, could vanish without being told of at all.
type TableJoin[K, L, R, J any] struct {
	// Left and Right open the tables for a task.
	Left  func(*Task) (Rows[K, L], error)
	Right func(*Task) (Rows[K, R], error)
	// Both makes a row of two.
	Both func(L, R) J
	// LeftOnly and RightOnly make a row of one. Where they are nil there is none.
	LeftOnly  func(L) J
	RightOnly func(R) J
	// Olds says whether updates tell what the row was. It is asked when a task is
	// assembled.
	Olds func() bool
	// Store, if not empty, keeps the rows.
	Store string
}

// LeftSide takes the updates of the left table.
func (j TableJoin[K, L, R, J]) LeftSide() Supplier[K, Change[L], K, Change[J]] {
	return func(c *Context[K, Change[J]]) (Processor[K, Change[L]], error) {
		rows, err := j.Right(c.Task)
		return &tableSide[K, L, R, J]{c: c, other: rows, row: j.row(), alone: j.LeftOnly != nil, olds: j.Olds()}, err
	}
}

// RightSide takes the updates of the right table.
func (j TableJoin[K, L, R, J]) RightSide() Supplier[K, Change[R], K, Change[J]] {
	return func(c *Context[K, Change[J]]) (Processor[K, Change[R]], error) {
		rows, err := j.Left(c.Task)
		row := j.row()
		turned := func(right R, has bool, left L, found bool) (J, bool) { return row(left, found, right, has) }
		return &tableSide[K, R, L, J]{c: c, other: rows, row: turned, alone: j.RightOnly != nil, olds: j.Olds()}, err
	}
}

// Merge takes the results of both sides.
func (j TableJoin[K, L, R, J]) Merge() Supplier[K, Change[J], K, Change[J]] {
	return func(c *Context[K, Change[J]]) (Processor[K, Change[J]], error) {
		if j.Store == "" {
			return Func[K, Change[J]](c.Forward), nil
		}
		kept, err := KeptRows(c, j.Store)
		return Func[K, Change[J]](kept.Write), err
	}
}

// Rows reads the rows of the join from those of its sides.
func (j TableJoin[K, L, R, J]) Rows(t *Task) (Rows[K, J], error) {
	left, err := j.Left(t)
	if err != nil {
		return nil, err
	}
	right, err := j.Right(t)
	if err != nil {
		return nil, err
	}
	row := j.row()
	return func(key K, _ int64) (none J, ts int64, ok bool, err error) {
		l, leftTime, hasLeft, err := left(key, Newest)
		if err != nil {
			return none, 0, false, err
		}
		r, rightTime, hasRight, err := right(key, Newest)
		if err != nil {
			return none, 0, false, err
		}
		if hasLeft {
			ts = leftTime
		}
		if hasRight {
			ts = max(ts, rightTime)
		}
		made, ok := row(l, hasLeft, r, hasRight)
		return made, ts, ok, nil
	}, nil
}

// row returns the function that makes a row of what there is on the two sides.
func (j TableJoin[K, L, R, J]) row() func(l L, hasLeft bool, r R, hasRight bool) (J, bool) {
	rows := nullsOf[J]()
	return func(l L, hasLeft bool, r R, hasRight bool) (row J, ok bool) {
		switch {
		case hasLeft && hasRight:
			row = j.Both(l, r)
		case hasLeft && j.LeftOnly != nil:
			row = j.LeftOnly(l)
		case hasRight && j.RightOnly != nil:
			row = j.RightOnly(r)
		default:
			return row, false
		}
		return row, !rows.isNil(row)
	}
}

// tableSide joins the updates of one side of a join, which it calls this, with the
// rows of the other.
type tableSide[K, V, O, J any] struct {
	c     *Context[K, Change[J]]
	other Rows[K, O]
	row   func(this V, has bool, other O, found bool) (J, bool)
	// alone says that this makes a row without other.
	alone bool
	olds  bool
}

func (p *tableSide[K, V, O, J]) Process(r record.Record[K, Change[V]]) error {
	if r.Value.Older {
		p.c.Drop(dropOlder)
		return nil
	}
	other, ts, found, err := p.other(r.Key, Newest)
	if err != nil {
		return err
	}
	if !found && (!p.alone || !r.Value.HasOld && !r.Value.HasNew) {
		return nil
	}
	var out Change[J]
	out.New, out.HasNew = p.row(r.Value.New, r.Value.HasNew, other, found)
	if p.olds {
		out.Old, out.HasOld = p.row(r.Value.Old, r.Value.HasOld, other, found)
	}
	next := record.WithValue(r, out)
	if found {
		next.Timestamp = max(next.Timestamp, ts)
	}
	return p.c.Forward(next)
}
