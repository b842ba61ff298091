package runtime

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
)

// Errors of asking a task.
var (
	// ErrMoved says that the task is not the worker's any more: ask who owns it now.
	ErrMoved = errors.New("the task has moved to another worker")
	// ErrStopped says that the worker has stopped.
	ErrStopped = errors.New("the worker has stopped")
)

// ask has a task's lane run something between two records. It returns when that is
// done, or without it when ctx ends before the lane has time.
func (w *Worker) ask(ctx context.Context, h *hosted, f func() error) error {
	done := make(chan error, 1)
	question := func() {
		if !slices.Contains(h.lane.tasks, h) {
			done <- ErrMoved
			return
		}
		done <- guarded(f)
	}
	select {
	case h.lane.asks <- question:
		return <-done
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.ended:
		return ErrStopped
	}
}

// guarded turns a panic into an error: a question must not end the lane.
func guarded(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v\n%s", value, debug.Stack())
		}
	}()
	return f()
}
