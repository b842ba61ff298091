package topologytest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tidemill/tidemill/internal/task"
)

// callPatience is how long, by the real clock, a call may take: longer ones are
// taken for calls that block.
const callPatience = time.Second

// finishCall finishes a call under way, if there is one: the one that was handed out
// first, at once. With a seed it is any one, and tasks may take further records first.
func (d *Driver) finishCall() (called bool, err error) {
	calls, able := 0, 0
	for _, h := range d.tasks {
		h.receive()
		if _, ok := h.oldest(); ok && !h.stuck && !h.draining() {
			able++
		}
		h.handOut(d.now)
		calls += len(h.calls)
	}
	if calls == 0 || d.any(calls+able) >= calls {
		return false, nil
	}
	i := d.any(calls)
	for _, h := range d.tasks {
		if i < len(h.calls) {
			return true, d.afterCall(h, h.finish(i))
		}
		i -= len(h.calls)
	}
	return false, nil
}

// afterCall does what a finished call makes due.
func (d *Driver) afterCall(h *hosted, err error) error {
	switch w := h.worker; {
	case w.fault != Nothing:
		return w.suffer(h)
	case err != nil:
		return err
	}
	return d.afterWork(h)
}

// handOut takes the calls that a task asks for, or makes again by then.
func (h *hosted) handOut(now int64) { h.calls = h.task.Calls(h.calls, now) }

// finish makes a call and gives it back to its task.
func (h *hosted) finish(i int) error {
	c := h.calls[i]
	h.calls = slices.Delete(h.calls, i, i+1)
	if err := h.make(c); err != nil {
		return err
	}
	h.worker.worked, h.stuck = true, false
	err := h.task.Complete(c, h.d.now)
	h.emit()
	return err
}

// make makes a call. The context of one that blocks ends, as if it had waited for its
// timeout.
func (h *hosted) make(c *task.Call) error {
	ctx, cancel := context.Background(), func() {}
	if c.Timeout() > 0 {
		ctx, cancel = context.WithTimeout(ctx, callPatience)
	}
	defer cancel()
	made := make(chan struct{})
	go func() {
		defer close(made)
		c.Run(ctx)
	}()
	select {
	case <-made:
		return nil
	case <-time.After(2 * callPatience):
	}
	if c.Timeout() > 0 {
		return fmt.Errorf("topologytest: a call of node %q blocks though its context has ended: it must return then", h.task.CallNode(c))
	}
	return fmt.Errorf("topologytest: a call of node %q blocks and has no timeout: give the operator a CallTimeout", h.task.CallNode(c))
}

// drain finishes all calls of a task, as a commit has to. Those that are to be made
// again do not wait for the clock.
func (h *hosted) drain() error {
	for h.task.MakesCalls() && !h.worker.dying() {
		done, err := h.task.Drain(h.emit)
		if err != nil || done {
			return err
		}
		if h.handOut(h.d.now); len(h.calls) == 0 {
			h.handOut(h.task.NextCall())
		}
		if err := h.finish(h.d.any(len(h.calls))); err != nil {
			return err
		}
	}
	return nil
}

// any is one of n, by chance if there is a seed.
func (d *Driver) any(n int) int {
	if d.config.random == nil {
		return 0
	}
	return d.config.random.IntN(n)
}

// commitSoon commits when no call is under way.
func (w *worker) commitSoon() error {
	if w.asked = w.calling(); w.asked {
		return nil
	}
	return w.commit()
}

// draining says whether the task takes nothing more because a commit waits for its
// calls. Where every record is to be committed, it goes on, or there would never be
// more than one call.
func (h *hosted) draining() bool {
	return h.worker.asked && h.d.config.commit > 0 && h.task.MakesCalls()
}

// calling says whether calls of the worker are under way.
func (w *worker) calling() bool {
	return slices.ContainsFunc(w.tasks, func(h *hosted) bool { return h.task.Pending() > 0 })
}
