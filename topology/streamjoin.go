package topology

import (
	"cmp"
	"strings"
	"time"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// JoinStream joins each record with those of another stream that have the same key
// and are as close in time as the window says, whichever comes first.
//
//	left        --a:1(0:01)-------------------a:2(0:09)-->
//	right       -------------a:x(0:03)--b:y-------------->
//	Within(5s)  -------------a:1x(0:03)------------------>
//
// Each pair gives one result, with the later of the two timestamps and the headers
// of the record that came last. Records without a key or without a value are
// dropped. Both streams need the same number of partitions; one whose keys may have
// changed is repartitioned first.
//
// Time is that of the records. A record is kept, in a store of its side with a
// changelog, until the latest record of its side is as far ahead as before, after
// and grace together; records that come late find what is still there.
func (s *Stream[K, V]) JoinStream[W, R any](other *Stream[K, W], within window.Join, join func(V, W) R, options ...StreamJoinOption) *Stream[K, R] {
	return addStreamJoin(s, other, settingsOf(options), processors.StreamJoin[K, V, W, R]{
		Windows: within,
		Match:   func(_ K, left V, right W) R { return join(left, right) },
	})
}

// LeftJoinStream is JoinStream that has a result for each left record: join is
// called with nil for one that finds no other.
//
//	left        --a:1(0:01)------------b:2(0:02)--------c:3(0:09)-->
//	right       -------------a:x(0:03)----------------------------->
//	Within(5s)  -------------a:1x(0:03)----------------b:2(0:02)--->
//
// That result comes, with the record's own timestamp, when event time has passed
// the end of its window and the grace, so that no other can come any more: just
// before the first record behind that. The last ones have to wait for the next
// record. A record that comes when its window is over already has it at once; within
// the grace there may still be a match later, and so a second result. A left record
// without a key is joined with nil at once. Records without a value are dropped, and
// so are right ones without a key.
func (s *Stream[K, V]) LeftJoinStream[W, R any](other *Stream[K, W], within window.Join, join func(V, *W) R, options ...StreamJoinOption) *Stream[K, R] {
	return addStreamJoin(s, other, settingsOf(options), processors.StreamJoin[K, V, W, R]{
		Windows:  within,
		Match:    func(_ K, left V, right W) R { return join(left, &right) },
		OnlyLeft: func(_ K, left V) R { return join(left, nil) },
	})
}

// OuterJoinStream is LeftJoinStream for both sides: each right record has a result
// too, and join is called with nil for whichever is missing.
//
//	left        --a:1(0:01)-----------------------------c:3(0:09)-->
//	right       -------------a:x(0:03)--b:y(0:02)------------------>
//	Within(5s)  -------------a:1x(0:03)----------------b:y(0:02)--->
func (s *Stream[K, V]) OuterJoinStream[W, R any](other *Stream[K, W], within window.Join, join func(*V, *W) R, options ...StreamJoinOption) *Stream[K, R] {
	return addStreamJoin(s, other, settingsOf(options), processors.StreamJoin[K, V, W, R]{
		Windows:   within,
		Match:     func(_ K, left V, right W) R { return join(&left, &right) },
		OnlyLeft:  func(_ K, left V) R { return join(&left, nil) },
		OnlyRight: func(_ K, right W) R { return join(nil, &right) },
	})
}

// JoinOption is an option of the joins of two streams only.
type JoinOption struct{ apply func(*settings) }

func (o JoinOption) change(s *settings) { o.apply(s) }
func (o JoinOption) streamJoin()        {}

// OtherValueSerde chooses how the values of the other stream of a join are encoded,
// as ValueSerde does for this one.
func OtherValueSerde[V any](s serde.Serde[V]) JoinOption {
	return JoinOption{func(o *settings) { o.otherValue = s }}
}

// SingleStore keeps the records of a stream that JoinStream joins with itself once
// instead of once for each side. It changes nothing but the names of nodes and the
// number of stores. (In Kafka Streams it is the optimization
// single.store.self.join; Optimize(SingleStoreJoins) asks for it wherever it can be.)
func SingleStore() JoinOption { return JoinOption{func(o *settings) { o.singleStore = true }} }

// joinNames are the names of the nodes and the stores of a join.
type joinNames struct {
	keepLeft, keepRight, left, right, merge string
	leftStore, rightStore, unmatched        string
}

// nameStreamJoin uses up the indices of a join in the order of Kafka Streams.
func (b *Builder) nameStreamJoin(set settings, leftOuter, rightOuter bool) joinNames {
	this, other, shared := "JOINTHIS", "JOINOTHER", "-left-shared-join"
	thisSuffix, otherSuffix := "-this-join", "-other-join"
	if leftOuter {
		other, otherSuffix = "OUTEROTHER", "-outer-other-join"
	}
	if rightOuter {
		this, thisSuffix, shared = "OUTERTHIS", "-outer-this-join", "-outer-shared-join"
	}
	name := func(suffix, made string) string {
		if set.name != "" {
			return set.name + suffix
		}
		return made
	}
	n := joinNames{
		keepLeft:  name("-this-windowed", b.newName("KSTREAM-WINDOWED-")),
		keepRight: name("-other-windowed", b.newName("KSTREAM-WINDOWED-")),
	}
	left, right := b.newName("KSTREAM-"+this+"-"), b.newName("KSTREAM-"+other+"-")
	n.left, n.right, n.merge = name(thisSuffix, left), name(otherSuffix, right), name("-merge", b.newName("KSTREAM-MERGE-"))
	if set.store != "" {
		n.leftStore, n.rightStore, n.unmatched = set.store+thisSuffix, set.store+otherSuffix, set.store+shared
	} else {
		n.leftStore, n.rightStore = left, right
		n.unmatched = "KSTREAM-OUTERSHARED-" + strings.TrimPrefix(left, "KSTREAM-"+this+"-")
	}
	n.leftStore, n.rightStore, n.unmatched = n.leftStore+"-store", n.rightStore+"-store", n.unmatched+"-store"
	return n
}

func addStreamJoin[K, L, R, O any](s *Stream[K, L], other *Stream[K, R], set settings, join processors.StreamJoin[K, L, R, O]) *Stream[K, O] {
	b := s.b
	if err := join.Windows.Err(); err != nil {
		b.fault("node %q: %w", s.n.name, err)
		join.Windows = window.Within(time.Second) // stands in, so that building can go on
	}
	if b != other.b {
		b.fault("a join of streams of two builders: build them with one")
		return &Stream[K, O]{flow[K, O]{b: b, n: s.n}}
	}
	outer := join.OnlyLeft != nil
	left := s.forJoin(set, set.value, "-left", outer)
	right := other.forJoin(set, set.otherValue, "-right", outer)
	names := b.nameStreamJoin(set, outer, join.OnlyRight != nil)
	keep := set.takeKeepHeaders(outer)
	stores := defineJoinStores(left, right, names, join.Windows, set)
	stores.unmatched.keepHeaders(keep)
	b.joins = append(b.joins, [2]*node{left.n, right.n})
	tellsLate := set.late != nil || set.otherLate != nil
	_, own := selfMatch(left, right, join)
	var merge *node
	if set.singleStore || b.singleStores && own && !tellsLate {
		if tellsLate {
			b.fault("%s: OnLate is for joins with a store for each side: leave SingleStore out", at(names.merge))
		}
		merge = addSelfJoin(left, right, names, stores, join)
	} else {
		merge = addJoinNodes(left, right, names, stores, set, join)
	}
	return &Stream[K, O]{flow[K, O]{b: b, n: merge, key: left.key}}
}

// forJoin is a stream as a side of a join: with its serdes, and partitioned by key.
func (s *Stream[K, V]) forJoin(set settings, value any, suffix string, nullKeys bool) *Stream[K, V] {
	from := *s
	from.key = cmp.Or(pick[K](s.b, at(s.n.name), set.key), s.key)
	from.value = cmp.Or(pick[V](s.b, at(s.n.name), value), s.value)
	topic := s.n.name
	if set.name != "" {
		topic = set.name + suffix
	}
	return from.repartitioned(topic, settings{nullKeys: nullKeys})
}

// addJoinNodes enters the nodes of a join with a store for each side.
func addJoinNodes[K, L, R, O any](left *Stream[K, L], right *Stream[K, R], names joinNames, stores joinStores, set settings, join processors.StreamJoin[K, L, R, O]) *node {
	b := left.b
	join.Left, join.Right, join.Unmatched = names.leftStore, names.rightStore, names.unmatched
	keepLeft := then(left.flow, names.keepLeft, nil, processors.KeepForJoin[K, L](names.leftStore))
	keepRight := then(right.flow, names.keepRight, nil, processors.KeepForJoin[K, R](names.rightStore))
	pickLate(left.flow, keepLeft, set.late)
	pickLate(right.flow, keepRight, set.otherLate)
	b.addStore(stores.left, keepLeft)
	b.addStore(stores.right, keepRight)
	this := addProcessor(b, names.left, nil, join.LeftSide(), keepLeft)
	that := addProcessor(b, names.right, nil, join.RightSide(), keepRight)
	b.useStore(stores.right, this)
	b.useStore(stores.left, that)
	if join.OnlyLeft != nil {
		b.useStore(stores.unmatched, this)
		b.useStore(stores.unmatched, that)
	}
	return addProcessor(b, names.merge, nil, processors.Pass[K, O](), this, that)
}

// selfMatch is what joins two records, if the join is the inner one of a stream with itself.
func selfMatch[K, L, R, O any](left *Stream[K, L], right *Stream[K, R], join processors.StreamJoin[K, L, R, O]) (match func(K, L, L) O, ok bool) {
	match, same := any(join.Match).(func(K, L, L) O)
	return match, same && left.n == right.n && join.OnlyLeft == nil
}

// addSelfJoin enters the nodes of a join of a stream with itself that has one store.
func addSelfJoin[K, L, R, O any](left *Stream[K, L], right *Stream[K, R], names joinNames, stores joinStores, join processors.StreamJoin[K, L, R, O]) *node {
	b := left.b
	match, own := selfMatch(left, right, join)
	if !own {
		b.fault("node %q: SingleStore is for JoinStream of a stream with itself: leave it out", names.merge)
		return left.n
	}
	keep := then(left.flow, names.keepLeft, nil, processors.Pass[K, L]())
	n := addProcessor(b, names.merge, nil, processors.SelfJoin(names.leftStore, join.Windows, match), keep)
	b.addStore(stores.left, n)
	b.useStore(stores.left, keep)
	return n
}
