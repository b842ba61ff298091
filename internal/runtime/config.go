package runtime

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidemill/tidemill/internal/task"
)

// Config is everything that the facade's options can set. Default returns the
// defaults, which those options then change.
type Config struct {
	Brokers     []string
	ExactlyOnce bool
	// StateDir is the folder for local state; InMemory keeps it in memory instead.
	StateDir string
	InMemory bool
	// Lanes is how many tasks may run at the same time.
	Lanes              int
	CommitInterval     time.Duration
	CheckpointInterval time.Duration
	PurgeInterval      time.Duration
	MaxTaskIdle        time.Duration
	// BufferedBytes bounds what the tasks hold of what was fetched ahead, CacheBytes
	// the caches of all stores together.
	BufferedBytes     int
	CacheBytes        int
	ReplicationFactor int16
	// Standbys is how many workers beside the owner keep a copy of each task's stores.
	Standbys int
	// InstanceID makes the worker a static member of its group.
	InstanceID         string
	SessionTimeout     time.Duration
	TransactionTimeout time.Duration
	ShutdownTimeout    time.Duration
	Policies           task.Policies
	Client             []kgo.Opt
	Logger             *slog.Logger
	// Tracing, if set, is where the spans of records go.
	Tracing trace.TracerProvider
	// Address is where other workers find this one's admin address, if it has one.
	Address string
	// Observe, if set, is told what happens to tasks; see Event.
	Observe func(Event)
}

// Event is something that happened in a worker, for tests and for showing.
type Event struct {
	// Kind is what happened.
	Kind EventKind
	// Task is the name of the task that it happened to, if it was one.
	Task string
	// Records is how many records were restored.
	Records int64
	// Took is how long it took.
	Took time.Duration
	// Err is why, for an abort.
	Err error
}

// EventKind tells events apart.
type EventKind string

// The kinds of events.
const (
	TaskStarted  EventKind = "task started"
	TaskRestored EventKind = "task restored"
	TaskStopped  EventKind = "task stopped"
	Committed    EventKind = "committed"
	Aborted      EventKind = "aborted"
)
