package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// JoinOn is the table of what join makes of each row of t and the row of other that
// it names: foreignKey gives the key of that row, and ok is false if the row names
// none. Whichever of the two rows changes, the result does; if either is deleted, so
// is the result. A change of one row of other may change many results.
//
//	t       --a:(x,1)--------b:(x,2)-------------->
//	other   ----------x:5----------------x:6------>
//	JoinOn  ----------a:1,5--b:2,5-------a:1,6--b:2,6-->
//
// The result has the key of t. Its timestamp is the later one of the two rows for an
// update of t, and that of the update for one of other. A row of t that names none
// is dropped. A deletion may be passed on for which there was no result.
//
// The tables need not be partitioned alike: an update of t is sent to the task of
// the row that it names, through one internal topic, and the answer comes back
// through another. So results come a little later, and only the last one of several
// quick changes of a row may be seen. The result is right in the end in any case.
// Rows of t are compared by what they are encoded as, so that the same row always
// has to be encoded alike.
//
// Both tables are kept in stores, and pass on every update at once, cached or not.
// Updates of a version that is not the newest one of its row are dropped. A row of
// other that is encoded in no bytes at all, such as an empty string, is a row like
// any; Kafka Streams takes it for none. The results are kept in a store of their own
// if one is named with StoreName, or if something needs them.
func (t *Table[K, V]) JoinOn[FK, T, R any](other *Table[FK, T], foreignKey func(row V) (key FK, ok bool), join func(V, T) R, options ...ForeignJoinOption) *Table[K, R] {
	return t.JoinOnWithKey(other, func(_ K, row V) (FK, bool) { return foreignKey(row) }, join, options...)
}

// JoinOnWithKey is JoinOn for a foreign key that depends on the key of the row too.
func (t *Table[K, V]) JoinOnWithKey[FK, T, R any](other *Table[FK, T], foreignKey func(key K, row V) (foreign FK, ok bool), join func(V, T) R, options ...ForeignJoinOption) *Table[K, R] {
	made := processors.ForeignJoin[K, V, FK, T, R]{ForeignKey: foreignKey, Both: join}
	return &Table[K, R]{joinForeign(&t.table, &other.table, made, settingsOf(options))}
}

// LeftJoinOn is JoinOn that also makes a row of each row of t which names a row that
// is not there, or none: it calls join with nil.
//
//	t           --a:(x,1)--------b:(y,2)-------------->
//	other       ----------x:5----------------x:------->
//	LeftJoinOn  --a:1-----a:1,5--b:2---------a:1------>
func (t *Table[K, V]) LeftJoinOn[FK, T, R any](other *Table[FK, T], foreignKey func(row V) (key FK, ok bool), join func(V, *T) R, options ...ForeignJoinOption) *Table[K, R] {
	return t.LeftJoinOnWithKey(other, func(_ K, row V) (FK, bool) { return foreignKey(row) }, join, options...)
}

// LeftJoinOnWithKey is LeftJoinOn for a foreign key that depends on the key of the
// row too.
func (t *Table[K, V]) LeftJoinOnWithKey[FK, T, R any](other *Table[FK, T], foreignKey func(key K, row V) (foreign FK, ok bool), join func(V, *T) R, options ...ForeignJoinOption) *Table[K, R] {
	return &Table[K, R]{joinForeign(&t.table, &other.table, leftForeign(foreignKey, join), settingsOf(options))}
}

// JoinOn joins each row with the row of other that it names. See Table.JoinOn.
func (t *WindowedTable[K, V]) JoinOn[FK, T, R any](other *Table[FK, T], foreignKey func(key window.Key[K], row V) (foreign FK, ok bool), join func(V, T) R, options ...ForeignJoinOption) *WindowedTable[K, R] {
	made := processors.ForeignJoin[window.Key[K], V, FK, T, R]{ForeignKey: foreignKey, Both: join}
	return &WindowedTable[K, R]{joinForeign(&t.table, &other.table, made, settingsOf(options))}
}

