package metrics

import (
	"time"

	"github.com/tidemill/tidemill/status"
)

// Kind is how a metric behaves.
type Kind int

// The kinds of metrics.
const (
	// Counter only rises, until the worker or the task starts anew.
	Counter Kind = iota
	// Gauge goes up and down.
	Gauge
)

// Metric describes one metric, by Prometheus' conventions.
type Metric struct {
	Name, Help string
	Kind       Kind
	Labels     []string
	// Values gives its values in a status, each with the values of its labels.
	Values func(w *status.Worker, yield func(value float64, labels ...string))
}

// Table is every metric but the histograms. It does not change.
func Table() []Metric {
	return append(append(append(workerMetrics(), taskMetrics()...), inputMetrics()...), storeMetrics()...)
}

func workerMetrics() []Metric {
	states := []status.State{status.Starting, status.Joining, status.Restoring, status.Running, status.Stopped}
	return []Metric{
		{"tidemill_worker_state", "The state that the worker is in has 1, all others 0.", Gauge, []string{"state"}, func(w *status.Worker, yield func(float64, ...string)) {
			for _, s := range states {
				yield(one(w.State == s), string(s))
			}
		}},
		single("tidemill_worker_start_time_seconds", "When the worker started, in seconds since the Unix epoch.", Gauge, func(w *status.Worker) float64 { return seconds(w.Started) }),
		single("tidemill_worker_tasks", "Tasks that the worker has.", Gauge, func(w *status.Worker) float64 { return float64(len(w.Tasks)) }),
		single("tidemill_worker_standbys", "Tasks of other workers whose stores the worker keeps a copy of.", Gauge, func(w *status.Worker) float64 { return float64(len(w.Standbys)) }),
		{"tidemill_standby_lag_records", "Records of a changelog that a standby has not applied.", Gauge, []string{"task", "store"}, func(w *status.Worker, yield func(float64, ...string)) {
			for _, s := range w.Standbys {
				for i := range s.Stores {
					yield(float64(s.Stores[i].Lag()), s.ID, s.Stores[i].Store)
				}
			}
		}},
		single("tidemill_worker_buffered_bytes", "Bytes fetched and not processed.", Gauge, func(w *status.Worker) float64 { return float64(w.BufferedBytes) }),
		single("tidemill_worker_pinned_bytes", "Bytes of stores that wait for a checkpoint.", Gauge, func(w *status.Worker) float64 { return float64(w.Cache.PinnedBytes) }),
		single("tidemill_broker_up", "1 while a broker answers.", Gauge, func(w *status.Worker) float64 { return one(w.Broker.Down.IsZero()) }),
		single("tidemill_disk_free_bytes", "Free bytes on the disk of the state folder.", Gauge, func(w *status.Worker) float64 { return float64(w.Disk.Free) }),
		single("tidemill_disk_size_bytes", "Size of the disk of the state folder.", Gauge, func(w *status.Worker) float64 { return float64(w.Disk.Total) }),
		single("tidemill_commit_failures_total", "Commits that failed.", Counter, func(w *status.Worker) float64 { return float64(w.Commits.Failures) }),
		single("tidemill_recoveries_total", "Times that the worker went back to what is committed.", Counter, func(w *status.Worker) float64 { return float64(w.Rebalances.Recoveries) }),
		{"tidemill_rebalances_total", "What the group did to the worker's partitions.", Counter, []string{"event"}, func(w *status.Worker, yield func(float64, ...string)) {
			yield(float64(w.Rebalances.Assigned), "assigned")
			yield(float64(w.Rebalances.Revoked), "revoked")
			yield(float64(w.Rebalances.Lost), "lost")
		}},
		{"tidemill_failed_records_total", "Records that failed, by what the policy did.", Counter, []string{"node", "stage", "action"}, func(w *status.Worker, yield func(float64, ...string)) {
			for _, f := range w.Failures {
				yield(float64(f.Count), f.Node, f.Stage, f.Action)
			}
		}},
		{"tidemill_dead_letters_waiting", "Dead letters that nobody has dealt with.", Gauge, []string{"topic"}, func(w *status.Worker, yield func(float64, ...string)) {
			for _, d := range w.DeadLetters {
				if d.Depth >= 0 {
					yield(float64(d.Depth), d.Topic)
				}
			}
		}},
		{"tidemill_dead_letters_written_total", "Dead letters that the worker wrote.", Counter, []string{"topic"}, func(w *status.Worker, yield func(float64, ...string)) {
			for _, d := range w.DeadLetters {
				yield(float64(d.Written), d.Topic)
			}
		}},
		{"tidemill_node_records_total", "Records that a node of the topology passed on.", Counter, []string{"node"}, func(w *status.Worker, yield func(float64, ...string)) {
			for _, n := range w.Nodes {
				yield(float64(n.Passed), n.Name)
			}
		}},
	}
}

