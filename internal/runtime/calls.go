package runtime

import (
	"context"
	"errors"
	"sync"

	"github.com/tidemill/tidemill/internal/task"
)

// calls are the calls under way of one task: each is made on a goroutine, and the
// task's lane collects those that have ended.
type calls struct {
	// ctx ends when the task is given up, or the worker has to stop at once.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// running counts the calls of all tasks of the worker.
	running *sync.WaitGroup
	wake    func()

	mu    sync.Mutex
	ended []*task.Call
	// taken and started are the lane's memory.
	taken, started []*task.Call
}

// errGivenUp is why the calls of a task are cancelled that has ended.
var errGivenUp = errors.New("the task that made the call has ended")

func newCalls(ctx context.Context, running *sync.WaitGroup, wake func()) *calls {
	c := &calls{running: running, wake: wake}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	return c
}

// start makes the calls that a task asks for.
func (c *calls) start(t *task.Task, now int64) {
	c.started = t.Calls(c.started[:0], now)
	for i, call := range c.started {
		c.started[i] = nil
		c.running.Add(1)
		go c.make(call)
	}
}

// make makes one call. If it ends, its task's lane hears of it.
func (c *calls) make(call *task.Call) {
	defer c.running.Done()
	defer c.back(call)
	timeout := call.Timeout()
	if timeout == 0 {
		call.Run(c.ctx)
		return
	}
	ctx := newCallContext(c.ctx, timeout)
	defer ctx.cancel()
	call.Run(ctx)
}

func (c *calls) back(call *task.Call) {
	c.mu.Lock()
	c.ended = append(c.ended, call)
	first := len(c.ended) == 1
	c.mu.Unlock()
	if first {
		c.wake()
	}
}

// complete gives a task the calls that have ended.
func (c *calls) complete(t *task.Task, now int64) (n int, err error) {
	c.mu.Lock()
	ended := c.ended
	c.ended, c.taken = c.taken[:0], ended
	c.mu.Unlock()
	for i, call := range ended {
		ended[i] = nil
		if err := t.Complete(call, now); err != nil {
			return i, err
		}
	}
	return len(ended), nil
}
