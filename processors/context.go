package processors

import (
	"fmt"

	"github.com/tidemill/tidemill/record"
)

// Context is what a processor knows of the node and the task that it works for.
// It is not safe for use by other goroutines.
type Context[K, V any] struct {
	*Task
	node     int32
	children []Processor[K, V]
	ids      []int32
	// passed counts the records given to the children.
	passed int64
}

// NewContext is called when a task is assembled. node numbers the processor's
// own node in the plan, and ids number those of its children.
func NewContext[K, V any](t *Task, node int32, children []Processor[K, V], ids []int32) *Context[K, V] {
	c := &Context[K, V]{Task: t, node: node, children: children, ids: ids}
	t.counted = append(t.counted, counted{node: node, passed: &c.passed})
	return c
}

// Forward gives a record to every child in the order in which they were added to
// the topology, each through to the end before the next. The caller returns the
// error as it is.
func (c *Context[K, V]) Forward(r record.Record[K, V]) error {
	c.passed++
	for i, child := range c.children {
		c.at = c.ids[i]
		if err := child.Process(r); err != nil {
			return err
		}
	}
	c.at = c.node
	return nil
}

// ForwardTo gives a record to the child with this name only.
func (c *Context[K, V]) ForwardTo(name string, r record.Record[K, V]) error {
	for i, id := range c.ids {
		if c.Names[id] != name {
			continue
		}
		c.at = id
		c.passed++
		if err := c.children[i].Process(r); err != nil {
			return err
		}
		c.at = c.node
		return nil
	}
	return fmt.Errorf("processors: node %q has no child named %q", c.Names[c.node], name)
}

// forwardAt gives a record to the i-th child only.
func (c *Context[K, V]) forwardAt(i int, r record.Record[K, V]) error {
	c.passed++
	c.at = c.ids[i]
	err := c.children[i].Process(r)
	if err == nil {
		c.at = c.node
	}
	return err
}

// Node is the name of the processor's node in the topology.
func (c *Context[K, V]) Node() string { return c.Names[c.node] }
