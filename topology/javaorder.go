package topology

import (
	"cmp"
	"slices"
	"unicode/utf16"
)

// Kafka Streams keeps what it describes in Java's sets, so the order of its text
// follows from how these work: hash sets of names, and tree sets of nodes whose
// sizes still grow while they are filled. Both are redone here, so that the texts
// of the same topology compare equal.

// hashOrder returns names without repetition in the order in which a Java HashSet
// yields them that was filled one by one (java.util.HashMap: buckets by the
// spread hash, each in the order of arrival).
func hashOrder(names []string) []string {
	unique := distinct(names)
	buckets := 16
	for len(unique)*4 > buckets*3 {
		buckets *= 2
	}
	return byBucket(unique, buckets)
}

// copiedHashOrder is hashOrder for a HashSet made from a collection, which begins
// with more buckets.
func copiedHashOrder(names []string) []string {
	unique := distinct(names)
	buckets := 16
	for buckets < len(names)*4/3+1 {
		buckets *= 2
	}
	return byBucket(unique, buckets)
}

func distinct(names []string) []string {
	var out []string
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func byBucket(names []string, buckets int) []string {
	bucket := func(name string) uint32 {
		var h uint32
		for _, unit := range utf16.Encode([]rune(name)) {
			h = 31*h + uint32(unit)
		}
		return (h ^ h>>16) & uint32(buckets-1)
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(bucket(a), bucket(b)) })
	return names
}

// nodeSet is a red-black tree as java.util.TreeMap grows it. The order of two
// nodes may change while they are in it, and the tree does not notice: where a
// node ends up depends on which others it met on its way down.
type nodeSet struct{ root *leaf }

type leaf struct {
	node   *describedNode
	parent *leaf
	child  [2]*leaf
	red    bool
}

// add puts a node into the set, unless it meets itself there.
func (s *nodeSet) add(n *describedNode) {
	fresh := &leaf{node: n, red: true}
	at := &s.root
	for *at != nil {
		fresh.parent = *at
		order := n.compare(fresh.parent.node)
		if order == 0 {
			return
		}
		at = &fresh.parent.child[side(order > 0)]
	}
	*at = fresh
	s.balance(fresh)
}

func (s *nodeSet) balance(n *leaf) {
	for n != s.root && n.parent.red {
		parent, grand := n.parent, n.parent.parent
		d := side(parent == grand.child[1])
		if uncle := grand.child[1-d]; uncle != nil && uncle.red {
			parent.red, uncle.red, grand.red = false, false, true
			n = grand
			continue
		}
		if n == parent.child[1-d] {
			s.rotate(parent, d)
			n, parent = parent, n
		}
		parent.red, grand.red = false, true
		s.rotate(grand, 1-d)
	}
	s.root.red = false
}

// rotate moves a node down to the given side, and its other child up.
func (s *nodeSet) rotate(n *leaf, d int) {
	up := n.child[1-d]
	n.child[1-d] = up.child[d]
	if up.child[d] != nil {
		up.child[d].parent = n
	}
	up.parent = n.parent
	switch {
	case n.parent == nil:
		s.root = up
	default:
		n.parent.child[side(n == n.parent.child[1])] = up
	}
	up.child[d], n.parent = n, up
}

func side(right bool) int {
	if right {
		return 1
	}
	return 0
}

// each calls f for the nodes from first to last.
func (s *nodeSet) each(f func(*describedNode)) {
	var walk func(*leaf)
	walk = func(l *leaf) {
		if l != nil {
			walk(l.child[0])
			f(l.node)
			walk(l.child[1])
		}
	}
	walk(s.root)
}