func taskMetrics() []Metric {
	return []Metric{
		ofTask("tidemill_task_processed_records_total", "Records that a task took from its inputs.", Counter, func(_ *status.Worker, t *status.Task) (float64, bool) { return float64(t.Processed), true }),
		ofTask("tidemill_task_written_records_total", "Records that a task wrote to topics.", Counter, func(_ *status.Worker, t *status.Task) (float64, bool) { return float64(t.Written), true }),
		ofTask("tidemill_task_logged_records_total", "Records that a task wrote to changelogs.", Counter, func(_ *status.Worker, t *status.Task) (float64, bool) { return float64(t.Logged), true }),
		ofTask("tidemill_task_busy_seconds_total", "How long a task has been at work.", Counter, func(_ *status.Worker, t *status.Task) (float64, bool) { return t.Busy.Seconds(), true }),
		ofTask("tidemill_task_running", "1 while a task runs, 0 while it is opened, restored, held up or stuck.", Gauge, func(_ *status.Worker, t *status.Task) (float64, bool) { return one(t.State == status.Running), true }),
		ofTask("tidemill_task_stuck", "1 while a task has records and takes none.", Gauge, func(_ *status.Worker, t *status.Task) (float64, bool) { return one(t.State == status.Stuck), true }),
		ofTask("tidemill_task_restore_ratio", "How much of a task's stores is restored, from 0 to 1.", Gauge, func(_ *status.Worker, t *status.Task) (float64, bool) {
			if t.Restore == nil || t.State != status.Restoring {
				return 1, len(t.Stores) > 0
			}
			return t.Restore.Portion(), true
		}),
		ofTask("tidemill_task_stream_time_lateness_seconds", "How far a task's stream time is behind the wall clock.", Gauge, func(w *status.Worker, t *status.Task) (float64, bool) {
			return w.At.Sub(t.StreamTime).Seconds(), !t.StreamTime.IsZero()
		}),
		{"tidemill_task_dropped_records_total", "Records that operators did not pass on, by reason.", Counter, []string{"task", "reason"}, func(w *status.Worker, yield func(float64, ...string)) {
			for _, t := range w.Tasks {
				for reason, n := range t.Dropped {
					yield(float64(n), t.ID, reason)
				}
			}
		}},
	}
}

func inputMetrics() []Metric {
	return []Metric{
		ofInput("tidemill_input_lag_records", "Records of a partition that its task has not taken.", func(in *status.Input) float64 { return float64(in.Lag()) }),
		ofInput("tidemill_input_position", "The next offset of a partition to process.", func(in *status.Input) float64 { return float64(in.Position) }),
		ofInput("tidemill_input_buffered_records", "Records of a partition that are fetched and not processed.", func(in *status.Input) float64 { return float64(in.Buffered) }),
		ofInput("tidemill_input_paused", "1 while the fetching of a partition waits for its task.", func(in *status.Input) float64 { return one(in.Paused) }),
	}
}

func storeMetrics() []Metric {
	return []Metric{
		ofStore("tidemill_store_cache_hits_total", "Look-ups that memory answered.", Counter, func(s *status.Store) (float64, bool) { return float64(s.Hits), true }),
		ofStore("tidemill_store_cache_misses_total", "Look-ups that the disk answered.", Counter, func(s *status.Store) (float64, bool) { return float64(s.Misses), true }),
		ofStore("tidemill_store_cache_entries", "Rows of a store in memory.", Gauge, func(s *status.Store) (float64, bool) { return float64(s.Entries), true }),
		ofStore("tidemill_store_memory_bytes", "Bytes of a store in memory.", Gauge, func(s *status.Store) (float64, bool) { return float64(s.MemoryBytes), true }),
		ofStore("tidemill_store_disk_bytes", "Bytes of a store on disk.", Gauge, func(s *status.Store) (float64, bool) { return float64(s.DiskBytes), s.DiskBytes >= 0 }),
	}
}

func single(name, help string, kind Kind, value func(*status.Worker) float64) Metric {
	return Metric{name, help, kind, nil, func(w *status.Worker, yield func(float64, ...string)) { yield(value(w)) }}
}

func ofTask(name, help string, kind Kind, value func(*status.Worker, *status.Task) (float64, bool)) Metric {
	return Metric{name, help, kind, []string{"task"}, func(w *status.Worker, yield func(float64, ...string)) {
		for i := range w.Tasks {
			if v, ok := value(w, &w.Tasks[i]); ok {
				yield(v, w.Tasks[i].ID)
			}
		}
	}}
}

func ofInput(name, help string, value func(*status.Input) float64) Metric {
	return Metric{name, help, Gauge, []string{"task", "topic", "partition"}, func(w *status.Worker, yield func(float64, ...string)) {
		for _, t := range w.Tasks {
			for i := range t.Inputs {
				yield(value(&t.Inputs[i]), t.ID, t.Inputs[i].Topic, number(t.Inputs[i].Partition))
			}
		}
	}}
}

func ofStore(name, help string, kind Kind, value func(*status.Store) (float64, bool)) Metric {
	return Metric{name, help, kind, []string{"task", "store"}, func(w *status.Worker, yield func(float64, ...string)) {
		for _, t := range w.Tasks {
			for i := range t.Stores {
				if v, ok := value(&t.Stores[i]); ok {
					yield(v, t.ID, t.Stores[i].Name)
				}
			}
		}
	}}
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
