package topology

import (
	"slices"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/window"
)

// Join is the table of what join makes of the rows that two tables have under the
// same key. Whichever of the two rows changes, the result does; if either is
// deleted, so is the result.
//
//	t      --a:1---------a:2--------------->
//	other  -------a:x---------b:y--a:------>
//	Join   -------a:1x---a:2x------a:------>
//
// The result's timestamp is the later one of its two rows. A deletion is passed on
// if the other side has a row, even if there was no result. Updates of a version
// that is not the newest one of its row are dropped. Both tables need the same
// number of partitions.
//
// The results are kept in a store of their own if one is named with StoreName;
// otherwise what needs them makes them of the rows of both sides. The tables that
// are joined pass on every update at once, cached or not, instead of the last one
// of each key at a commit: a result must never be made of a row that may vanish
// again untold. Kafka Streams has that fault where it caches.
func (t *Table[K, V]) Join[T, R any](other *Table[K, T], join func(V, T) R, options ...AggregateOption) *Table[K, R] {
	return &Table[K, R]{joinTables(&t.table, &other.table, processors.TableJoin[K, V, T, R]{Both: join}, settingsOf(options))}
}

// LeftJoin is Join that also makes a row of each row of t alone, for which it calls
// join with nil.
//
//	t         --a:1---------a:2--------------->
//	other     -------a:x---------b:y--a:------>
//	LeftJoin  --a:1--a:1x---a:2x------a:2----->
//
// An update of other passes on a result if t has a row.
func (t *Table[K, V]) LeftJoin[T, R any](other *Table[K, T], join func(V, *T) R, options ...AggregateOption) *Table[K, R] {
	return &Table[K, R]{joinTables(&t.table, &other.table, leftJoin[K](join), settingsOf(options))}
}

// OuterJoin is Join that also makes a row of each row of either table alone, for
// which it calls join with nil in place of the other.
//
//	t          --a:1---------a:2--------------->
//	other      -------a:x---------b:y--a:------>
//	OuterJoin  --a:1--a:1x---a:2x-b:y--a:2----->
func (t *Table[K, V]) OuterJoin[T, R any](other *Table[K, T], join func(*V, *T) R, options ...AggregateOption) *Table[K, R] {
	return &Table[K, R]{joinTables(&t.table, &other.table, outerJoin[K](join), settingsOf(options))}
}

// Join joins the rows that two tables have under the same key and window. See
// Table.Join.
func (t *WindowedTable[K, V]) Join[T, R any](other *WindowedTable[K, T], join func(V, T) R, options ...AggregateOption) *WindowedTable[K, R] {
	return &WindowedTable[K, R]{joinTables(&t.table, &other.table, processors.TableJoin[window.Key[K], V, T, R]{Both: join}, settingsOf(options))}
}

// LeftJoin is Join that also makes a row of each row of t alone. See
// Table.LeftJoin.
func (t *WindowedTable[K, V]) LeftJoin[T, R any](other *WindowedTable[K, T], join func(V, *T) R, options ...AggregateOption) *WindowedTable[K, R] {
	return &WindowedTable[K, R]{joinTables(&t.table, &other.table, leftJoin[window.Key[K]](join), settingsOf(options))}
}

// OuterJoin is Join that also makes a row of each row of either table alone. See
// Table.OuterJoin.
func (t *WindowedTable[K, V]) OuterJoin[T, R any](other *WindowedTable[K, T], join func(*V, *T) R, options ...AggregateOption) *WindowedTable[K, R] {
	return &WindowedTable[K, R]{joinTables(&t.table, &other.table, outerJoin[window.Key[K]](join), settingsOf(options))}
}

func leftJoin[K, L, R, J any](join func(L, *R) J) processors.TableJoin[K, L, R, J] {
	return processors.TableJoin[K, L, R, J]{
		Both:     func(left L, right R) J { return join(left, &right) },
		LeftOnly: func(left L) J { return join(left, nil) },
	}
}

