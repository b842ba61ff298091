package tidemill

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidemill/tidemill/admin"
	"github.com/tidemill/tidemill/health"
	"github.com/tidemill/tidemill/internal/runtime"
	"github.com/tidemill/tidemill/internal/task"
)

// Option is an option of New and Run.
type Option interface{ apply(*settings) }

// settings are what options set.
type settings struct {
	config runtime.Config
	checks []health.Check
	admin  *admin.Config
}

type option func(*runtime.Config)

func (o option) apply(s *settings) { o(&s.config) }

type setting func(*settings)

func (o setting) apply(s *settings) { o(s) }

// Brokers are the addresses to find the cluster by, as host:port.
func Brokers(addrs ...string) Option {
	return option(func(c *runtime.Config) { c.Brokers = addrs })
}

// ExactlyOnce processes every record exactly once as far as Kafka and the stores
// are concerned: outputs, changelogs and offsets are committed in one
// transaction. Readers have to read committed records only. Without it, records
// may be processed again after a failure, but none is lost.
func ExactlyOnce() Option {
	return option(func(c *runtime.Config) { c.ExactlyOnce = true; c.CommitInterval = runtime.ExactlyOnceInterval })
}

// CommitInterval is how often the worker commits: 100 ms with ExactlyOnce, which
// comes before this option if both are given, and 1 s without. Results of
// aggregations are held back as long, and those of ExactlyOnce become visible with
// the commit.
func CommitInterval(d time.Duration) Option {
	return option(func(c *runtime.Config) { c.CommitInterval = d })
}

// StateDir is the folder for local state, by default one in the user's cache
// folder. Each worker takes a place of its own in it, so that several on one
// machine may share it. What is in it can always be rebuilt from Kafka.
func StateDir(path string) Option {
	return option(func(c *runtime.Config) { c.StateDir = path })
}

// InMemory keeps local state in memory instead of on disk, so that all of it is
// restored from Kafka at every start.
func InMemory() Option { return option(func(c *runtime.Config) { c.InMemory = true }) }

// CacheBytes bounds the memory for the caches of all stores together, 32 MiB by
// default. As much again may wait for the next checkpoint, which comes early then,
// and as much be written by one. With 0 every update is logged and forwarded, not
// only the last one of each key at every commit.
func CacheBytes(n int) Option { return option(func(c *runtime.Config) { c.CacheBytes = n }) }

// BufferedBytes bounds what is fetched ahead of processing, 8 MiB by default. One
// fetch, of half as much on the wire, may exceed it. A partition whose task is held up may hold twice as much
// before it alone is paused, so that it does not hold up the others.
func BufferedBytes(n int) Option { return option(func(c *runtime.Config) { c.BufferedBytes = n }) }

// Parallelism is how many tasks may run at the same time, by default as many as
// the machine has cores.
func Parallelism(n int) Option { return option(func(c *runtime.Config) { c.Lanes = n }) }

// CheckpointInterval is how often the stores are written to disk, 10 s by default.
// It bounds what a worker that is killed has to restore when it comes back.
func CheckpointInterval(d time.Duration) Option {
	return option(func(c *runtime.Config) { c.CheckpointInterval = d })
}

// MaxTaskIdle is how long a task that reads several partitions waits for one that
// is empty before it goes on with the others. With 0, the default, it waits only
// for records that are known to exist; below 0 it never waits.
func MaxTaskIdle(d time.Duration) Option {
	return option(func(c *runtime.Config) { c.MaxTaskIdle = d })
}

// ReplicationFactor is that of internal topics, by default the broker's own.
func ReplicationFactor(n int16) Option {
	return option(func(c *runtime.Config) { c.ReplicationFactor = n })
}

// Standbys is how many workers beside its owner keep a copy of each task's stores, as far
// as there are so many: 0 by default. The copies follow the changelogs, so that a task
// whose owner is gone goes on elsewhere once the end of them has been replayed, and
// query.Stale may read them. A worker that joins builds copies up too: tasks that it is to
// get stay where they are until its copies have caught up, or for ten minutes. Each costs a worker the disk and, while the owner writes, the
// network and about the work of a restore. With InMemory they are in memory. What has no
// changelog is not copied: a table that is restored from its source topic
// (topology.ReuseSourceTopics) is restored as without standbys.
//
// The workers of a group should agree; while they do not, the highest number counts.
func Standbys(n int) Option { return option(func(c *runtime.Config) { c.Standbys = n }) }

