package topology

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/serde"
)

// Builder collects the streams and tables of one application.
type Builder struct {
	application string
	nodes       []*node
	stores      []*storeUse
	repartition []*repartitionTopic
	names       map[string]bool
	through     map[throughKey]through
	// joins are pairs of nodes whose records have to be partitioned alike.
	joins [][2]*node
	split []*node
	// globals are the stores that are whole in every worker.
	globals []*storeDef
	// outsides are the names of the sinks outside of Kafka.
	outsides []string
	wrap     func(node string, t *processors.Task) processors.Around
	// strict says that stores and repartition topics need chosen names.
	strict bool
	// advance says when time goes on without records.
	advance processors.Advance
	// reuse, mergeTopics and singleStores are optimizations.
	reuse, mergeTopics, singleStores bool

	index    int
	attached []any
	faults   []error
}

// New begins the topology of an application. The id names its consumer group and
// prefixes its internal topics, as Kafka Streams' application.id does.
func New(application string, options ...BuilderOption) *Builder {
	b := &Builder{application: application, names: map[string]bool{}, through: map[throughKey]through{}}
	if err := checkTopicName(application); err != nil {
		b.fault("application id %q: %w", application, err)
	}
	for _, o := range options {
		o.build(b)
	}
	return b
}

// Application is the application id.
func (b *Builder) Application() string { return b.application }

// fault notes what is wrong, to be reported by Build together with the rest. The
// same fault is noted once only.
func (b *Builder) fault(format string, args ...any) {
	fault := fmt.Errorf(format, args...)
	for _, have := range b.faults {
		if have.Error() == fault.Error() {
			return
		}
	}
	b.faults = append(b.faults, fault)
}

// newName takes the next index of the naming scheme.
func (b *Builder) newName(prefix string) string {
	name := fmt.Sprintf("%s%010d", prefix, b.index)
	b.index++
	return name
}

// named returns the chosen name, or a made one; the index is used up either way.
func (b *Builder) named(chosen, prefix string) string {
	made := b.newName(prefix)
	if chosen != "" {
		return chosen
	}
	return made
}

// suffixed returns the chosen name with a suffix, or a made one; the index is used
// up either way.
func (b *Builder) suffixed(chosen, suffix, prefix string) string {
	made := b.newName(prefix)
	if chosen != "" {
		return chosen + suffix
	}
	return made
}

// addNode enters a node behind its parents.
func (b *Builder) addNode(n *node, parents ...*node) *node {
	if b.names[n.name] {
		b.fault("two nodes are named %q: give one of them another name with Named", n.name)
	}
	b.names[n.name] = true
	n.wrap = b.wrap
	n.id = int32(len(b.nodes))
	b.nodes = append(b.nodes, n)
	for _, p := range parents {
		n.parents = append(n.parents, p)
		p.children = append(p.children, n)
	}
	return n
}

// Stream reads a topic. A record whose timestamp, key or value cannot be read is
// handled by the policy for decoding.
func (b *Builder) Stream[K, V any](topic string, options ...SourceOption) *Stream[K, V] {
	return b.Streams[K, V]([]string{topic}, options...)
}

// Streams reads several topics as one stream. Records of different topics have no
// order among them, except that a task prefers the lowest timestamp.
func (b *Builder) Streams[K, V any](topics []string, options ...SourceOption) *Stream[K, V] {
	if len(topics) == 0 {
		b.fault("a stream needs at least one topic")
	}
	for _, topic := range topics {
		if err := checkTopicName(topic); err != nil {
			b.fault("source topic %q: %w", topic, err)
		}
	}
	s := settingsOf(options)
	return addSource[K, V](b, &source{topics: topics, fromLatest: s.fromLatest}, b.named(s.name, "KSTREAM-SOURCE-"), s)
}

// StreamPattern reads all topics whose whole name matches a regular expression,
// those created later included.
func (b *Builder) StreamPattern[K, V any](pattern string, options ...SourceOption) *Stream[K, V] {
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		b.fault("source pattern %q: %w", pattern, err)
	}
	s := settingsOf(options)
	return addSource[K, V](b, &source{expression: pattern, pattern: re, fromLatest: s.fromLatest}, b.named(s.name, "KSTREAM-SOURCE-"), s)
}

