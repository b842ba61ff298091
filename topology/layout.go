package topology

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Layout is a plan fitted to the partitions that its topics have.
type Layout struct {
	// Tasks is the number of tasks of each subtopology: the highest number of
	// partitions among the topics that it reads.
	Tasks []int32
	// Internal are the topics that the plan needs to exist beside the user's.
	Internal []InternalTopic
}

// InternalTopic is a topic that belongs to the application.
type InternalTopic struct {
	Name       string
	Partitions int32
	Kind       TopicKind
	// Config is the configuration to create it with.
	Config map[string]string
}

// TopicKind is what an internal topic is for.
type TopicKind uint8

// The kinds of internal topics.
const (
	RepartitionTopic TopicKind = iota
	ChangelogTopic
	WindowedChangelogTopic
)

// additionalRetention is how much longer a changelog keeps a window or a version
// than the store does (Kafka Streams' windowstore.changelog.additional.retention.ms).
const additionalRetention = 24 * time.Hour

// ExternalTopics are the topics of the user that the plan reads by name. Patterns
// are not resolved.
func (p *Plan) ExternalTopics() []string {
	var topics []string
	for _, sub := range p.Subtopologies {
		for _, source := range sub.Sources {
			if !source.Repartition {
				topics = append(topics, source.Topics...)
			}
		}
	}
	return topics
}

// SinkTopics are the topics of the user that the plan writes to by name, without
// repetition.
func (p *Plan) SinkTopics() []string {
	var topics []string
	for _, n := range p.nodes {
		if n.sink != nil && n.sink.topic != "" && !slices.Contains(topics, n.sink.topic) {
			topics = append(topics, n.sink.topic)
		}
	}
	return topics
}

// Resolve fits the plan to the number of partitions of each topic of the user. It
// needs those of ExternalTopics and of all that a pattern matches.
func (p *Plan) Resolve(counts map[string]int32) (*Layout, error) {
	r := resolver{plan: p, counts: map[string]int32{}}
	maps.Copy(r.counts, counts)
	r.checkExistence()
	if len(r.faults) > 0 {
		return nil, joinFaults(r.faults)
	}
	r.settle()
	r.checkJoins()
	layout := &Layout{}
	for _, sub := range p.Subtopologies {
		tasks := r.tasks(sub)
		layout.Tasks = append(layout.Tasks, tasks)
		layout.Internal = append(layout.Internal, r.internal(sub, tasks)...)
	}
	if len(r.faults) > 0 {
		return nil, joinFaults(r.faults)
	}
	return layout, nil
}

// internal lists the repartition topics that a subtopology reads and the
// changelogs of its stores, configured as Kafka Streams configures them.
func (r *resolver) internal(sub *Subtopology, tasks int32) []InternalTopic {
	var out []InternalTopic
	for _, source := range sub.Sources {
		if source.Repartition {
			out = append(out, InternalTopic{Name: source.Topics[0], Partitions: r.counts[source.Topics[0]], Kind: RepartitionTopic, Config: map[string]string{
				"cleanup.policy": "delete", "segment.bytes": "52428800", "retention.ms": "-1", "message.timestamp.type": "CreateTime",
			}})
		}
	}
	for _, store := range sub.Stores {
		if store.Changelog == "" {
			continue
		}
		topic := InternalTopic{Name: store.Changelog, Partitions: tasks, Kind: ChangelogTopic, Config: map[string]string{
			"cleanup.policy": "compact", "message.timestamp.type": "CreateTime",
		}}
		if store.Windowed {
			topic.Kind = WindowedChangelogTopic
			topic.Config["cleanup.policy"] = "compact,delete"
			topic.Config["retention.ms"] = strconv.FormatInt((store.Retention + additionalRetention).Milliseconds(), 10)
		}
		if store.use.versioned {
			topic.Config["min.compaction.lag.ms"] = strconv.FormatInt((store.Retention + additionalRetention).Milliseconds(), 10)
		}
		maps.Copy(topic.Config, store.use.logConfig)
		out = append(out, topic)
	}
	return out
}
