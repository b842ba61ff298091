package topology

import (
	"fmt"
	"slices"
)

// compile groups the nodes into subtopologies.
func compile(b *Builder) *Plan {
	plan := &Plan{Application: b.application, nodes: b.nodes, repartition: b.repartition, joins: b.joins}
	for _, n := range b.nodes {
		plan.names = append(plan.names, n.name)
	}
	group := connected(b)
	byGroup := map[int32]*Subtopology{}
	for _, n := range b.nodes {
		sub := byGroup[group[n.id]]
		if sub == nil {
			sub = &Subtopology{ID: len(plan.Subtopologies), plan: plan}
			byGroup[group[n.id]] = sub
			plan.Subtopologies = append(plan.Subtopologies, sub)
		}
		sub.nodes = append(sub.nodes, n)
		if n.source != nil {
			sub.Sources = append(sub.Sources, newSource(b.application, n))
		}
	}
	for _, def := range flushOrder(b) {
		sub := byGroup[group[def.nodes[0].id]]
		sub.Stores = append(sub.Stores, newStorePlan(b.application, def))
	}
	return plan
}

func newSource(application string, n *node) *Source {
	s := &Source{Name: n.name, Topics: n.source.topics, Pattern: n.source.pattern, FromLatest: n.source.fromLatest, node: n}
	if r := n.source.repartition; r != nil {
		s.Topics, s.Repartition = []string{application + "-" + r.name}, true
	}
	return s
}

func newStorePlan(application string, def *storeDef) *StorePlan {
	s := &StorePlan{Name: def.name, Windowed: def.windowed, Retention: def.retention, Cached: def.cached, def: def}
	if def.logged {
		s.Changelog = changelogTopic(application, def.name)
	}
	return s
}

// connected gives each node the lowest number of those that it is connected with.
func connected(b *Builder) []int32 {
	group := make([]int32, len(b.nodes))
	for i := range group {
		group[i] = int32(i)
	}
	var root func(int32) int32
	root = func(i int32) int32 {
		if group[i] != i {
			group[i] = root(group[i])
		}
		return group[i]
	}
	join := func(a, b int32) {
		a, b = root(a), root(b)
		group[max(a, b)] = min(a, b)
	}
	byStore := map[string]int32{}
	for _, n := range b.nodes {
		for _, child := range n.children {
			join(n.id, child.id)
		}
		for _, store := range n.stores {
			if first, ok := byStore[store]; ok {
				join(first, n.id)
			} else {
				byStore[store] = n.id
			}
		}
	}
	for i := range group {
		root(int32(i))
	}
	return group
}

// flushOrder orders the stores so that a store comes before those that what it
// forwards may write to: by the first of its nodes, since a node is added after
// its parents. A store that both an earlier and a later node use is flushed once
// more at the end, when nothing is left to flush before it.
func flushOrder(b *Builder) []*storeDef {
	order := slices.Clone(b.stores)
	slices.SortStableFunc(order, func(x, y *storeDef) int { return int(x.nodes[0].id - y.nodes[0].id) })
	return order
}

// checkSources finds faults that show only when all is there.
func (b *Builder) checkSources() {
	if len(b.nodes) == 0 {
		b.fault("the topology is empty: begin with Stream or Table")
	}
	read := map[string]string{}
	for _, n := range b.nodes {
		if n.source == nil {
			continue
		}
		for _, topic := range n.source.topics {
			if other, ok := read[topic]; ok {
				b.fault("topic %q is read by both %q and %q: read it once and use the stream twice", topic, other, n.name)
			}
			read[topic] = n.name
		}
	}
	for _, s := range b.split {
		if len(s.children) == 0 {
			b.fault("node %q: a split without branches drops everything: add Branch or Default", s.name)
		}
	}
}

// checkTopicName says what keeps a name from being that of a topic, or a part of
// one (org.apache.kafka.common.internals.Topic).
func checkTopicName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a name must not be empty")
	case name == "." || name == "..":
		return fmt.Errorf("a name must not be %q", name)
	case len(name) > 249:
		return fmt.Errorf("a name has at most 249 characters, this has %d", len(name))
	}
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("a name has only letters, digits, '.', '_' and '-', this has %q", c)
		}
	}
	return nil
}