// InstanceID makes the worker a static member of its group: if it stops and comes
// back within the session timeout, it has its tasks again without a rebalance.
func InstanceID(id string) Option { return option(func(c *runtime.Config) { c.InstanceID = id }) }

// SessionTimeout is after how long without a sign of life a worker's tasks are
// given to others, 45 s by default. The broker bounds it.
func SessionTimeout(d time.Duration) Option {
	return option(func(c *runtime.Config) { c.SessionTimeout = d })
}

// TransactionTimeout is after how long the broker aborts a transaction, 10 s by
// default: the longest time that a commit interval and the processing of a record
// may take together, and that others wait for a worker that died.
func TransactionTimeout(d time.Duration) Option {
	return option(func(c *runtime.Config) { c.TransactionTimeout = d })
}

// ShutdownTimeout is how long a worker may take to finish when it is told to end,
// 30 s by default.
func ShutdownTimeout(d time.Duration) Option {
	return option(func(c *runtime.Config) { c.ShutdownTimeout = d })
}

// ClientOptions are options for all Kafka clients of the worker, such as for TLS,
// SASL or hooks.
func ClientOptions(options ...kgo.Opt) Option {
	return option(func(c *runtime.Config) { c.Client = append(c.Client, options...) })
}

// Logger is where the worker logs, by default slog's default logger.
func Logger(l *slog.Logger) Option { return option(func(c *runtime.Config) { c.Logger = l }) }

// Health adds checks to the default ones, or takes the place of those with the same name.
func Health(checks ...health.Check) Option {
	return setting(func(s *settings) { s.checks = append(s.checks, checks...) })
}

// Admin serves health, status, queries, profiles and a dashboard over HTTP at this
// address, such as 127.0.0.1:9090. With only a port, or :port, it is reachable from this
// machine alone. Any other address needs admin.Token.
func Admin(addr string, options ...admin.Option) Option {
	return setting(func(s *settings) { s.admin = admin.NewConfig(addr, options...) })
}

// Tracing follows records through topics: spans of what is received and written go to
// this provider, whose sampler decides which. The headers traceparent and tracestate join
// them, over repartition topics too.
func Tracing(provider trace.TracerProvider) Option {
	return option(func(c *runtime.Config) { c.Tracing = provider })
}

// Event is something that happened in a worker.
type Event = runtime.Event

// The kinds of events.
const (
	TaskStarted  = runtime.TaskStarted
	TaskRestored = runtime.TaskRestored
	TaskStopped  = runtime.TaskStopped
	Committed    = runtime.Committed
	Aborted      = runtime.Aborted
)

// Observe has f called for every event of the worker, one at a time. It must
// return quickly.
func Observe(f func(Event)) Option { return option(func(c *runtime.Config) { c.Observe = f }) }

// Policy says what happens with a record that fails.
type Policy = task.Policy

// Fail ends the worker with the error: the default. The record stays uncommitted
// and is read again at the next start.
func Fail() Policy { return task.Fail() }

// Skip drops the record and logs why.
func Skip() Policy { return task.Skip() }

// DeadLetter writes the record as it was read, with its headers and some that say
// what happened (__streams.errors.*, as in Kafka Streams), to a topic and goes on.
// It is committed together with the record's offset.
func DeadLetter(topic string) Policy { return task.DeadLetter(topic) }

// Retry tries the record again up to this many times, after backoff, twice that
// and so on, and holds its task up meanwhile. When they are used up, then applies.
func Retry(attempts int, backoff time.Duration, then Policy) Policy {
	return task.Retry(attempts, backoff, then)
}

// OnDecodeError is the policy for keys, values and timestamps that cannot be read.
func OnDecodeError(p Policy) Option {
	return option(func(c *runtime.Config) { c.Policies.Decode = p })
}

// OnProcessError is the policy for errors and panics of callbacks and processors.
func OnProcessError(p Policy) Option {
	return option(func(c *runtime.Config) { c.Policies.Process = p })
}

// OnProduceError is the policy for results that cannot be encoded or are too large
// for their topic.
func OnProduceError(p Policy) Option {
	return option(func(c *runtime.Config) { c.Policies.Produce = p })
}

// OnError is the policy for all three stages.
func OnError(p Policy) Option {
	return option(func(c *runtime.Config) { c.Policies = task.Policies{Decode: p, Process: p, Produce: p} })
}
