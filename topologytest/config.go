package topologytest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tidemill/tidemill/internal/task"
)

// Option is an option of New and Open. Those that a worker has too have the same
// names and meanings as in package tidemill.
type Option interface{ apply(*config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// config is what the options come to.
type config struct {
	start       int64
	partitions  int32
	counts      map[string]int32
	exactlyOnce bool
	// commit is how often to commit; 0 is after every record.
	commit     time.Duration
	checkpoint time.Duration
	cacheBytes int
	maxIdle    time.Duration
	policies   task.Policies
	workers    int
	faults     func(Moment) Fault
	random     *rand.Rand
}

// Time is a point in time: a time.Time, the time.Duration since the Unix epoch, or
// the milliseconds since then.
type Time interface {
	time.Time | time.Duration | int | int64
}

// millis is a time in milliseconds since the Unix epoch.
func millis[T Time](at T) int64 {
	switch at := any(at).(type) {
	case time.Time:
		return at.UnixMilli()
	case time.Duration:
		return at.Milliseconds()
	case int:
		return int64(at)
	default:
		return at.(int64)
	}
}

// StartAt is the wall clock at the start, by default the Unix epoch.
func StartAt[T Time](at T) Option {
	return option(func(c *config) { c.start = millis(at) })
}

// Partitions is how many partitions topics have, by default 1: the named ones, or
// with no name all others. A named topic exists, which a pattern needs.
func Partitions(n int32, topics ...string) Option {
	return option(func(c *config) {
		if len(topics) == 0 {
			c.partitions = n
		}
		for _, topic := range topics {
			c.counts[topic] = n
		}
	})
}

// ExactlyOnce shows outputs when they are committed, and drops them if their worker
// crashes before. Without it they are there at once and stay.
func ExactlyOnce() Option { return option(func(c *config) { c.exactlyOnce = true }) }

// CommitInterval commits when Advance has moved the clock so far, instead of after
// every record. CacheBytes comes to matter then.
func CommitInterval(d time.Duration) Option { return option(func(c *config) { c.commit = d }) }

// CheckpointInterval is how often the stores are written to a worker's local state,
// 10 s by default.
func CheckpointInterval(d time.Duration) Option {
	return option(func(c *config) { c.checkpoint = d })
}

// CacheBytes bounds the cache of each store, 0 by default: every update is logged
// and forwarded. With a cache it is only the last one of each key at every commit.
func CacheBytes(n int) Option { return option(func(c *config) { c.cacheBytes = n }) }

// MaxTaskIdle is how long a task that reads several partitions waits for one that is
// empty before it goes on with the others. The clock is the driver's: Advance ends
// the wait.
func MaxTaskIdle(d time.Duration) Option { return option(func(c *config) { c.maxIdle = d }) }

// Workers is how many workers the tasks are divided among at the start, by default 1.
func Workers(n int) Option { return option(func(c *config) { c.workers = n }) }

// Seed lets chance decide which task works next, where several could: each seed is
// another order, and always the same one. Without it, records are taken in the order
// in which they were written.
func Seed(seed uint64) Option {
	return option(func(c *config) { c.random = rand.New(rand.NewPCG(seed, 0)) })
}

// OnDecodeError is the policy for keys, values and timestamps that cannot be read,
// such as tidemill.Skip().
func OnDecodeError(p task.Policy) Option {
	return option(func(c *config) { c.policies.Decode = p })
}

// OnProcessError is the policy for errors and panics of callbacks and processors.
func OnProcessError(p task.Policy) Option {
	return option(func(c *config) { c.policies.Process = p })
}

// OnProduceError is the policy for results that cannot be encoded or are too large.
func OnProduceError(p task.Policy) Option {
	return option(func(c *config) { c.policies.Produce = p })
}

// OnError is the policy for all three stages.
func OnError(p task.Policy) Option {
	return option(func(c *config) { c.policies = task.Policies{Decode: p, Process: p, Produce: p} })
}

func configOf(options []Option) (config, error) {
	c := config{partitions: 1, counts: map[string]int32{}, checkpoint: 10 * time.Second, workers: 1}
	for _, o := range options {
		o.apply(&c)
	}
	return c, c.validate()
}

// validate reports everything that is wrong.
func (c *config) validate() error {
	var faults []error
	check := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf("topologytest: "+format, args...))
		}
	}
	check(c.partitions < 1, "Partitions is %d: give at least 1", c.partitions)
	for topic, n := range c.counts {
		check(n < 1, "Partitions of topic %q is %d: give at least 1", topic, n)
	}
	check(c.start < 0, "StartAt is %d ms before the Unix epoch: give a later time", -c.start)
	check(c.commit < 0, "CommitInterval is %v: give more than 0, or leave it out to commit after every record", c.commit)
	check(c.checkpoint <= 0, "CheckpointInterval is %v: give more than 0", c.checkpoint)
	check(c.cacheBytes < 0, "CacheBytes is %d: give 0 to turn caching off", c.cacheBytes)
	check(c.workers < 1, "Workers is %d: give at least 1", c.workers)
	for _, p := range []task.Policy{c.policies.Decode, c.policies.Process, c.policies.Produce} {
		check(p.Err() != nil, "error policy: %w", p.Err())
	}
	return errors.Join(faults...)
}
