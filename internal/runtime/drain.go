package runtime

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tidemill/tidemill/internal/task"
	"github.com/tidemill/tidemill/processors"
	"github.com/tidemill/tidemill/topology"
)

// drainTick is how often a worker that waits for calls looks around, and drainWarning
// after how long it says so.
const (
	drainTick    = 100 * time.Millisecond
	drainWarning = 10 * time.Second
)

// drain has the tasks that make calls take nothing more, and waits until none of
// their calls is under way. Everything up to their positions is finished then, and
// stays so until the lanes have been paused and released. All other tasks go on
// meanwhile.
func (w *Worker) drain() error {
	lanes := map[*lane]bool{}
	for _, h := range w.hosted {
		if h.task.MakesCalls() {
			lanes[h.lane] = true
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	drained := make(chan struct{}, len(lanes))
	for l := range lanes {
		l.control <- func() { l.drained, l.told = drained, false }
	}
	for range lanes {
		if err := w.awaitDrained(drained); err != nil {
			return err
		}
	}
	return nil
}

// awaitDrained waits for one lane, unless waiting is of no use any more.
func (w *Worker) awaitDrained(drained <-chan struct{}) error {
	began, warned := time.Now(), false
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	for {
		select {
		case <-drained:
			return nil
		case err := <-w.failures:
			return err
		case <-w.hard.Done():
			return context.Cause(w.hard)
		case <-tick.C:
		}
		if w.lost.Load() {
			return errLost
		}
		if !warned && time.Since(began) > drainWarning {
			warned = true
			w.log.Warn("a commit waits for calls that take long", "so far", time.Since(began).Round(time.Second))
		}
	}
}

// maxDrain is how long calls may hold a commit up: the transaction, which may be as
// old as the commit interval, must last until they are over, with a tenth of its time
// to spare. 0 is without end.
func (w *Worker) maxDrain() time.Duration { return maxDrain(w.config) }

func maxDrain(c Config) time.Duration {
	if !c.ExactlyOnce {
		return 0
	}
	return max(time.Millisecond, c.TransactionTimeout-c.TransactionTimeout/10-c.CommitInterval)
}

// checkCalls checks that a transaction lasts as long as a call may take with all its
// retries and those of the policies.
func checkCalls(plan *topology.Plan, c Config) error {
	limit := maxDrain(c)
	if limit == 0 {
		return nil
	}
	longest := func(r processors.CallRules) time.Duration { return longestCall(r, c.Policies) }
	var faults []error
	for _, sub := range plan.Subtopologies {
		took, nodes := sub.LongestCalls(longest)
		if took <= limit {
			continue
		}
		long := fmt.Sprintf("may take %v with all retries", took)
		if took > forever {
			long = "have no end"
		}
		faults = append(faults, fmt.Errorf("the calls of %s %s, but a transaction of %v leaves them %v: lower CallTimeout, CallRetries or the retries of the error policies, or raise TransactionTimeout",
			strings.Join(nodes, " and "), long, c.TransactionTimeout, limit))
	}
	return errors.Join(faults...)
}

// forever is longer than any call that has an end.
const forever = 1000 * 24 * time.Hour

func longestCall(r processors.CallRules, p task.Policies) time.Duration {
	if r.Patient {
		return 0 // it gives up in time
	}
	d := p.Process.Longest(r.Longest())
	if d > forever {
		return d
	}
	return d + p.Produce.Longest(0)
}

// callPatience is how long calls may go on after their context has ended.
const callPatience = 5 * time.Second

// awaitCalls waits until no call is made any more. The contexts of all of them have
// ended.
func (w *Worker) awaitCalls() error {
	over := make(chan struct{})
	go func() {
		w.calling.Wait()
		close(over)
	}()
	select {
	case <-over:
		return nil
	case <-time.After(callPatience):
		return fmt.Errorf("calls of asynchronous operators still run %v after their context has ended: they must return when it ends", callPatience)
	}
}
