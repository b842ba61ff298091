package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// resolver finds out how many partitions the topics of a plan have or get.
type resolver struct {
	plan   *Plan
	counts map[string]int32
	faults []error
}

func (r *resolver) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

// checkExistence demands that everything is there that the plan reads.
func (r *resolver) checkExistence() {
	for _, sub := range r.plan.Subtopologies {
		for _, s := range sub.Sources {
			if s.Pattern != nil && r.sourceCount(s) == 0 {
				r.fault("node %q: no topic matches %q: create one before the start", s.Name, s.node.source.expression)
			}
			for _, topic := range s.Topics {
				if !s.Repartition && r.counts[topic] == 0 {
					r.fault("node %q: topic %q does not exist: create it or check the name; it is not created automatically", s.Name, topic)
				}
			}
		}
	}
}

// settle finds the partitions of the repartition topics: as many as were asked
// for, else as those that they are joined with, else as those that they are fed
// from. One may depend on another, but never in a circle, so that each round
// settles one at least.
func (r *resolver) settle() {
	for _, topic := range r.plan.repartition {
		if topic.partitions > 0 {
			r.counts[r.name(topic)] = topic.partitions
		}
	}
	for range r.plan.repartition {
		for _, topic := range r.plan.repartition {
			if topic.partitions > 0 {
				continue
			}
			if n := cmp.Or(r.joined(topic), r.upstream(topic)); n > 0 {
				r.counts[r.name(topic)] = n
			}
		}
	}
}

func (r *resolver) name(t *repartitionTopic) string { return r.plan.Application + "-" + t.name }

// upstream is the highest number of partitions of what a repartition topic is fed
// from, or what was asked for.
func (r *resolver) upstream(t *repartitionTopic) int32 {
	if t.partitions > 0 {
		return t.partitions
	}
	return r.tasks(r.plan.subtopologyOf(t.sink))
}

// joined is the number of partitions that follows for a repartition topic from
// those that it is joined with, or 0: that of the user's topics, else the one that
// was asked for, else the highest.
func (r *resolver) joined(t *repartitionTopic) int32 {
	var users, asked, highest int32
	for _, group := range r.plan.copartitioned() {
		if !slices.ContainsFunc(group, func(s *Source) bool { return s.node == t.source }) {
			continue
		}
		for _, source := range group {
			other := source.node.source.repartition
			if other == nil {
				users = max(users, r.sourceCount(source))
				continue
			}
			asked = max(asked, other.partitions)
			highest = max(highest, r.upstream(other))
		}
	}
	return cmp.Or(users, asked, highest)
}

// checkJoins demands equally many partitions of all topics that are joined.
func (r *resolver) checkJoins() {
	for _, group := range r.plan.copartitioned() {
		var have []string
		counts := map[int32]bool{}
		for _, source := range group {
			for _, topic := range r.topics(source) {
				counts[r.counts[topic]] = true
				have = append(have, fmt.Sprintf("%s has %d", topic, r.counts[topic]))
			}
		}
		if len(counts) > 1 {
			r.fault("the sides of a join need the same number of partitions: %s: repartition one side with Repartition(topology.Partitions(n)), or create the topics alike", strings.Join(have, ", "))
		}
	}
}

// topics are the topics that a source reads, as far as they are known.
func (r *resolver) topics(s *Source) []string {
	if s.Pattern == nil {
		return s.Topics
	}
	var topics []string
	for topic := range r.counts {
		if s.Matches(topic) {
			topics = append(topics, topic)
		}
	}
	slices.Sort(topics)
	return topics
}

func (r *resolver) sourceCount(s *Source) int32 {
	var most int32
	for _, topic := range r.topics(s) {
		most = max(most, r.counts[topic])
	}
	return most
}

func (r *resolver) tasks(sub *Subtopology) int32 {
	if sub.Global {
		return 0
	}
	var most int32
	for _, source := range sub.Sources {
		most = max(most, r.sourceCount(source))
	}
	return most
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
