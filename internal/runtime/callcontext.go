package runtime

import (
	"context"
	"sync"
	"time"
)

// callContext is the context of one call. It gets a timer only when somebody wants
// to know when it ends, so that calls which are over at once do without.
type callContext struct {
	parent   context.Context
	deadline time.Time

	mu   sync.Mutex
	full context.Context // nil until it is needed
	end  context.CancelFunc
	over bool
}

func newCallContext(parent context.Context, timeout time.Duration) *callContext {
	return &callContext{parent: parent, deadline: time.Now().Add(timeout)}
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} { return c.whole().Done() }

// Err implements context.Context.
func (c *callContext) Err() error { return c.whole().Err() }

// Value implements context.Context. Contexts derived from this one ask for Done
// first, and then find by Value that it is one of the standard library's own.
func (c *callContext) Value(key any) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full != nil {
		return c.full.Value(key)
	}
	return c.parent.Value(key)
}

// whole is the context with its timer.
func (c *callContext) whole() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.full == nil {
		c.full, c.end = context.WithDeadline(c.parent, c.deadline)
		if c.over {
			c.end()
		}
	}
	return c.full
}

// cancel ends the context, because the call is over.
func (c *callContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	if c.full != nil {
		c.end()
	}
}
