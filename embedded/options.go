package embedded

import (
	"errors"
	"fmt"
	"regexp"
)

// Option configures a broker.
type Option interface{ apply(*config) }

type config struct {
	topics []topic
	folder string
	port   int
}

type topic struct {
	name       string
	partitions int32
}

type option func(*config)

func (o option) apply(c *config) { o(c) }

// Topic creates the topic with that many partitions if it is missing. A topic
// that is there already stays as it is, whatever its number of partitions.
func Topic(name string, partitions int32) Option {
	return option(func(c *config) { c.topics = append(c.topics, topic{name, partitions}) })
}

// Folder keeps topics, records and committed offsets in dir, which is created if
// it is missing. Without it they live in memory and end with the broker. They
// outlive a kill of the process, but not always a crash of the machine. One
// broker at a time uses a folder.
func Folder(dir string) Option {
	return option(func(c *config) { c.folder = dir })
}

// Port listens on that port of 127.0.0.1, from 1 to 65535. Without it, or with
// 0, the broker takes a free one.
func Port(n int) Option {
	return option(func(c *config) { c.port = n })
}

func newConfig(opts []Option) (config, error) {
	var c config
	for _, o := range opts {
		o.apply(&c)
	}
	return c, c.validate()
}

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// validate returns all faults of the configuration at once.
func (c config) validate() error {
	var faults []error
	if c.port < 0 || c.port > 65535 {
		faults = append(faults, fmt.Errorf("port %d is not between 0 and 65535", c.port))
	}
	partitions := make(map[string]int32, len(c.topics))
	for _, t := range c.topics {
		if !topicName.MatchString(t.name) || t.name == "." || t.name == ".." {
			faults = append(faults, fmt.Errorf("topic name %q: use 1 to 249 letters, digits, dots, underscores and hyphens", t.name))
		}
		if t.partitions < 1 {
			faults = append(faults, fmt.Errorf("topic %q: %d partitions, want at least 1", t.name, t.partitions))
		}
		if n, ok := partitions[t.name]; ok && n != t.partitions {
			faults = append(faults, fmt.Errorf("topic %q is asked for with %d and with %d partitions", t.name, n, t.partitions))
		}
		partitions[t.name] = t.partitions
	}
	if len(faults) > 0 {
		return fmt.Errorf("embedded: %w", errors.Join(faults...))
	}
	return nil
}
