package runtime

import (
	"sync"
	"time"

	"github.com/tidemill/tidemill/internal/task"
)

// warmUps are the tasks that the worker is to get once its copies of them have caught up.
type warmUps struct {
	mu sync.Mutex
	// since is when the worker was told first of each; asked is when it asked for the
	// rebalance in which it gets them.
	since map[task.ID]time.Time
	asked time.Time
}

// plan is told which they are.
func (u *warmUps) plan(tasks []task.ID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	since := make(map[task.ID]time.Time, len(tasks))
	for _, t := range tasks {
		if at, known := u.since[t]; known {
			since[t] = at
		} else {
			since[t] = time.Now()
		}
	}
	u.since = since
}

// settled says whether a task is one of them, and need not be waited for any longer: the
// copy has caught up, or it does not seem to succeed.
func (u *warmUps) settled(s *standby) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	at, waits := u.since[s.id]
	return waits && (s.complete() || time.Since(at) > warmPatience)
}

// ready says whether it is time to ask for the rebalance: every task has a copy that has
// caught up, or has been waited for long enough.
func (u *warmUps) ready(copies []*standby) bool {
	complete := make(map[task.ID]bool, len(copies))
	for _, s := range copies {
		complete[s.id] = s.complete()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.since) == 0 || time.Since(u.asked) < askEvery {
		return false
	}
	for id, at := range u.since {
		if !complete[id] && time.Since(at) <= warmPatience {
			return false
		}
	}
	u.asked = time.Now()
	return true
}

const (
	// warmPatience is how long a task stays where it is for a copy that does not catch up.
	warmPatience = 10 * time.Minute
	// askEvery is how often a worker asks for a rebalance for that.
	askEvery = 10 * time.Second
)

// complete says whether all stores have once had all that there was.
func (s *standby) complete() bool {
	for _, c := range s.copies {
		if _, _, ok := c.lag(); !ok {
			return false
		}
	}
	return true
}
