package topology

import (
	"fmt"
	"time"

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
	// aggregate and windowed enter the node that adds the records to aggregates.
	aggregate(name, store string, initial func() A) *node
	windowed(name, store string, windows window.Time, initial func() A) *node
}

// cogroupStream is the cogroupInput for values of type V.
type cogroupStream[K, V, A any] struct {
	group *Grouped[K, V]
	from  *Stream[K, V]
	add   func(K, V, A) A
}

func (s *cogroupStream[K, V, A]) groups(g any) bool   { return g == any(s.group) }
func (s *cogroupStream[K, V, A]) node() *node         { return s.from.n }
func (s *cogroupStream[K, V, A]) key() serde.Serde[K] { return s.from.key }

func (s *cogroupStream[K, V, A]) keyed(store string) cogroupInput[K, A] {
	return &cogroupStream[K, V, A]{group: s.group, from: s.group.keyed(store), add: s.add}
}

func (s *cogroupStream[K, V, A]) aggregate(name, store string, initial func() A) *node {
	return then(s.from.flow, name, nil, processors.Aggregate(store, processors.Aggregating(initial, s.add)))
}

func (s *cogroupStream[K, V, A]) windowed(name, store string, windows window.Time, initial func() A) *node {
	agg := processors.WindowAggregate[K, V, A]{Store: store, Clock: name, Windows: windows, Fold: processors.Aggregating(initial, s.add)}
	n := then(s.from.flow, name, nil, agg.Supplier())
	n.closes = new(time.Duration(windows.GracePeriod()) * time.Millisecond)
	return n
}

// cogroup is a cogroup on its way into the topology.
type cogroup[K, A any] struct {
	b      *Builder
	set    settings
	store  string
	inputs []cogroupInput[K, A]
	// names are those of the nodes of the inputs, merge that of the node behind.
	names []string
	merge string
	key   serde.Serde[K]
	value serde.Serde[A]
}

// newCogroup has the inputs partitioned by key, and names everything in the order
// in which Kafka Streams does.
func newCogroup[K, A any](c *Cogrouped[K, A], set settings) *cogroup[K, A] {
	const prefix = "COGROUPKSTREAM-AGGREGATE-"
	b := c.b
	made := &cogroup[K, A]{b: b, set: set, store: set.store}
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
	made.merge = b.named(suffixed(set.name, "-cogroup-merge"), "COGROUPKSTREAM-MERGE-")
	key, value := pick[K](b, at(made.merge), set.key), pick[A](b, at(made.merge), set.value)
	if key == nil {
		key = made.inputs[0].key()
	}
	made.key, made.value = resolve(b, at(made.merge), key, true), resolve(b, at(made.merge), value, false)
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
	return addProcessor(c.b, c.merge, nil, processors.Pass[KR, processors.Change[A]](), nodes...)
}

// suffixed is a chosen name with something behind it.
func suffixed(name, suffix string) string {
	if name == "" {
		return ""
	}
	return name + suffix
}
