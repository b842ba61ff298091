package sagas

import (
	"context"
	"fmt"
	"time"
)

// callKey is where the context of a function keeps what it is called for.
type callKey struct{}

// Key is the idempotency key of the call that a context belongs to: it is the same
// for all attempts at a step, and its compensation. It is empty outside of a call.
func Key(ctx context.Context) string { return called(ctx).Key }

// Attempt is the number of the attempt that a context belongs to, from 1.
func Attempt(ctx context.Context) int { return called(ctx).Attempt }

func called(ctx context.Context) Command {
	c, _ := ctx.Value(callKey{}).(Command)
	return c
}

// Call makes the call of a function that a command without a topic asks for, and
// returns the reply. It never fails: whatever goes wrong is in the reply.
func (d *Definition) Call(ctx context.Context, c Command) Event {
	reply := Event{Type: EventReply, Command: c.ID, Saga: c.Saga}
	a := d.function(c)
	if a == nil {
		reply.Outcome, reply.Error = Unknown, fmt.Sprintf("definition %q, version %d, has no function for step %q", d.name, d.version, c.Step)
		return reply
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, callKey{}, c), d.nodes[c.Step].timeout)
	defer cancel()
	patch, err := a.call(ctx, c.Data)
	if reply.Outcome = outcomeOf(err); err != nil {
		reply.Error = err.Error()
		return reply
	}
	reply.Data, reply.Patch = patch, true
	return reply
}

// function is what a command calls, or nil.
func (d *Definition) function(c Command) *action {
	n := d.nodes[c.Step]
	if n == nil {
		return nil
	}
	a := n.action
	if c.Kind == ToUndo {
		a = n.undo
	}
	if a == nil || a.call == nil {
		return nil
	}
	return a
}

// longestCall is how long a function of the definition may take.
func (d *Definition) longestCall() (longest time.Duration) {
	for _, n := range d.named {
		for _, a := range []*action{n.action, n.undo} {
			if a != nil && a.call != nil {
				longest = max(longest, n.timeout)
			}
		}
	}
	return longest
}
