package topology

import (
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
)

// flow is what Stream and WindowedStream have in common: a place in the topology
// whose records have these types. It is a type of its own because a stream of
// windowed keys cannot be a Stream (see WindowedTable).
type flow[K, V any] struct {
	b *Builder
	n *node
	// key and value are the serdes that the records were read with or given; nil
	// where they follow from the type.
	key   serde.Serde[K]
	value serde.Serde[V]
	// rekeyed says that keys may have changed since the records were read, so that
	// what needs them partitioned by key has to repartition first.
	rekeyed bool
}

// then adds a node behind the flow.
func then[K, V, K2, V2 any](f flow[K, V], name string, stores []string, supplier processors.Supplier[K, V, K2, V2]) *node {
	return addProcessor(f.b, name, stores, supplier, f.n)
}

// on is the flow that continues at a node which keeps keys and values.
func (f flow[K, V]) on(n *node) flow[K, V] {
	f.n = n
	return f
}

// keptBy is the flow that continues at a node which passes on records as they are.
func (f flow[K, V]) keptBy(n *node) flow[K, V] {
	n.keeps = true
	return f.on(n)
}

// name is the chosen name of an operator, or the next one with the prefix.
func (f flow[K, V]) name(options []OperatorOption, prefix string) string {
	return f.b.named(settingsOf(options).name, prefix)
}

func (f flow[K, V]) filter(supplier processors.Supplier[K, V, K, V], options []OperatorOption) flow[K, V] {
	return f.keptBy(then(f, f.name(options, "KSTREAM-FILTER-"), nil, supplier))
}

func (f flow[K, V]) peek(call func(K, V), prefix string, options []OperatorOption) flow[K, V] {
	return f.keptBy(then(f, f.name(options, prefix), nil, processors.Peek(call)))
}

// mapped continues at an operator that makes new keys and values.
func (f flow[K, V]) mapped[K2, V2 any](supplier processors.Supplier[K, V, K2, V2], prefix string, options []OperatorOption) flow[K2, V2] {
	n := then(f, f.name(options, prefix), nil, supplier)
	n.rekeys = true
	return flow[K2, V2]{b: f.b, n: n, rekeyed: true}
}

// valued continues at an operator that makes new values.
func (f flow[K, V]) valued[V2 any](supplier processors.Supplier[K, V, K, V2], prefix string, options []OperatorOption) flow[K, V2] {
	n := then(f, f.name(options, prefix), nil, supplier)
	return flow[K, V2]{b: f.b, n: n, key: f.key, rekeyed: f.rekeyed}
}

func (f flow[K, V]) keyed[K2 any](selector func(K, V) K2, name string) flow[K2, V] {
	n := then(f, name, nil, processors.SelectKey(selector))
	n.rekeys = true
	return flow[K2, V]{b: f.b, n: n, value: f.value, rekeyed: true}
}

func (f flow[K, V]) process[K2, V2 any](supplier processors.Supplier[K, V, K2, V2], options []ProcessOption) flow[K2, V2] {
	set := settingsOf(options)
	name := set.name
	if name == "" {
		name = f.b.newName("KSTREAM-PROCESSOR-")
	}
	n := then(f, name, nil, supplier)
	for _, store := range set.connected {
		f.b.useStore(store, n)
	}
	return flow[K2, V2]{b: f.b, n: n, rekeyed: true}
}

func (f flow[K, V]) processValues[V2 any](supplier processors.ValueSupplier[K, V, V2], options []ProcessOption) flow[K, V2] {
	set := settingsOf(options)
	name := set.name
	if name == "" {
		name = f.b.newName("KSTREAM-PROCESSVALUES-")
	}
	n := then(f, name, nil, processors.Values(supplier))
	for _, store := range set.connected {
		f.b.useStore(store, n)
	}
	return flow[K, V2]{b: f.b, n: n, key: f.key, rekeyed: f.rekeyed}
}

func (f flow[K, V]) to(topic string, options []SinkOption) {
	if err := checkTopicName(topic); err != nil {
		f.b.fault("sink topic %q: %w", topic, err)
	}
	f.addSink(processors.Sink[K, V]{Topic: topic}, &sinkTopic{topic: topic}, options)
}

func (f flow[K, V]) addSink(sink processors.Sink[K, V], to *sinkTopic, options []SinkOption) {
	set := settingsOf(options)
	name := f.b.named(set.name, "KSTREAM-SINK-")
	sink.Partitioner = pickPartitioner[K, V](f.b, at(name), set.partition)
	sink.Key, sink.Value = f.serdes(name, set, to.topic)
	to.key, to.value = sink.Key, sink.Value
	then(f, name, nil, sink.Supplier()).sink = to
}

// serdes are the serdes to write the flow to a topic with: those of the options,
// else those that it was given, else those for the types.
func (f flow[K, V]) serdes(where string, set settings, topic string) (serde.Serde[K], serde.Serde[V]) {
	key, value := f.chosen(where, set)
	key = bind(f.b, resolve(f.b, at(where), key, true), topic, true)
	return key, bind(f.b, resolve(f.b, at(where), value, false), topic, false)
}

// chosen are the serdes of the options, else those that the flow was given; nil where
// they follow from the type.
func (f flow[K, V]) chosen(where string, set settings) (serde.Serde[K], serde.Serde[V]) {
	key, value := pick[K](f.b, at(where), set.key), pick[V](f.b, at(where), set.value)
	if key == nil {
		key = f.key
	}
	if value == nil {
		value = f.value
	}
	return key, value
}
