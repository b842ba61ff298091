package runtime

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/status"
)

// counts are what a worker counts beside the work of its tasks. Rebalances, commits
// and failures are rare, so that a lock does.
type counts struct {
	mu         sync.Mutex
	rebalances status.Rebalances
	commits    status.Commits
	failures   map[status.Failures]int64
	letters    map[string]int64
	stopped    atomic.Bool
}

func newCounts() *counts {
	return &counts{failures: map[status.Failures]int64{}, letters: map[string]int64{}}
}

// rebalanced counts one change of what the worker owns.
func (c *counts) rebalanced(count func(*status.Rebalances)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	count(&c.rebalances)
	c.rebalances.Last = time.Now()
}

// committed counts a commit and how long it took; failed is why it did not work.
func (c *counts) committed(took time.Duration, failed error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if failed != nil {
		c.commits.Failures++
		c.commits.FailuresInARow++
		c.commits.LastError = failed.Error()
		return
	}
	c.commits.Count++
	c.commits.FailuresInARow = 0
	c.commits.Last = time.Now()
	c.commits.Seconds.Observe(took.Seconds())
}

// failed counts a record that a policy left behind or tries again. letters is where it
// went as a dead letter.
func (c *counts) failed(e *record.Error, action, letters string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failures[status.Failures{Node: e.Node, Stage: string(e.Stage), Action: action}]++
	if letters != "" {
		c.letters[letters]++
	}
}

// into copies the counts into a status.
func (c *counts) into(out *status.Worker) {
	c.mu.Lock()
	defer c.mu.Unlock()
	out.Rebalances, out.Commits = c.rebalances, c.commits
	out.Commits.Seconds = c.commits.Seconds.Clone()
	for f, n := range c.failures {
		f.Count = n
		out.Failures = append(out.Failures, f)
	}
	slices.SortFunc(out.Failures, func(a, b status.Failures) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Stage, b.Stage), cmp.Compare(a.Action, b.Action))
	})
	for topic, n := range c.letters {
		out.DeadLetters = append(out.DeadLetters, status.DeadLetter{Topic: topic, Depth: -1, Written: n})
	}
}

// actionOf is the kind of what a policy did, of how it reports it.
func actionOf(policy string) string {
	switch {
	case strings.HasPrefix(policy, "retry"), strings.HasPrefix(policy, "write again"):
		return "retry"
	case policy == "dead letter":
		return "dead-letter"
	default:
		return policy
	}
}
