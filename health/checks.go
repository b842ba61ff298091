package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidemill/tidemill/status"
)

// The limits of the default checks.
const (
	DefaultDeadLetters    = 100
	DefaultLag            = 10_000
	DefaultCommitFailures = 3
	DefaultBrokerGrace    = 15 * time.Second
	DefaultDiskFree       = 0.10
)

// lagName is the check that readiness asks too.
const lagName = "lag"

// Defaults are the checks that every worker has.
func Defaults() []Check {
	return []Check{
		Stopped(), DeadLetters(DefaultDeadLetters), Lag(DefaultLag), Tasks(), Restore(),
		Commits(DefaultCommitFailures), Broker(DefaultBrokerGrace), Disk(DefaultDiskFree),
	}
}

// Stopped is unhealthy once the worker has ended.
func Stopped() Check {
	return Check{Name: "worker", Run: func(w status.Worker) (Verdict, string) {
		if w.State == status.Stopped {
			return Unhealthy, "the worker has stopped: see its last error"
		}
		return Healthy, ""
	}}
}

// DeadLetters is unhealthy while more than limit dead letters wait in a topic.
func DeadLetters(limit int64) Check {
	return Check{Name: "dead-letters", Run: func(w status.Worker) (Verdict, string) {
		for _, d := range w.DeadLetters {
			if d.Depth > limit {
				return Unhealthy, fmt.Sprintf("%d dead letters wait in topic %q, the limit is %d: look at them, then redrive or discard them", d.Depth, d.Topic, limit)
			}
		}
		return Healthy, ""
	}}
}

// Lag is degraded while the worker's tasks are more than limit records behind the ends of
// their inputs, taken together. A worker that is so far behind is not ready either.
func Lag(limit int64) Check {
	return Check{Name: lagName, Run: func(w status.Worker) (Verdict, string) {
		var total, most int64
		worst := ""
		for _, t := range w.Tasks {
			lag := t.Lag()
			if total += lag; lag > most {
				most, worst = lag, t.ID
			}
		}
		if total <= limit {
			return Healthy, ""
		}
		return Degraded, fmt.Sprintf("%d records behind, the limit is %d; most of it is task %s with %d", total, limit, worst, most)
	}}
}

// Tasks is unhealthy while a task has records and takes none.
func Tasks() Check {
	return Check{Name: "tasks", Run: func(w status.Worker) (Verdict, string) {
		if stuck := inState(w, status.Stuck); stuck != "" {
			return Unhealthy, "stuck: " + stuck + ": take a goroutine profile to see where"
		}
		if retrying := inState(w, status.Retrying); retrying != "" {
			return Degraded, "held up by a record that fails, or by slow calls: " + retrying
		}
		return Healthy, ""
	}}
}

// Restore is degraded while tasks are being restored.
func Restore() Check {
	return Check{Name: "restore", Run: func(w status.Worker) (Verdict, string) {
		if restoring := inState(w, status.Restoring); restoring != "" {
			return Degraded, "being restored: " + restoring
		}
		return Healthy, ""
	}}
}

// inState lists the tasks in a state.
func inState(w status.Worker, s status.State) string {
	var ids []string
	for _, t := range w.Tasks {
		switch {
		case t.State != s:
		case t.Restore != nil && s == status.Restoring:
			ids = append(ids, fmt.Sprintf("%s (%.0f %%)", t.ID, 100*t.Restore.Portion()))
		default:
			ids = append(ids, t.ID)
		}
	}
	return strings.Join(ids, ", ")
}

// Commits is degraded from the first failure in a row on, and unhealthy from limit on.
func Commits(limit int64) Check {
	return Check{Name: "commits", Run: func(w status.Worker) (Verdict, string) {
		switch n := w.Commits.FailuresInARow; {
		case n >= limit:
			return Unhealthy, fmt.Sprintf("%d commits in a row have failed: %s", n, w.Commits.LastError)
		case n > 0:
			return Degraded, "the last commit failed: " + w.Commits.LastError
		}
		return Healthy, ""
	}}
}

// Broker is degraded when no broker answers, and unhealthy after the grace.
func Broker(grace time.Duration) Check {
	return Check{Name: "broker", Run: func(w status.Worker) (Verdict, string) {
		if w.Broker.Down.IsZero() {
			return Healthy, ""
		}
		down := w.At.Sub(w.Broker.Down)
		reason := fmt.Sprintf("no broker has answered for %v: %s", down.Round(time.Second), w.Broker.Error)
		if down > grace {
			return Unhealthy, reason
		}
		return Degraded, reason
	}}
}

// Disk is degraded when less than this portion of the state folder's disk is free, and
// unhealthy at a quarter of it.
func Disk(free float64) Check {
	return Check{Name: "disk", Run: func(w status.Worker) (Verdict, string) {
		if w.Disk.Total == 0 {
			return Healthy, ""
		}
		have := float64(w.Disk.Free) / float64(w.Disk.Total)
		reason := fmt.Sprintf("%.1f %% of the disk of %s is free: make room, or move StateDir", 100*have, w.Disk.Path)
		switch {
		case have < free/4:
			return Unhealthy, reason
		case have < free:
			return Degraded, reason
		}
		return Healthy, ""
	}}
}

// Backlog is degraded while more than limit of something wait, such as sagas that have
// not ended. count returns how many do.
func Backlog(name string, limit int64, count func() int64) Check {
	return Check{Name: name, Run: func(status.Worker) (Verdict, string) {
		if n := count(); n > limit {
			return Degraded, fmt.Sprintf("%d wait, the limit is %d", n, limit)
		}
		return Healthy, ""
	}}
}
