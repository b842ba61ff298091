package topology

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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

// additionalRetention is how much longer a changelog keeps a window than the
// store does (Kafka Streams' windowstore.changelog.additional.retention.ms).
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

// Resolve fits the plan to the number of partitions of each topic of the user. It
// needs those of ExternalTopics and of all that a pattern matches.
func (p *Plan) Resolve(counts map[string]int32) (*Layout, error) {
	r := resolver{plan: p, counts: maps.Clone(counts)}
	r.settle()
	r.checkJoins()
	layout := &Layout{}
	for _, sub := range p.Subtopologies {
		tasks := r.tasks(sub)
		if tasks == 0 && len(sub.Sources) > 0 {
			r.fault("subtopology %d: none of its topics exists: %s", sub.ID, describeSources(sub))
		}
		layout.Tasks = append(layout.Tasks, tasks)
		layout.Internal = append(layout.Internal, r.internal(sub, tasks)...)
	}
	if len(r.faults) > 0 {
		return nil, errors.Join(r.faults...)
	}
	return layout, nil
}

type resolver struct {
	plan   *Plan
	counts map[string]int32
	faults []error
}

func (r *resolver) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf("topology: "+format, args...))
}

// settle finds the partitions of the repartition topics: as many as were asked
// for, else as the topics have that they are joined with, else as those that they
// are fed from.
func (r *resolver) settle() {
	for _, topic := range r.plan.repartition {
		if topic.partitions > 0 {
			r.counts[r.name(topic)] = topic.partitions
		}
	}
	for range len(r.plan.repartition) + 1 {
		for _, topic := range r.plan.repartition {
			if topic.partitions == 0 {
				n := r.joined(topic)
				if n == 0 {
					n = r.tasks(r.plan.subtopologyOf(topic.sink))
				}
				if n > 0 {
					r.counts[r.name(topic)] = n
				}
			}
		}
	}
}

func (r *resolver) name(t *repartitionTopic) string { return r.plan.Application + "-" + t.name }

// joined is the partitions of the topics of the user that a repartition topic is
// joined with, or the highest of what else is known of that group.
func (r *resolver) joined(t *repartitionTopic) int32 {
	var internal int32
	for _, group := range r.plan.copartitioned() {
		if !slices.Contains(group, t.source) {
			continue
		}
		for _, n := range group {
			if n.source.repartition == nil {
				return r.sourceCount(n)
			}
			upstream := n.source.repartition.partitions
			if upstream == 0 {
				upstream = r.tasks(r.plan.subtopologyOf(n.source.repartition.sink))
			}
			internal = max(internal, upstream)
		}
	}
	return internal
}

// checkJoins demands equal partitions on all sides of a join.
func (r *resolver) checkJoins() {
	for _, group := range r.plan.copartitioned() {
		want := r.sourceCount(group[0])
		for _, n := range group[1:] {
			if r.sourceCount(n) == want {
				continue
			}
			var have []string
			for _, n := range group {
				have = append(have, fmt.Sprintf("%s has %d", r.sourceName(n), r.sourceCount(n)))
			}
			r.fault("the sides of a join need the same number of partitions: %s: repartition one side with Repartition(topology.Partitions(n)), or create the topics alike", strings.Join(have, ", "))
			break
		}
	}
}

func (r *resolver) sourceName(n *node) string {
	if n.source.repartition != nil {
		return r.name(n.source.repartition)
	}
	if n.source.pattern != nil {
		return n.source.pattern.String()
	}
	return strings.Join(n.source.topics, "+")
}

func (r *resolver) sourceCount(n *node) int32 {
	var most int32
	source := newSource(r.plan.Application, n)
	for topic, count := range r.counts {
		if source.Matches(topic) {
			most = max(most, count)
		}
	}
	return most
}

func (r *resolver) tasks(sub *Subtopology) int32 {
	var most int32
	for _, source := range sub.Sources {
		most = max(most, r.sourceCount(source.node))
	}
	return most
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
		maps.Copy(topic.Config, store.def.logConfig)
		out = append(out, topic)
	}
	return out
}

func describeSources(sub *Subtopology) string {
	var names []string
	for _, source := range sub.Sources {
		names = append(names, source.Topics...)
		if source.Pattern != nil {
			names = append(names, source.Pattern.String())
		}
	}
	return strings.Join(names, ", ")
}

// subtopologyOf is the subtopology that a node belongs to.
func (p *Plan) subtopologyOf(n *node) *Subtopology {
	for _, sub := range p.Subtopologies {
		if slices.Contains(sub.nodes, n) {
			return sub
		}
	}
	return nil
}

// copartitioned groups the source nodes whose topics have to be partitioned alike
// because they are joined.
func (p *Plan) copartitioned() [][]*node {
	var groups [][]*node
	for _, pair := range p.joins {
		group := append(sourcesOf(pair[0], nil), sourcesOf(pair[1], nil)...)
		kept := groups[:0]
		for _, other := range groups {
			if slices.ContainsFunc(other, func(n *node) bool { return slices.Contains(group, n) }) {
				group = append(group, other...)
			} else {
				kept = append(kept, other)
			}
		}
		slices.SortFunc(group, func(a, b *node) int { return int(a.id - b.id) })
		groups = append(kept, slices.Compact(group))
	}
	return groups
}

// sourcesOf lists the source nodes upstream of a node.
func sourcesOf(n *node, found []*node) []*node {
	if n.source != nil {
		return append(found, n)
	}
	for _, p := range n.parents {
		found = sourcesOf(p, found)
	}
	return found
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
