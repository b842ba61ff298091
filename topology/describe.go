package topology

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Describe builds the topology and prints it: see Plan.Describe.
func (b *Builder) Describe() (string, error) {
	plan, err := b.Build()
	if err != nil {
		return "", err
	}
	return plan.Describe(), nil
}

// Describe prints the plan as Kafka Streams prints a topology (Topology.describe),
// character for character, so that the two can be compared and its tools can read
// it. Internal topics are without the application's prefix.
func (p *Plan) Describe() string {
	var out strings.Builder
	out.WriteString("Topologies:\n ")
	for _, sub := range p.Subtopologies {
		title, end := "", "\n"
		if sub.Global {
			title, end = " for global store (will not generate tasks)", ""
		}
		fmt.Fprintf(&out, "  Sub-topology: %d%s\n", sub.ID, title)
		for _, n := range describedNodes(sub) {
			fmt.Fprintf(&out, "    %s\n", n)
		}
		out.WriteString(end)
	}
	return out.String()
}

// describedNode is a node with what Kafka Streams orders nodes by.
type describedNode struct {
	*node
	// size is one more than the sizes of its successors together.
	size                     int
	predecessors, successors nodeSet
}

// compare orders nodes by falling size, then by name.
func (n *describedNode) compare(other *describedNode) int {
	if n == other {
		return 0
	}
	return cmp.Or(cmp.Compare(other.size, n.size), cmp.Compare(n.name, other.name))
}

// grow adds to the size of a node and of all that are connected before it so far.
func (n *describedNode) grow(by int) {
	n.size += by
	n.predecessors.each(func(p *describedNode) { p.grow(by) })
}

// describedNodes connects the nodes of a subtopology in the order in which Kafka
// Streams does, since the order of each node's neighbors depends on it.
func describedNodes(sub *Subtopology) []*describedNode {
	byName := map[string]*describedNode{}
	var names []string
	for _, n := range sub.nodes {
		byName[n.name] = &describedNode{node: n, size: 1}
		names = append(names, n.name)
	}
	var nodes []*describedNode
	for _, name := range hashOrder(names) {
		n := byName[name]
		for _, parent := range n.parents {
			p := byName[parent.name]
			n.predecessors.add(p)
			p.successors.add(n)
			p.grow(n.size)
		}
		nodes = append(nodes, n)
	}
	slices.SortFunc(nodes, (*describedNode).compare)
	return nodes
}

func (n *describedNode) String() string {
	const to, from = "\n      --> ", "\n      <-- "
	switch {
	case n.source != nil:
		return fmt.Sprintf("Source: %s (topics: %s)", n.name, n.source.describe()) + to + n.successors.names()
	case n.sink != nil:
		return fmt.Sprintf("Sink: %s (%s)", n.name, n.sink.describe()) + from + n.predecessors.names()
	default:
		stores := strings.Join(copiedHashOrder(hashOrder(n.stores)), ", ")
		return fmt.Sprintf("Processor: %s (stores: [%s])", n.name, stores) + to + n.successors.names() + from + n.predecessors.names()
	}
}

// names lists a node's neighbors.
func (s *nodeSet) names() string {
	var names []string
	s.each(func(n *describedNode) { names = append(names, n.name) })
	if names == nil {
		return "none"
	}
	return strings.Join(names, ", ")
}

func (s *source) describe() string {
	switch {
	case s.repartition != nil:
		return "[" + s.repartition.name + "]"
	case s.pattern != nil:
		return s.expression
	default:
		return "[" + strings.Join(copiedHashOrder(s.topics), ", ") + "]"
	}
}

// describe tells where a sink writes. A topic chosen for each record has no name;
// Kafka Streams prints the class that chooses it.
func (s *sinkTopic) describe() string {
	switch {
	case s.repartition != nil:
		return "topic: " + s.repartition.name
	case s.dynamic:
		return "extractor class: func"
	default:
		return "topic: " + s.topic
	}
}
