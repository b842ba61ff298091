package pebble

import (
	"errors"
	"fmt"
	"log/slog"
)

// Option configures Open.
type Option interface{ apply(*config) }

type option func(*config)

func (o option) apply(c *config) { o(c) }

// CacheSize is the memory for blocks read from disk, in bytes: 32 MiB unless
// set. Larger makes reads of a state that does not fit in it faster.
func CacheSize(bytes int64) Option {
	return option(func(c *config) { c.cacheSize = bytes })
}

// WriteBufferSize is the size of one write buffer, in bytes: 16 MiB unless set,
// at least 256 KiB. Up to three exist at a time. Larger means fewer, larger
// writes to disk, and more to replay from the changelogs after a crash.
func WriteBufferSize(bytes int64) Option {
	return option(func(c *config) { c.writeBufferSize = bytes })
}

// MaxOpenFiles is about the number of files that are kept open: 500 unless set,
// at least 64.
func MaxOpenFiles(n int) Option {
	return option(func(c *config) { c.maxOpenFiles = n })
}

// Logger receives what happens inside the database: faults as warnings, the
// rest for debugging. It is slog.Default() unless set. Its handler must not use
// the backend.
func Logger(l *slog.Logger) Option {
	return option(func(c *config) { c.logger = l })
}

type config struct {
	cacheSize       int64
	writeBufferSize int64
	maxOpenFiles    int
	logger          *slog.Logger
	maxBatchSize    int // bytes; Pebble's own limit is 4 GiB, or 2 on 32-bit machines
}

const (
	minWriteBufferSize = 256 << 10
	maxWriteBufferSize = 2 << 30
	minOpenFiles       = 64
)

func newConfig(opts []Option) (config, error) {
	c := config{
		cacheSize:       32 << 20,
		writeBufferSize: 16 << 20,
		maxOpenFiles:    500,
		logger:          slog.Default(),
		maxBatchSize:    1 << 30,
	}
	for _, o := range opts {
		o.apply(&c)
	}
	return c, c.validate()
}

func (c config) validate() error {
	var faults []error
	if c.cacheSize < 0 {
		faults = append(faults, fmt.Errorf("CacheSize is %d bytes, less than 0", c.cacheSize))
	}
	if c.writeBufferSize < minWriteBufferSize || c.writeBufferSize > maxWriteBufferSize {
		faults = append(faults, fmt.Errorf("WriteBufferSize is %d bytes, not within %d and %d", c.writeBufferSize, minWriteBufferSize, maxWriteBufferSize))
	}
	if c.maxOpenFiles < minOpenFiles {
		faults = append(faults, fmt.Errorf("MaxOpenFiles is %d, less than %d", c.maxOpenFiles, minOpenFiles))
	}
	if c.logger == nil {
		faults = append(faults, errors.New("Logger is nil"))
	}
	return errors.Join(faults...)
}
