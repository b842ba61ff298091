package topology

import (
	"fmt"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
	"github.com/tidemill/tidemill/window"
)

// cogroupInput is one stream of a cogroup. It hides the type of its values.
type cogroupInput[K, A any] interface {
	// groups says whether it is this grouped stream.
	groups(g any) bool
	// keyed is the input with its records partitioned by key.
	keyed(store string) cogroupInput[K, A]
	// node is where the records come from, key the serde of their keys.
	node() *node
	key() serde.Serde[K]
	// aggregate, windowed and sessions enter the node that adds the records to
	// aggregates.
	aggregate(name, store string, initial func() A) *node
	windowed(name, store string, w window.Fixed, initial func() A) *node
	sessions(name, store string, w window.SessionSpec, initial func() A, merge func(key K, a, b A) A) *node
}

// cogroupStream is the cogroupInput for values of type V.
type cogroupStream[K, V, A any] struct {
	group *Grouped[K, V]
	from  *Stream[K, V]
	add   func(K, V, A) A
	// late says what becomes of late records.
	late any
}

func (s *cogroupStream[K, V, A]) groups(g any) bool   { return g == any(s.group) }
func (s *cogroupStream[K, V, A]) node() *node         { return s.from.n }
func (s *cogroupStream[K, V, A]) key() serde.Serde[K] { return s.from.key }

func (s *cogroupStream[K, V, A]) keyed(store string) cogroupInput[K, A] {
	return &cogroupStream[K, V, A]{group: s.group, from: s.group.keyed(store), add: s.add, late: s.late}
}

func (s *cogroupStream[K, V, A]) aggregate(name, store string, initial func() A) *node {
	if s.late != nil {
		s.from.b.fault("%s: OnLate without windows: no record is late there", at(name))
	}
	return then(s.from.flow, name, nil, processors.Aggregate(store, processors.Aggregating(initial, s.add)))
}

func (s *cogroupStream[K, V, A]) windowed(name, store string, w window.Fixed, initial func() A) *node {
	f := folding[K, V, A]{fold: processors.Aggregating(initial, s.add)}
	n := then(s.from.flow, name, nil, f.within(w, store, name, false))
	n.closes = closesAfter(w.GracePeriod())
	pickLate(s.from.flow, n, s.late)
	return n
}

func (s *cogroupStream[K, V, A]) sessions(name, store string, w window.SessionSpec, initial func() A, merge func(key K, a, b A) A) *node {
	m := merging[K, V, A]{folding: folding[K, V, A]{fold: processors.Aggregating(initial, s.add)}, initial: initial, merge: merge}
	n := then(s.from.flow, name, nil, m.within(w, store, name, false))
	n.closes = closesAfter(w.Gap() + w.GracePeriod())
	pickLate(s.from.flow, n, s.late)
	return n
}

// cogroup is a cogroup on its way into the topology.
type cogroup[K, A any] struct {
	// aggregation has the name of the node behind all inputs.
	aggregation
	b      *Builder
	inputs []cogroupInput[K, A]
	// names are those of the nodes of the inputs.
	names []string
	key   serde.Serde[K]
	value serde.Serde[A]
}

// newCogroup has the inputs partitioned by key, and names everything in the order
// in which Kafka Streams does.
func newCogroup[K, A any](c *Cogrouped[K, A], set settings) *cogroup[K, A] {
	const prefix = "COGROUPKSTREAM-AGGREGATE-"
	b := c.b
	made := &cogroup[K, A]{b: b, aggregation: aggregation{settings: set, store: set.store}}
	if made.store == "" {
		made.store = b.newName(prefix + "STATE-STORE-")
	}
	for i, in := range c.inputs {
		made.inputs = append(made.inputs, in.keyed(made.store))
		b.joins = append(b.joins, [2]*node{made.inputs[0].node(), made.inputs[i].node()})
	}
	for i := range made.inputs {
		made.names = append(made.names, b.named(suffixed(set.name, fmt.Sprintf("-cogroup-agg-%d", i)), prefix))
	}
	made.node = b.named(suffixed(set.name, "-cogroup-merge"), "COGROUPKSTREAM-MERGE-")
	key, value := pick[K](b, at(made.node), set.key), pick[A](b, at(made.node), set.value)
	if key == nil {
		key = made.inputs[0].key()
	}
	made.key, made.value = resolve(b, at(made.node), key, true), resolve(b, at(made.node), value, false)
	return made
}

// merged enters the nodes of the inputs, which share the store, and the node behind
// them that passes on what they forward.
func (c *cogroup[K, A]) merged[KR any](def *storeDef, enter func(in cogroupInput[K, A], name string) *node) *node {
	var nodes []*node
	for i, in := range c.inputs {
		n := enter(in, c.names[i])
		if i == 0 {
			c.b.addStore(def, n)
		} else {
			c.b.useStore(def, n)
		}
		nodes = append(nodes, n)
	}
	return addProcessor(c.b, c.node, nil, processors.Pass[KR, processors.Change[A]](), nodes...)
}

// suffixed is a chosen name with something behind it.
func suffixed(name, suffix string) string {
	if name == "" {
		return ""
	}
	return name + suffix
}
