package metrics_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tidemill/tidemill/metrics"
	"github.com/tidemill/tidemill/status"
)

// source is a worker that stands still.
type source struct{ status.Worker }

func (s source) Status() status.Worker { return s.Worker }

func working() source {
	at := time.Unix(1_000_000, 0)
	w := status.Worker{
		Application: "app", At: at, Started: at.Add(-time.Hour), State: status.Running,
		Tasks: []status.Task{{
			ID: "0_1", State: status.Running, Processed: 600, Written: 500, Logged: 40, Busy: 1500 * time.Millisecond,
			Inputs:     []status.Input{{Topic: "in", Partition: 1, Position: 600, End: 650, Buffered: 7}},
			Stores:     []status.Store{{Name: "counts", Hits: 590, Misses: 10, Entries: 10, MemoryBytes: 2000, DiskBytes: -1}},
			StreamTime: at.Add(-3 * time.Second), Dropped: map[string]int64{"late": 3},
		}},
		Standbys:    []status.Standby{{ID: "0_2", Partition: 2, State: status.Running, Stores: []status.Copy{{Store: "counts", Position: 30, End: 42}}}},
		Nodes:       []status.Node{{Name: "source", Passed: 600}},
		DeadLetters: []status.DeadLetter{{Topic: "dead", Depth: 5, Written: 6}},
		Failures:    []status.Failures{{Node: "map", Stage: "process", Action: "dead-letter", Count: 6}},
		Rebalances:  status.Rebalances{Assigned: 2, Revoked: 1},
	}
	w.Commits.Seconds.Observe(0.01)
	w.Commits.Seconds.Observe(0.02)
	return source{w}
}

func TestTheClientsLinterHasNoComplaints(t *testing.T) {
	problems, err := testutil.CollectAndLint(metrics.New(working()))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestValuesAreThoseOfTheStatus(t *testing.T) {
	want := `
# HELP tidemill_task_processed_records_total Records that a task took from its inputs.
# TYPE tidemill_task_processed_records_total counter
tidemill_task_processed_records_total{application="app",task="0_1"} 600
# HELP tidemill_input_lag_records Records of a partition that its task has not taken.
# TYPE tidemill_input_lag_records gauge
tidemill_input_lag_records{application="app",partition="1",task="0_1",topic="in"} 50
# HELP tidemill_task_stream_time_lateness_seconds How far a task's stream time is behind the wall clock.
# TYPE tidemill_task_stream_time_lateness_seconds gauge
tidemill_task_stream_time_lateness_seconds{application="app",task="0_1"} 3
# HELP tidemill_task_dropped_records_total Records that operators did not pass on, by reason.
# TYPE tidemill_task_dropped_records_total counter
tidemill_task_dropped_records_total{application="app",reason="late",task="0_1"} 3
# HELP tidemill_standby_lag_records Records of a changelog that a standby has not applied.
# TYPE tidemill_standby_lag_records gauge
tidemill_standby_lag_records{application="app",store="counts",task="0_2"} 12
# HELP tidemill_worker_standbys Tasks of other workers whose stores the worker keeps a copy of.
# TYPE tidemill_worker_standbys gauge
tidemill_worker_standbys{application="app"} 1
# HELP tidemill_dead_letters_waiting Dead letters that nobody has dealt with.
# TYPE tidemill_dead_letters_waiting gauge
tidemill_dead_letters_waiting{application="app",topic="dead"} 5
`
	names := regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(want, -1)
	var only []string
	for _, n := range names {
		only = append(only, n[1])
	}
	if err := testutil.CollectAndCompare(metrics.New(working()), strings.NewReader(want), only...); err != nil {
		t.Error(err)
	}
}

func TestCommitsAreANativeHistogram(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(metrics.New(working()))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != metrics.CommitSeconds {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 2 || h.GetSchema() != status.Schema || len(h.GetPositiveSpan()) == 0 {
			t.Errorf("got %v", h)
		}
		return
	}
	t.Error("there is no histogram of commits")
}

func TestTheGrafanaDashboardAsksForMetricsThatThereAre(t *testing.T) {
	data, err := os.ReadFile("../docs/grafana/tidemill.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(data, &dashboard); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{metrics.CommitSeconds: true}
	for _, m := range metrics.Table() {
		known[m.Name] = true
	}
	queries := 0
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			queries++
			names := regexp.MustCompile(`tidemill_\w+`).FindAllString(target.Expr, -1)
			for _, name := range names {
				if !known[name] {
					t.Errorf("panel %q asks for %s, which there is not", p.Title, name)
				}
			}
			if len(names) == 0 || strings.Count(target.Expr, "(") != strings.Count(target.Expr, ")") {
				t.Errorf("panel %q: the query %q asks for nothing", p.Title, target.Expr)
			}
		}
	}
	if queries < 12 {
		t.Errorf("the dashboard has %d queries only", queries)
	}
}
