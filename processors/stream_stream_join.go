package processors

import (
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/state"
	"github.com/tidemill/tidemill/window"
)

// StreamJoin joins the records of two streams that have the same key and are not
// further apart in time than the window allows. Either side triggers: each record
// is matched with those that the other side has kept, one result for each in the
// order of their timestamps, and then kept itself. A result has the later of the two
// timestamps and the headers of the record that came last. Records without a value
// are dropped, and so are those without a key, unless their side gives results
// without a match.
type StreamJoin[K, L, R, O any] struct {
	// Left and Right name the stores of the sides. Unmatched names that of the records
	// which wait for a match; it is used only by a left or outer join.
	Left, Right, Unmatched string
	Windows                window.Join
	Match                  func(K, L, R) O
	// OnlyLeft and OnlyRight make the results of records without a match; nil if
	// there are none.
	OnlyLeft  func(K, L) O
	OnlyRight func(K, R) O
}

// The numbers of a join store that survive restarts are committed under its name
// with one of these.
const (
	latestSuffix = timeSuffix
	countSuffix  = "\x00count"
)

// KeepForJoin passes on each record and then keeps it in the store of a side, unless it
// is too late for that.
func KeepForJoin[K, V any](store string) Supplier[K, V, K, V] {
	return func(c *Context[K, V]) (Processor[K, V], error) {
		rows, err := openSide[K, V](c.Task, store)
		if err != nil {
			return nil, err
		}
		in, late := nullsOfRecord[K, V](), latenessOf[K, V](c.Task, c.node)
		return Func[K, V](func(r record.Record[K, V]) error {
			if err := c.Forward(r); err != nil || in.lacksKey(r) || in.lacksValue(r) {
				return err
			}
			if rows.Expired(r.Timestamp) {
				c.Drop(dropLate)
				return late.give(r)
			}
			return rows.Put(r.Key, r.Value, r.Timestamp, r.Headers)
		}), nil
	}
}

// openSide opens the store of a side for the one who writes it.
func openSide[K, V any](t *Task, store string) (*state.JoinWindow[K, V], error) {
	rows, err := Store[*state.JoinWindow[K, V]](t, store)
	if err != nil {
		return nil, err
	}
	latest, count := rows.Progress()
	t.Track(store+latestSuffix, latest)
	t.Track(store+countSuffix, count)
	return rows, nil
}

// LeftSide takes the records of the left stream.
func (j StreamJoin[K, L, R, O]) LeftSide() Supplier[K, L, K, O] {
	return func(c *Context[K, O]) (Processor[K, L], error) {
		others, err := Store[*state.JoinWindow[K, R]](c.Task, j.Right)
		if err != nil {
			return nil, err
		}
		side := newJoinSide(c, j.Windows, others, j.Match)
		if j.inner() {
			return &side, nil
		}
		return j.outerLeft(side)
	}
}

// RightSide takes the records of the right stream.
func (j StreamJoin[K, L, R, O]) RightSide() Supplier[K, R, K, O] {
	return func(c *Context[K, O]) (Processor[K, R], error) {
		others, err := Store[*state.JoinWindow[K, L]](c.Task, j.Left)
		if err != nil {
			return nil, err
		}
		side := newJoinSide(c, j.Windows.Mirrored(), others, swapped(j.Match))
		if j.inner() {
			return &side, nil
		}
		return j.outerRight(side)
	}
}

func (j StreamJoin[K, L, R, O]) inner() bool { return j.OnlyLeft == nil && j.OnlyRight == nil }

func swapped[K, L, R, O any](match func(K, L, R) O) func(K, R, L) O {
	return func(key K, right R, left L) O { return match(key, left, right) }
}

// joinSide is one side of a join: it takes records of type V and matches them with
// those of type W that the other side has kept.
type joinSide[K, V, W, O any] struct {
	c *Context[K, O]
	// windows is the join as seen from this side.
	windows window.Join
	others  *state.JoinWindow[K, W]
	match   func(K, V, W) O
	in      recordNulls[K, V]
	results nulls[O]
}

func newJoinSide[K, V, W, O any](c *Context[K, O], w window.Join, others *state.JoinWindow[K, W], match func(K, V, W) O) joinSide[K, V, W, O] {
	return joinSide[K, V, W, O]{c: c, windows: w, others: others, match: match, in: nullsOfRecord[K, V](), results: nullsOf[O]()}
}

func (p *joinSide[K, V, W, O]) Process(r record.Record[K, V]) error {
	if p.in.lacksKey(r) || p.in.lacksValue(r) {
		p.c.Drop(dropNullKeyOrValue)
		return nil
	}
	rows, err := p.find(r)
	for i := range rows {
		if err == nil {
			err = p.forward(r, p.match(r.Key, r.Value, rows[i].Value), max(r.Timestamp, rows[i].Timestamp))
		}
	}
	return err
}

// find returns the records of the other side that a record meets.
func (p *joinSide[K, V, W, O]) find(r record.Record[K, V]) ([]state.Row[W], error) {
	from, to := p.windows.Range(r.Timestamp)
	return p.others.Fetch(r.Key, from, to)
}

func (p *joinSide[K, V, W, O]) forward(r record.Record[K, V], result O, ts int64) error {
	return p.c.Forward(record.Record[K, O]{
		Key: r.Key, NullKey: r.NullKey, Value: result, Tombstone: p.results.isNil(result), Timestamp: ts, Headers: r.Headers,
	})
}

// recordNulls knows how records of a type lack a key or a value.
type recordNulls[K, V any] struct {
	keys   nulls[K]
	values nulls[V]
}

func nullsOfRecord[K, V any]() recordNulls[K, V] {
	return recordNulls[K, V]{keys: nullsOf[K](), values: nullsOf[V]()}
}

func (n *recordNulls[K, V]) lacksKey(r record.Record[K, V]) bool {
	return r.NullKey || n.keys.isNil(r.Key)
}

func (n *recordNulls[K, V]) lacksValue(r record.Record[K, V]) bool {
	return r.Tombstone || n.values.isNil(r.Value)
}