// LeftJoinOn is JoinOn that also makes a row of each row alone. See
// Table.LeftJoinOn.
func (t *WindowedTable[K, V]) LeftJoinOn[FK, T, R any](other *Table[FK, T], foreignKey func(key window.Key[K], row V) (foreign FK, ok bool), join func(V, *T) R, options ...ForeignJoinOption) *WindowedTable[K, R] {
	return &WindowedTable[K, R]{joinForeign(&t.table, &other.table, leftForeign(foreignKey, join), settingsOf(options))}
}

func leftForeign[K, L, FK, R, J any](foreignKey func(K, L) (FK, bool), join func(L, *R) J) processors.ForeignJoin[K, L, FK, R, J] {
	return processors.ForeignJoin[K, L, FK, R, J]{
		ForeignKey: foreignKey,
		Both:       func(left L, right R) J { return join(left, &right) },
		LeftOnly:   func(left L) J { return join(left, nil) },
	}
}

// foreignJoin is a foreign-key join while it is being made.
type foreignJoin[K, L, FK, R, J any] struct {
	processors.ForeignJoin[K, L, FK, R, J]
	b     *Builder
	set   settings
	left  *table[K, L]
	right *table[FK, R]
	// key, foreign and row are the serdes of the two tables.
	key     serde.Serde[K]
	foreign serde.Serde[FK]
	row     serde.Serde[L]
}

// joinForeign enters a foreign-key join: see processors.ForeignJoin for how it
// works.
func joinForeign[K, L, FK, R, J any](left *table[K, L], right *table[FK, R], made processors.ForeignJoin[K, L, FK, R, J], set settings) table[K, J] {
	j := &foreignJoin[K, L, FK, R, J]{ForeignJoin: made, b: left.b, set: set, left: left, right: right}
	if left.b != right.b {
		j.b.fault("a join of two tables of two builders: build them with one")
	}
	j.Left, j.Right = left.origin.rows, right.origin.rows
	left.origin.olds(true)
	right.origin.olds(true)
	left.origin.exact()
	right.origin.exact()

	subscriptions, subscriber := j.subscribe()
	responses := j.respond(subscriptions)
	return j.resolve(responses, subscriber)
}

// name is the name of one of the join's nodes or topics.
func (j *foreignJoin[K, L, FK, R, J]) name(suffix, prefix string) string {
	return j.b.suffixed(j.set.name, suffix, "KTABLE-"+prefix)
}

// subscribe sends the updates of the left table as subscriptions to the right one.
func (j *foreignJoin[K, L, FK, R, J]) subscribe() (flow[FK, processors.Subscription[K]], *node) {
	const suffix, prefix = "-subscription-registration", "FK-JOIN-SUBSCRIPTION-REGISTRATION-"
	b := j.b
	topic, ok := b.newRepartition(j.name(suffix, prefix)+"-topic", settings{})
	name := j.name(suffix+"-processor", prefix)
	sinkName, sourceName := j.name(suffix+"-sink", "SINK-"), j.name(suffix+"-source", "SOURCE-")
	full := b.application + "-" + topic.name
	j.key = resolve(b, at(name), j.left.key, true)
	j.row = resolve(b, at(name), j.left.value, false)
	j.foreign = resolve(b, at(name), j.right.key, true)
	j.Serdes = processors.ForeignSerdes[K, L, FK]{
		Key: bind(b, j.key, full+"-pk", true), Row: bind(b, j.row, full+"-vh", false), Foreign: bind(b, j.foreign, full+"-fk", true),
	}
	n := addProcessor(b, name, nil, j.Subscribe(), j.left.n)
	if !ok {
		return flow[FK, processors.Subscription[K]]{b: b, n: n}, n
	}
	sink := processors.Sink[FK, processors.Subscription[K]]{Key: bind(b, j.foreign, full, true), Value: processors.SubscriptionSerde(j.Serdes.Key)}
	if f := pickKeyPartitioner[FK](b, at(sinkName), j.set.foreignPartition); f != nil {
		sink.Partitioner = func(topic string, r record.Record[FK, processors.Subscription[K]], n int32) int32 {
			if r.NullKey {
				return r.Value.Partition % n
			}
			return f(topic, r.Key, n)
		}
	}
	return throughTopic(b, topic, n, sinkName, sourceName, sink), n
}

