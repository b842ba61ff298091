package topology

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/tidemill/tidemill/processors"
)

// node is one operator of the topology. Its types are known to assemble only.
type node struct {
	id                int32
	name              string
	parents, children []*node
	// stores are the names of the stores that the node uses.
	stores []string
	// source is set for a node that reads topics, sink for one that writes.
	source *source
	sink   *sinkTopic
	// closes is set for a node that makes windows: how long after a window's end it
	// takes records for it, in stream time.
	closes *time.Duration
	// wrap is the topology's wrapper of processors, if it has one.
	wrap func(node string, t *processors.Task) processors.Around
	// calls are set for a node that makes calls.
	calls *processors.CallRules
	// rekeys says that the node makes new keys, keeps that it passes on records as
	// they are, or not at all, and merges that it is where streams meet.
	rekeys, keeps, merges bool
	// partner is another node whose processor this one talks to.
	partner *node
	// late is the child that is given the records which the node drops as late, and no
	// others.
	late *node
	// assemble makes the node's processor for one task.
	assemble func(a *assembly, n *node) (any, error)
}

// grace is how long after its end a window that the node passes on may change: the
// longest time of what makes windows before it. ok is false if some come from nothing
// that makes windows.
func (n *node) grace() (longest time.Duration, ok bool) {
	if n.closes != nil {
		return *n.closes, true
	}
	for _, parent := range n.parents {
		grace, ok := parent.grace()
		if !ok {
			return 0, false
		}
		longest = max(longest, grace)
	}
	return longest, len(n.parents) > 0
}

// source is what a source node reads: named topics, those that match a pattern,
// or a repartition topic.
type source struct {
	topics []string
	// pattern is the expression made to match whole names only.
	expression  string
	pattern     *regexp.Regexp
	repartition *repartitionTopic
	fromLatest  bool
	// global says that every worker reads all partitions.
	global bool
	// key and value are the serdes that it reads with.
	key, value any
}

// bindTopic is the topic that schema-aware serdes are told.
func (s *source) bindTopic() string {
	if len(s.topics) > 0 {
		return s.topics[0]
	}
	return ""
}

// sinkTopic is what a sink node writes: a topic, one chosen for each record, or a
// repartition topic.
type sinkTopic struct {
	topic       string
	dynamic     bool
	repartition *repartitionTopic
	// key and value are the serdes that it is written with.
	key, value any
}

// repartitionTopic is an internal topic through which records are sent to the
// task that owns their new key.
type repartitionTopic struct {
	// name is without the application's prefix.
	name string
	// partitions is 0 if it follows from the topics upstream.
	partitions int32
	// nullKeys says that one of those who read it wants records without a key.
	nullKeys bool
	// movable says that the topic may be merged with others.
	movable bool
	sink    *node
	source  *node
	// entered is the topic that a copy was made of.
	entered *repartitionTopic
}

// assembly is the making of one task's processors.
type assembly struct {
	task    *processors.Task
	built   map[*node]any
	closers []processors.Closer
}

// processor returns the processor of a node, made at the first call.
func (a *assembly) processor(n *node) (any, error) {
	if p, ok := a.built[n]; ok {
		return p, nil
	}
	p, err := n.assemble(a, n)
	if err != nil {
		return nil, fmt.Errorf("topology: node %q: %w", n.name, err)
	}
	a.built[n] = p
	if c, ok := p.(processors.Closer); ok {
		a.closers = append(a.closers, c)
	}
	return p, nil
}

// contextOf makes the context of a node, and the processors of its children.
func contextOf[K, V any](a *assembly, n *node) (*processors.Context[K, V], error) {
	if n.late != nil {
		return contextTo[K, V](a, n, without(slices.Clone(n.children), n.late))
	}
	return contextTo[K, V](a, n, n.children)
}

// contextTo makes a context of a node that forwards to some of its children.
func contextTo[K, V any](a *assembly, n *node, to []*node) (*processors.Context[K, V], error) {
	children := make([]processors.Processor[K, V], 0, len(to))
	ids := make([]int32, 0, len(to))
	for _, child := range to {
		p, err := a.processor(child)
		if err != nil {
			return nil, err
		}
		typed, ok := p.(processors.Processor[K, V])
		if !ok {
			return nil, fmt.Errorf("its child %q is a %T", child.name, p)
		}
		if around := child.around(a.task); around != nil {
			typed = processors.Wrap(typed, around)
		}
		children = append(children, typed)
		ids = append(ids, child.id)
	}
	return processors.NewContext(a.task, n.id, children, ids), nil
}

// around is what the topology wraps the work of the node in, or nil.
func (n *node) around(t *processors.Task) processors.Around {
	if n.wrap == nil {
		return nil
	}
	return n.wrap(n.name, t)
}

// addProcessor enters a node that runs what a supplier makes.
func addProcessor[K, V, K2, V2 any](b *Builder, name string, stores []string, supplier processors.Supplier[K, V, K2, V2], parents ...*node) *node {
	n := &node{name: name, stores: stores}
	n.assemble = func(a *assembly, n *node) (any, error) {
		c, err := contextOf[K2, V2](a, n)
		if err != nil {
			return nil, err
		}
		if err := assembleLate[K, V](a, n); err != nil {
			return nil, err
		}
		return supplier(c)
	}
	return b.addNode(n, parents...)
}
