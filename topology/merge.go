package topology

import "slices"

// optimized is the topology as it is compiled: with its repartition topics merged,
// if that is asked for. The builder itself stays as it is, so that more can be
// added to it.
func (b *Builder) optimized() *Builder {
	if !b.mergeTopics {
		return b
	}
	c := b.clone()
	var anchors []*node
	topics := map[*node][]*repartitionTopic{}
	for _, t := range c.repartition {
		anchor := t.anchor()
		if anchor == nil {
			continue
		}
		if topics[anchor] == nil {
			anchors = append(anchors, anchor)
		}
		topics[anchor] = append(topics[anchor], t)
	}
	for _, anchor := range anchors {
		c.merge(anchor, topics[anchor])
	}
	for i, n := range c.nodes {
		n.id = int32(i)
	}
	return c
}

// anchor is the node behind which a repartition topic may move: the one that made
// the keys, or where streams were merged. It is nil if the topic has to stay.
func (t *repartitionTopic) anchor() *node {
	if !t.movable {
		return nil
	}
	n := t.sink.parents[0].parents[0]
	for n.keeps {
		n = n.parents[0]
	}
	if n.rekeys || n.merges {
		return n
	}
	return nil
}

// merge moves the first of several topics right behind a node, and takes out the
// others.
func (b *Builder) merge(anchor *node, topics []*repartitionTopic) {
	first := topics[0]
	filter, sink, source := first.sink.parents[0], first.sink, first.source
	for _, t := range topics {
		b.lift(t, anchor, source)
		first.entered.nullKeys = first.entered.nullKeys || t.entered.nullKeys
	}
	b.repartition = slices.DeleteFunc(b.repartition, func(t *repartitionTopic) bool { return slices.Contains(topics[1:], t) })
	anchor.children = append(anchor.children, filter)
	filter.parents = []*node{anchor}
	filter.name, sink.name, source.name = first.name+"-filter", first.name+"-sink", first.name+"-source"
	b.nodes = slices.Insert(b.nodes, slices.Index(b.nodes, anchor)+1, filter, sink, source)
}

// lift takes a topic out of the chain in which it is, and puts that part of the
// chain which leads to it behind source.
func (b *Builder) lift(t *repartitionTopic, anchor, source *node) {
	filter := t.sink.parents[0]
	from, readers := filter.parents[0], t.source.children
	t.source.children = nil
	from.children = without(from.children, filter)
	to := from
	if from == anchor {
		to = source
	} else if head := headOf(from, anchor, source); head.parents[0] == anchor {
		anchor.children = without(anchor.children, head)
		head.parents = []*node{source}
		source.children = append(source.children, head)
	}
	for _, reader := range readers {
		reader.parents[slices.Index(reader.parents, t.source)] = to
		to.children = append(to.children, reader)
	}
	for i := range b.joins {
		for side, n := range b.joins[i] {
			if n == t.source {
				b.joins[i][side] = to
			}
		}
	}
	b.nodes = slices.DeleteFunc(b.nodes, func(n *node) bool { return n == filter || n == t.sink || n == t.source })
}

// headOf is the first node of the chain that leads from a node, or from where it was
// moved to, to n.
func headOf(n, anchor, source *node) *node {
	for n.parents[0] != anchor && n.parents[0] != source {
		n = n.parents[0]
	}
	return n
}

func without(nodes []*node, n *node) []*node {
	return slices.DeleteFunc(nodes, func(other *node) bool { return other == n })
}

// clone copies the graph, with everything that refers to its nodes.
func (b *Builder) clone() *Builder {
	c := *b
	twins := map[*node]*node{nil: nil}
	for _, n := range b.nodes {
		twin := *n
		twins[n] = &twin
	}
	all := func(nodes []*node) (out []*node) {
		for _, n := range nodes {
			out = append(out, twins[n])
		}
		return out
	}
	topics := map[*repartitionTopic]*repartitionTopic{}
	c.repartition = nil
	for _, t := range b.repartition {
		twin := *t
		twin.sink, twin.source, twin.entered = twins[t.sink], twins[t.source], t
		topics[t] = &twin
		c.repartition = append(c.repartition, &twin)
	}
	c.nodes, c.split = all(b.nodes), all(b.split)
	for _, n := range c.nodes {
		n.parents, n.children, n.partner, n.late = all(n.parents), all(n.children), twins[n.partner], twins[n.late]
		n.readsAndWrites(topics)
	}
	c.stores = nil
	for _, use := range b.stores {
		twin := *use
		twin.nodes = all(use.nodes)
		c.stores = append(c.stores, &twin)
	}
	c.joins = nil
	for _, pair := range b.joins {
		c.joins = append(c.joins, [2]*node{twins[pair[0]], twins[pair[1]]})
	}
	c.faults = slices.Clone(b.faults)
	return &c
}

// readsAndWrites has a copied node refer to the copies of topics.
func (n *node) readsAndWrites(topics map[*repartitionTopic]*repartitionTopic) {
	if n.source != nil && n.source.repartition != nil {
		source := *n.source
		source.repartition = topics[source.repartition]
		n.source = &source
	}
	if n.sink != nil && n.sink.repartition != nil {
		sink := *n.sink
		sink.repartition = topics[sink.repartition]
		n.sink = &sink
	}
}