// respond keeps the subscriptions with the right table and sends its rows back.
func (j *foreignJoin[K, L, FK, R, J]) respond(subscriptions flow[FK, processors.Subscription[K]]) flow[K, processors.Response[R]] {
	const processor, response = "FK-JOIN-SUBSCRIPTION-PROCESSOR-", "FK-JOIN-SUBSCRIPTION-RESPONSE-"
	b := j.b
	b.joins = append(b.joins, [2]*node{subscriptions.n, j.right.n})
	j.Store = j.name("-subscription-store", "FK-JOIN-SUBSCRIPTION-STATE-STORE-")
	kept := keyValueStore(j.Store, serde.Bytes(), processors.SubscriptionSerde(j.Serdes.Key), settings{noCache: true})
	kept.headers = true
	receive := then(subscriptions, j.name("-subscription-receive", processor), nil, j.Receive())
	answer := addProcessor(b, j.name("-subscription-join-foreign", processor), j.right.origin.stores(), j.Answer(), receive)
	spread := addProcessor(b, j.name("-foreign-join-subscription", processor), nil, j.Spread(), j.right.n)
	b.addStore(kept, receive)
	b.useStore(kept, spread)

	topic, ok := b.newRepartition(j.name("-subscription-response", response)+"-topic", settings{})
	sinkName, sourceName := j.name("-subscription-response-sink", "SINK-"), j.name("-subscription-response-source", "SOURCE-")
	if !ok {
		return flow[K, processors.Response[R]]{b: b, n: answer}
	}
	full := b.application + "-" + topic.name
	row := bind(b, resolve(b, at(sinkName), j.right.value, false), full, false)
	sink := processors.Sink[K, processors.Response[R]]{Key: bind(b, j.key, full, true), Value: processors.ResponseSerde(row)}
	sink.Fixed = func(r record.Record[K, processors.Response[R]]) int32 { return r.Value.Partition }
	if f := pickKeyPartitioner[K](b, at(sinkName), j.set.primaryPartition); f != nil {
		sink.Partitioner = func(topic string, r record.Record[K, processors.Response[R]], n int32) int32 {
			return f(topic, r.Key, n)
		}
	}
	next := throughTopic(b, topic, answer, sinkName, sourceName, sink)
	topic.sink.parents = append(topic.sink.parents, spread)
	spread.children = append(spread.children, topic.sink)
	return next
}

// resolve makes the result of the responses, and a table of it.
func (j *foreignJoin[K, L, FK, R, J]) resolve(responses flow[K, processors.Response[R]], subscriber *node) table[K, J] {
	b := j.b
	b.joins = append(b.joins, [2]*node{responses.n, j.left.n})
	name := j.name("-subscription-response-resolver", "FK-JOIN-SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-")
	resolver := &node{name: name, stores: j.left.origin.stores(), partner: subscriber}
	resolver.assemble = func(a *assembly, n *node) (any, error) {
		again, err := a.processor(n.partner)
		if err != nil {
			return nil, err
		}
		c, err := contextOf[K, J](a, n)
		if err != nil {
			return nil, err
		}
		return j.Resolve(again.(interface {
			Ask(record.Record[K, L]) (bool, error)
		}).Ask)(c)
	}
	b.addNode(resolver, responses.n)
	result := j.name("-result", "FK-JOIN-OUTPUT-")
	store := j.set.store
	if store == "" {
		store = b.newName("KTABLE-FK-JOIN-OUTPUT-STATE-STORE-")
	}
	return addTable(flow[K, J]{b: b, n: resolver, key: j.left.key}, store, result, j.set)
}