// Table reads a topic as a table: each record is the newest state of its key, and
// a tombstone deletes it. The rows are kept in a store with a changelog if the
// store is named with StoreName or something needs them: a join, or a processor
// that asks for Rows.
func (b *Builder) Table[K, V any](topic string, options ...TableOption) *Table[K, V] {
	s := settingsOf(options)
	store := s.store
	if store == "" {
		store = b.newName(topic + "-STATE-STORE-")
	}
	if err := checkTopicName(topic); err != nil {
		b.fault("source topic %q: %w", topic, err)
	}
	name := b.newName("KSTREAM-SOURCE-")
	if s.name != "" {
		name = s.name + "-source"
	}
	stream := addSource[K, V](b, &source{topics: []string{topic}, fromLatest: s.fromLatest}, name, s)
	s.reused = b.reused(topic, s)
	return &Table[K, V]{addTable(stream.flow, store, b.named(s.name, "KTABLE-SOURCE-"), s)}
}

// RequireNames makes Build refuse stores and repartition topics whose names follow
// from their place in the topology. Such a name changes when an operator is added
// or removed before it, and then what is in the topic is lost to the application
// (Kafka Streams' ensure.explicit.internal.resource.naming).
func (b *Builder) RequireNames() { b.strict = true }

// Around wraps the work of every operator that is added from now on, and of the
// user's processors too, but not that of sources: around is called once for each
// task and operator, and what it returns runs in place of the operator's work on
// each record. It is for measuring and tracing. A nil Around leaves the operator
// alone. It costs an allocation a record and operator.
func (b *Builder) Around(around func(node string, t *processors.Task) processors.Around) {
	b.wrap = around
}

// Build checks the topology and compiles it. It reports everything that is wrong
// with it in one error.
func (b *Builder) Build() (*Plan, error) {
	o := b.optimized()
	o.checkSources()
	if len(o.faults) > 0 {
		return nil, joinFaults(o.faults)
	}
	return compile(o), nil
}

// joinFaults is one error for all faults, each on a line of its own.
func joinFaults(faults []error) error {
	var named []error
	for _, fault := range faults {
		named = append(named, fmt.Errorf("topology: %w", fault))
	}
	return errors.Join(named...)
}

// at names a node in a fault.
func at(node string) string { return fmt.Sprintf("node %q", node) }

// resolve returns the chosen serde, or the one for the type.
func resolve[T any](b *Builder, where string, chosen serde.Serde[T], key bool) serde.Serde[T] {
	if chosen != nil {
		return chosen
	}
	s, err := serde.Of[T]()
	if err != nil {
		part, option := "value", "ValueSerde"
		if key {
			part, option = "key", "KeySerde"
		}
		b.fault("%s: no serde for the %s: %w; or choose one with %s", where, part, err, option)
	}
	return s
}

// bind gives a serde that depends on its topic the topic that it is used for.
func bind[T any](b *Builder, s serde.Serde[T], topic string, key bool) serde.Serde[T] {
	binder, ok := s.(serde.TopicBinder[T])
	if !ok {
		return s
	}
	bound, err := binder.ForTopic(topic, key)
	if err != nil {
		b.fault("topic %q: %w", topic, err)
		return s
	}
	return bound
}

func addSource[K, V any](b *Builder, src *source, name string, s settings) *Stream[K, V] {
	return &Stream[K, V]{sourceFlow[K, V](b, src, name, s)}
}

func sourceFlow[K, V any](b *Builder, src *source, name string, s settings) flow[K, V] {
	out := flow[K, V]{b: b, key: pick[K](b, at(name), s.key), value: pick[V](b, at(name), s.value)}
	bound := src.bindTopic()
	key := bind(b, resolve(b, at(name), out.key, true), bound, true)
	value := bind(b, resolve(b, at(name), out.value, false), bound, false)
	src.key, src.value = key, value
	timestamps := pickFunc[K, V](b, at(name), s.timestamps)
	out.n = b.addNode(&node{name: name, source: src})
	out.n.assemble = func(a *assembly, n *node) (any, error) {
		c, err := contextOf[K, V](a, n)
		if err != nil {
			return nil, err
		}
		return &processors.Source[K, V]{Context: c, Key: key, Value: value, Timestamps: timestamps}, nil
	}
	return out
}
