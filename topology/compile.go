package topology

import (
	"fmt"
	"regexp"
	"slices"
)

// compile groups the nodes into subtopologies.
func compile(b *Builder) *Plan {
	plan := &Plan{Application: b.application, nodes: slices.Clone(b.nodes), repartition: slices.Clone(b.repartition), joins: slices.Clone(b.joins), advance: b.advance, attached: slices.Clone(b.attached)}
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
			sub.Sources = append(sub.Sources, newSource(b, n))
			sub.Global = n.source.global
		}
	}
	for _, use := range flushOrder(b) {
		sub := byGroup[group[use.nodes[0].id]]
		store := newStorePlan(b.application, use)
		if sub.Global {
			store.shared = use.share(b)
		}
		sub.Stores = append(sub.Stores, store)
	}
	return plan
}

func newSource(b *Builder, n *node) *Source {
	s := &Source{Name: n.name, Topics: n.source.topics, Pattern: n.source.pattern, FromLatest: n.source.fromLatest, node: n}
	if r := n.source.repartition; r != nil {
		s.Topics, s.Repartition = []string{b.application + "-" + r.name}, true
	}
	if s.Pattern != nil {
		s.internal = b.internalTopics()
	}
	return s
}

// internalTopics are the names of the application's own topics.
func (b *Builder) internalTopics() []string {
	var names []string
	for _, topic := range b.repartition {
		names = append(names, b.application+"-"+topic.name)
	}
	for _, store := range b.stores {
		if store.logged {
			names = append(names, changelogTopic(b.application, store.name))
		}
	}
	return names
}

func newStorePlan(application string, use *storeUse) *StorePlan {
	s := &StorePlan{Name: use.name, Source: use.reused, Windowed: use.windowed, Retention: use.retention, Cached: use.cached && !use.exact, LogHeaders: use.headers, use: use}
	if use.logged {
		s.Changelog = changelogTopic(application, use.name)
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
// forwards may write to. A node is added after its parents, so the store of an
// operator is due where the operator stands, and a store of user's processors,
// which forwards nothing, behind the last of them.
func flushOrder(b *Builder) []*storeUse {
	order := slices.Clone(b.stores)
	slices.SortStableFunc(order, func(x, y *storeUse) int { return int(x.writtenLast() - y.writtenLast()) })
	return order
}

// writtenLast is the number of the last node that writes the store.
func (u *storeUse) writtenLast() int32 {
	last := u.nodes[0].id
	for _, n := range u.nodes[1:] {
		if !u.owned {
			last = max(last, n.id)
		}
	}
	return last
}

// checkSources finds faults that show only when all is there.
func (b *Builder) checkSources() {
	if len(b.nodes) == 0 {
		b.fault("the topology is empty: begin with Stream or Table")
	}
	b.checkTopicsReadOnce()
	b.checkNames()
	for _, s := range b.split {
		if len(s.children) == 0 {
			b.fault("node %q: a split without branches drops everything: add Branch or Default", s.name)
		}
	}
}

// positional matches names that were made by index.
var positional = regexp.MustCompile(`-[0-9]{10}(-|$)`)

// checkNames looks for names of internal topics that would change with the topology.
func (b *Builder) checkNames() {
	if !b.strict {
		return
	}
	for _, use := range b.stores {
		if use.logged && positional.MatchString(use.name) {
			b.fault("store %q: its name would change with the topology: name it with StoreName", use.name)
		}
	}
	for _, topic := range b.repartition {
		if positional.MatchString(topic.name) {
			b.fault("repartition topic %q: its name would change with the topology: give the operator that needs it, or its grouping, a name with Named", topic.name)
		}
	}
}

// checkTopicsReadOnce looks for topics that several sources would read.
func (b *Builder) checkTopicsReadOnce() {
	read := map[string]*node{}
	for _, n := range b.nodes {
		for _, topic := range n.topics() {
			switch other := read[topic]; other {
			case nil:
				read[topic] = n
			case n:
				b.fault("node %q: topic %q is named twice", n.name, topic)
			default:
				b.fault("topic %q is read by both %q and %q: read it once and use the stream twice", topic, other.name, n.name)
			}
		}
	}
	for _, n := range b.nodes {
		if n.source == nil || n.source.pattern == nil {
			continue
		}
		for _, other := range b.nodes {
			for _, topic := range other.topics() {
				if n.source.pattern.MatchString(topic) {
					b.fault("topic %q is read by %q and matches the pattern of %q too: narrow the pattern", topic, other.name, n.name)
				}
			}
		}
	}
}

// topics are the user's topics that a node reads by name.
func (n *node) topics() []string {
	if n.source == nil {
		return nil
	}
	return n.source.topics
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
