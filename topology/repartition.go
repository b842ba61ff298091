package topology

import (
	"cmp"
	"reflect"
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
	set.explicit = true
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

// through is a repartitioning that operators share which need the same records by
// the same key.
type through struct {
	stream any
	topic  *repartitionTopic
}

// madeName matches the names for which the nodes around a repartition topic are
// named by index instead of after the topic.
var madeName = regexp.MustCompile(`^KSTREAM.*-[0-9]{10}$`)

// through sends the stream through a topic of its own.
func (s *Stream[K, V]) through(prefix string, set settings) *Stream[K, V] {
	b := s.b
	sinkName, filterName, sourceName := b.newNames(prefix)
	if shared, ok := b.shared(throughKey{s.n, prefix}, set); ok {
		next := *shared.(*Stream[K, V])
		next.key, next.value = cmp.Or(s.key, next.key), cmp.Or(s.value, next.value)
		return &next
	}
	topic, ok := b.newRepartition(prefix+"-repartition", set)
	if !ok {
		return s
	}
	key, value := s.serdes(sinkName, set, b.application+"-"+topic.name)
	keyed := then(s.flow, filterName, nil, func(c *processors.Context[K, V]) (processors.Processor[K, V], error) {
		if topic.nullKeys {
			return processors.Pass[K, V]()(c)
		}
		return processors.HasKey[K, V]()(c)
	})
	sink := processors.Sink[K, V]{Key: key, Value: value, Partitioner: pickPartitioner[K, V](b, at(sinkName), set.partition)}
	next := &Stream[K, V]{throughTopic(b, topic, keyed, sinkName, sourceName, sink)}
	if topic.movable = !set.explicit; topic.movable {
		b.through[throughKey{s.n, prefix}] = through{stream: next, topic: topic}
	}
	return next
}

// throughTopic sends the records of a node through an internal topic.
func throughTopic[K, V any](b *Builder, topic *repartitionTopic, from *node, sinkName, sourceName string, sink processors.Sink[K, V]) flow[K, V] {
	sink.Topic = b.application + "-" + topic.name
	topic.sink = addProcessor(b, sinkName, nil, sink.Supplier(), from)
	topic.sink.sink = &sinkTopic{repartition: topic}
	next := sourceFlow[K, V](b, &source{repartition: topic}, sourceName, settings{key: sink.Key, value: sink.Value})
	topic.source = next.n
	return next
}

// shared finds what a repartitioning may share: the records of the same node under
// the same name. What Repartition was asked for is never shared.
func (b *Builder) shared(key throughKey, set settings) (stream any, ok bool) {
	have, ok := b.through[key]
	if !ok || set.explicit {
		return nil, false
	}
	have.topic.nullKeys = have.topic.nullKeys || set.nullKeys
	return have.stream, true
}

// newRepartition enters an internal topic, unless there is one of that name.
func (b *Builder) newRepartition(name string, set settings) (topic *repartitionTopic, ok bool) {
	topic = &repartitionTopic{name: name, partitions: set.partitions, nullKeys: set.nullKeys}
	for _, other := range b.repartition {
		if other.name == topic.name {
			b.fault("two different streams would share the repartition topic %q: name one of the operations with Named", topic.name)
			return nil, false
		}
	}
	if err := checkTopicName(b.application + "-" + topic.name); err != nil {
		b.fault("repartition topic %q: %w", topic.name, err)
	}
	if set.partitions < 0 || set.counted && set.partitions == 0 {
		b.fault("repartition topic %q: %d partitions: give at least 1", topic.name, set.partitions)
	}
	b.repartition = append(b.repartition, topic)
	return topic, true
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
		b.fault("%s: Partitioner was given a %T, want a %s", where, chosen, reflect.TypeOf(f))
	}
	return f
}
