package health_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/status"
)

// well is a worker that nothing is wrong with.
func well() status.Worker {
	return status.Worker{
		At: time.Unix(1000, 0), State: status.Running,
		Tasks:       []status.Task{{ID: "0_0", State: status.Running, Inputs: []status.Input{{Position: 10, End: 10}}}},
		DeadLetters: []status.DeadLetter{{Topic: "dlq", Depth: 100}},
		Disk:        status.Disk{Path: "/state", Total: 1000, Free: 500},
	}
}

func TestVerdicts(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*status.Worker)
		want   health.Verdict
		ready  bool
		reason string
	}{
		{"a worker that nothing is wrong with", func(*status.Worker) {}, health.Healthy, true, ""},
		{"more than a hundred dead letters", func(w *status.Worker) { w.DeadLetters[0].Depth = 101 }, health.Unhealthy, true, `101 dead letters wait in topic "dlq"`},
		{"ten thousand records behind", func(w *status.Worker) { w.Tasks[0].Inputs[0].End = 10_010 }, health.Healthy, true, ""},
		{"one more than that", func(w *status.Worker) { w.Tasks[0].Inputs[0].End = 10_011 }, health.Degraded, false, "10001 records behind"},
		{"a stuck task", func(w *status.Worker) { w.Tasks[0].State = status.Stuck }, health.Unhealthy, true, "stuck: 0_0"},
		{"a task that retries", func(w *status.Worker) { w.Tasks[0].State = status.Retrying }, health.Degraded, true, "held up"},
		{"a restore in progress", func(w *status.Worker) {
			w.State, w.Tasks[0].State, w.Tasks[0].Restore = status.Restoring, status.Restoring, &status.Restore{Done: 1, Total: 4}
		}, health.Degraded, false, "0_0 (25 %)"},
		{"a failed commit", func(w *status.Worker) { w.Commits.FailuresInARow, w.Commits.LastError = 1, "timeout" }, health.Degraded, true, "timeout"},
		{"three failed commits", func(w *status.Worker) { w.Commits.FailuresInARow = 3 }, health.Unhealthy, true, "3 commits in a row"},
		{"a broker away for a moment", func(w *status.Worker) { w.Broker.Down = w.At.Add(-time.Second) }, health.Degraded, true, "no broker"},
		{"a broker away for long", func(w *status.Worker) { w.Broker.Down = w.At.Add(-time.Minute) }, health.Unhealthy, true, "for 1m0s"},
		{"a disk nearly full", func(w *status.Worker) { w.Disk.Free = 90 }, health.Degraded, true, "9.0 % of the disk of /state"},
		{"a disk all but full", func(w *status.Worker) { w.Disk.Free = 20 }, health.Unhealthy, true, "make room"},
		{"a worker that has not been assigned tasks", func(w *status.Worker) { w.State = status.Joining }, health.Healthy, false, ""},
		{"a worker that has stopped", func(w *status.Worker) { w.State = status.Stopped }, health.Unhealthy, false, "has stopped"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := well()
			row.change(&w)
			got := health.Judge(w, health.Defaults())
			if got.Verdict != row.want || got.Ready != row.ready {
				t.Errorf("got %s, ready %v; want %s, %v: %+v", got.Verdict, got.Ready, row.want, row.ready, got)
			}
			if reasons := strings.Join(got.Reasons(), "\n"); !strings.Contains(reasons, row.reason) {
				t.Errorf("the reasons are %q, want %q among them", reasons, row.reason)
			}
		})
	}
}

func TestALaterCheckTakesThePlaceOfADefault(t *testing.T) {
	w := well()
	w.Tasks[0].Inputs[0].End = 20_000
	got := health.Judge(w, append(health.Defaults(), health.Lag(100_000)))
	if got.Verdict != health.Healthy || !got.Ready || len(got.Findings) != len(health.Defaults()) {
		t.Errorf("got %+v", got)
	}
}

func TestUsersChecksCount(t *testing.T) {
	backlog := int64(7)
	checks := []health.Check{
		health.Backlog("sagas", 5, func() int64 { return backlog }),
		{Name: "broken", Run: func(status.Worker) (health.Verdict, string) { panic("no model") }},
	}
	got := health.Judge(well(), checks)
	want := []string{"sagas: 7 wait, the limit is 5", "broken: the check panicked: no model"}
	if got.Verdict != health.Unhealthy || strings.Join(got.Reasons(), "\n") != strings.Join(want, "\n") {
		t.Errorf("got %+v", got)
	}
}
