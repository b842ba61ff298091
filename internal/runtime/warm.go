package runtime

import (
	"maps"
	"slices"
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
			since[t], u.asked = time.Now(), time.Time{}
		}
	}
	u.since = since
}

// settled has those that need not wait any longer as true, because the copy has caught up or
// does not seem to succeed, and the others, of which there are waiting, as false.
func (u *warmUps) settled(copies []*standby) (settled map[task.ID]bool, waiting int) {
	complete := make(map[task.ID]bool, len(copies))
	for _, s := range copies {
		complete[s.id] = s.complete()
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	settled = make(map[task.ID]bool)
	for id, at := range u.since {
		if settled[id] = complete[id] || time.Since(at) > warmPatience; !settled[id] {
			waiting++
		}
	}
	return settled, waiting
}

// ready says whether it is time to ask for the rebalance.
func (u *warmUps) ready(copies []*standby) bool {
	settled, waiting := u.settled(copies)
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(settled) == 0 || waiting > 0 || time.Since(u.asked) < askEvery {
		return false
	}
	u.asked = time.Now()
	return true
}

// held are the standbys that a worker tells of: copies of tasks that need not wait count as
// near, those of tasks that have to as far, and tasks that there will not be a copy of are
// told of too.
func (u *warmUps) held(copies []*standby) (out []held) {
	settled, _ := u.settled(copies)
	for _, s := range copies {
		lag := s.lag()
		if now, warm := settled[s.id]; now {
			lag = min(lag, nearLag)
		} else if warm {
			lag = max(lag, nearLag+1)
		}
		delete(settled, s.id)
		out = append(out, held{s.id, lag})
	}
	for _, id := range slices.SortedFunc(maps.Keys(settled), task.ID.Compare) {
		if settled[id] {
			out = append(out, held{id, nearLag})
		}
	}
	return out
}

const (
	// warmPatience is how long a task stays where it is for a copy that does not catch up.
	warmPatience = 10 * time.Minute
	// askEvery is how often a worker asks for a rebalance for the same tasks.
	askEvery = 30 * time.Second
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
