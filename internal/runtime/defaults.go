package runtime

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/tidemill/tidemill/internal/task"
)

// ExactlyOnceInterval is the default commit interval under exactly-once.
const ExactlyOnceInterval = 100 * time.Millisecond

// Default returns the configuration of a worker without options.
func Default() Config {
	return Config{
		StateDir:           defaultStateDir(),
		Lanes:              runtime.GOMAXPROCS(0),
		CommitInterval:     time.Second,
		CheckpointInterval: 10 * time.Second,
		PurgeInterval:      30 * time.Second,
		BufferedBytes:      8 << 20,
		CacheBytes:         32 << 20,
		ReplicationFactor:  -1,
		SessionTimeout:     45 * time.Second,
		TransactionTimeout: 10 * time.Second,
		ShutdownTimeout:    30 * time.Second,
		Logger:             slog.Default(),
	}
}

func defaultStateDir() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	return filepath.Join(dir, "tidemill")
}

// Validate reports everything that is wrong with a configuration.
func Validate(c Config) error {
	var faults []error
	check := func(wrong bool, format string, args ...any) {
		if wrong {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(len(c.Brokers) == 0 && len(c.Client) == 0, "no brokers: give their addresses with Brokers")
	check(c.Lanes < 1, "Parallelism is %d: give at least 1", c.Lanes)
	check(c.CommitInterval <= 0, "CommitInterval is %v: give more than 0", c.CommitInterval)
	check(c.CheckpointInterval <= 0, "CheckpointInterval is %v: give more than 0", c.CheckpointInterval)
	check(c.CacheBytes < 0, "CacheBytes is %d: give 0 to turn caching off", c.CacheBytes)
	check(c.BufferedBytes < 1, "BufferedBytes is %d: give at least 1", c.BufferedBytes)
	check(c.ReplicationFactor == 0 || c.ReplicationFactor < -1, "ReplicationFactor is %d: give at least 1, or -1 for the broker's default", c.ReplicationFactor)
	check(c.Standbys < 0, "Standbys is %d: give 0 for none", c.Standbys)
	check(c.StateDir == "" && !c.InMemory, "StateDir is empty: name a folder, or use InMemory")
	check(c.SessionTimeout <= 0, "SessionTimeout is %v: give more than 0", c.SessionTimeout)
	check(c.ShutdownTimeout <= 0, "ShutdownTimeout is %v: give more than 0", c.ShutdownTimeout)
	check(c.ExactlyOnce && c.TransactionTimeout <= c.CommitInterval, "TransactionTimeout is %v and CommitInterval %v: every transaction would be aborted; make the timeout longer", c.TransactionTimeout, c.CommitInterval)
	check(c.Logger == nil, "Logger is nil: leave the option out for the default")
	for _, one := range []struct {
		name   string
		policy task.Policy
	}{{"OnDecodeError", c.Policies.Decode}, {"OnProcessError", c.Policies.Process}, {"OnProduceError", c.Policies.Produce}} {
		if err := one.policy.Err(); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", one.name, err))
		}
	}
	return errors.Join(faults...)
}
