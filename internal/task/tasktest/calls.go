package tasktest

import (
	"context"
	"slices"

	"github.com/tidemill/tidemill/internal/task"
)

// UnderWay is how many calls the task has handed out that were not finished.
func (d *Driver) UnderWay() int {
	d.handOut()
	return len(d.calls)
}

func (d *Driver) handOut() { d.calls = d.Task.Calls(d.calls, d.Now) }

// Finish makes one of the calls under way, counted in the order in which they were
// handed out, and gives it back to the task.
func (d *Driver) Finish(i int) {
	d.tb.Helper()
	if err := d.TryFinish(context.Background(), i); err != nil {
		d.tb.Fatal(err)
	}
}

// TryFinish is Finish with a context for a task that may fail.
func (d *Driver) TryFinish(ctx context.Context, i int) error {
	d.tb.Helper()
	if i >= d.UnderWay() {
		d.tb.Fatalf("tasktest: no call %d: %d are under way", i, len(d.calls))
	}
	c := d.calls[i]
	d.calls = slices.Delete(d.calls, i, i+1)
	c.Run(ctx)
	return d.finished(c)
}

func (d *Driver) finished(c *task.Call) error {
	err := d.Complete(c, d.Now)
	d.take()
	return err
}

// Drained gets the task ready for a commit, and reports false if calls have to be
// finished first.
func (d *Driver) Drained() bool {
	d.tb.Helper()
	done, err := d.Drain(d.take)
	if err != nil {
		d.tb.Fatal(err)
	}
	return done
}
