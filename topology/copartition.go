package topology

import (
	"cmp"
	"slices"
)

// Copartitioned lists the groups of topics that need equally many partitions
// because their records are joined in the subtopology. What a pattern matches is
// not listed.
func (s *Subtopology) Copartitioned() [][]string {
	var out [][]string
	for _, group := range s.plan.copartitioned() {
		if !slices.Contains(s.Sources, group[0]) {
			continue
		}
		var topics []string
		for _, source := range group {
			topics = append(topics, source.Topics...)
		}
		out = append(out, topics)
	}
	return out
}

// copartitioned groups the sources whose topics have to be partitioned alike
// because they are joined, all of a subtopology, in the order of their nodes.
func (p *Plan) copartitioned() [][]*Source {
	var groups [][]*Source
	for _, pair := range p.joins {
		group := p.sourcesOf(pair)
		kept := groups[:0]
		for _, other := range groups {
			if slices.ContainsFunc(other, func(s *Source) bool { return slices.Contains(group, s) }) {
				group = append(group, other...)
			} else {
				kept = append(kept, other)
			}
		}
		slices.SortFunc(group, func(a, b *Source) int { return cmp.Compare(a.node.id, b.node.id) })
		groups = append(kept, slices.Compact(group))
	}
	return groups
}

// sourcesOf lists the sources that both sides of a join come from.
func (p *Plan) sourcesOf(pair [2]*node) []*Source {
	seen := map[*node]bool{}
	var visit func(n *node)
	visit = func(n *node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, parent := range n.parents {
			visit(parent)
		}
	}
	visit(pair[0])
	visit(pair[1])
	var found []*Source
	for _, sub := range p.Subtopologies {
		for _, source := range sub.Sources {
			if seen[source.node] {
				found = append(found, source)
			}
		}
	}
	return found
}
