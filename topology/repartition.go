package topology

import (
	"regexp"

	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/record"
)

// Repartition sends the records through an internal topic, partitioned by their
// keys, whether that is needed or not. Records without a key are dropped.
func (s *Stream[K, V]) Repartition(options ...RepartitionOption) *Stream[K, V] {
	set := settingsOf(options)
	name := set.name
	if name == "" {
		name = s.b.newName("KSTREAM-REPARTITION-")
	}
	return s.through(name, set)
}

// repartitioned is the stream with its records partitioned by key: itself if
// they are so already.
func (s *Stream[K, V]) repartitioned(prefix string, set settings) *Stream[K, V] {
	if !s.rekeyed {
		return s
	}
	return s.through(prefix, set)
}

// throughKey names one repartitioning of the records of one node.
type throughKey struct {
	from   *node
	prefix string
}

// madeName matches the names for which the nodes around a repartition topic are
// named by index instead of after the topic.
var madeName = regexp.MustCompile(`^KSTREAM.*-[0-9]{10}$`)

func (s *Stream[K, V]) through(prefix string, set settings) *Stream[K, V] {
	b := s.b
	sinkName, filterName, sourceName := b.newNames(prefix)
	if shared, ok := b.through[throughKey{s.n, prefix}].(*Stream[K, V]); ok {
		return shared // the same records partitioned for two purposes
	}
	topic := &repartitionTopic{name: prefix + "-repartition", partitions: set.partitions}
	for _, other := range b.repartition {
		if other.name == topic.name {
			b.fault("two different streams would share the repartition topic %q: name one of the operations with Named", topic.name)
		}
	}
	if set.partitions < 0 {
		b.fault("repartition %q: %d partitions: give at least 1", prefix, set.partitions)
	}
	key, value := s.serdes(sinkName, set, b.application+"-"+topic.name)
	filter := processors.HasKey[K, V]()
	if set.nullKeys {
		filter = processors.Pass[K, V]()
	}
	keyed := then(s.flow, filterName, nil, filter)
	sink := processors.Sink[K, V]{Topic: b.application + "-" + topic.name, Key: key, Value: value}
	sink.Partitioner = pickPartitioner[K, V](b, sinkName, set.partition)
	topic.sink = addProcessor(b, sinkName, nil, sink.Supplier(), keyed)
	topic.sink.sink = &sinkTopic{repartition: topic}
	read := settings{key: key, value: value}
	next := addSource[K, V](b, &source{repartition: topic}, sourceName, read)
	topic.source = next.n
	b.repartition = append(b.repartition, topic)
	b.through[throughKey{s.n, prefix}] = next
	return next
}

// newNames are the names of the three nodes of a repartition. Three indices are
// used up, whatever the names are.
func (b *Builder) newNames(prefix string) (sink, filter, source string) {
	sink, filter, source = b.newName("KSTREAM-SINK-"), b.newName("KSTREAM-FILTER-"), b.newName("KSTREAM-SOURCE-")
	if madeName.MatchString(prefix) {
		return sink, filter, source
	}
	return prefix + "-repartition-sink", prefix + "-repartition-filter", prefix + "-repartition-source"
}

func pickPartitioner[K, V any](b *Builder, where string, chosen any) func(string, record.Record[K, V], int32) int32 {
	if chosen == nil {
		return nil
	}
	f, ok := chosen.(func(string, record.Record[K, V], int32) int32)
	if !ok {
		b.fault("node %q: Partitioner was given a %T", where, chosen)
	}
	return f
}