func outerJoin[K, L, R, J any](join func(*L, *R) J) processors.TableJoin[K, L, R, J] {
	return processors.TableJoin[K, L, R, J]{
		Both:      func(left L, right R) J { return join(&left, &right) },
		LeftOnly:  func(left L) J { return join(&left, nil) },
		RightOnly: func(right R) J { return join(nil, &right) },
	}
}

// joinTables enters a join: a node for each side, and one where their results meet.
func joinTables[K, L, R, J any](left *table[K, L], right *table[K, R], made processors.TableJoin[K, L, R, J], set settings) table[K, J] {
	b := left.b
	if b != right.b {
		b.fault("a join of two tables of two builders: build them with one")
	}
	if set.store == "" && (set.materialized || set.versioned) {
		set.store = b.newName("KTABLE-MERGE-STATE-STORE-")
	}
	name := b.named(set.name, "KTABLE-MERGE-")
	thisName, otherName := b.suffixed(set.name, "-join-this", "KTABLE-JOINTHIS-"), b.suffixed(set.name, "-join-other", "KTABLE-JOINOTHER-")
	o := &joined[K, L, R, J]{left: left.origin, right: right.origin}
	made.Left, made.Right, made.Store = left.origin.rows, right.origin.rows, set.store
	made.Olds = func() bool { return o.asked }
	o.made = made
	o.prepare()
	this := addProcessor(b, thisName, right.origin.stores(), made.LeftSide(), left.n)
	other := addProcessor(b, otherName, left.origin.stores(), made.RightSide(), right.n)
	out := table[K, J]{b: b, key: pick[K](b, at(name), set.key), value: pick[J](b, at(name), set.value), origin: o}
	if out.key == nil {
		out.key = left.key
	}
	out.n = addProcessor(b, name, nil, made.Merge(), this, other)
	b.joins = append(b.joins, [2]*node{left.n, right.n})
	if set.store != "" {
		key, value := resolve(b, at(name), out.key, true), resolve(b, at(name), out.value, false)
		b.addStore(keyValueStore(set.store, key, value, set), out.n)
		out.origin = keptJoin[K, L, R, J]{kept: keptRows[K, J](b, set.store), sides: o}
	}
	return out
}

// keptJoin is the origin of a join that has a store. Who asks what its rows were asks
// both sides too, as in Kafka Streams, so that those leave out what changes nothing.
type keptJoin[K, L, R, J any] struct {
	kept[K, J]
	sides *joined[K, L, R, J]
}

func (o keptJoin[K, L, R, J]) olds(bool) bool {
	o.sides.left.olds(true)
	o.sides.right.olds(true)
	return true // the store knows what a row was, so the sides need not make it
}

// joined is the origin of a join that has no store of its own.
type joined[K, L, R, J any] struct {
	left  origin[K, L]
	right origin[K, R]
	made  processors.TableJoin[K, L, R, J]
	asked bool
}

// prepare asks of the sides what the join itself needs. A side that makes a row
// alone has to tell what it was, so that its deletion can be told from that of
// nothing.
func (o *joined[K, L, R, J]) prepare() {
	o.stores()
	if o.made.LeftOnly != nil {
		o.left.olds(true)
	}
	if o.made.RightOnly != nil {
		o.right.olds(true)
	}
	o.exact()
}

func (o *joined[K, L, R, J]) stores() []string {
	all := slices.Clone(o.left.stores())
	for _, store := range o.right.stores() {
		if !slices.Contains(all, store) {
			all = append(all, store)
		}
	}
	return all
}

func (o *joined[K, L, R, J]) rows(t *processors.Task) (processors.Rows[K, J], error) {
	return o.made.Rows(t)
}

func (o *joined[K, L, R, J]) olds(bool) bool {
	if !o.asked {
		o.asked = true
		o.left.olds(true)
		o.right.olds(true)
	}
	return true
}

func (o *joined[K, L, R, J]) exact() {
	o.left.exact()
	o.right.exact()
}
