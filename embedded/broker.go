package embedded

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
)

// Broker is a running Kafka broker in this process. Its methods are safe for
// concurrent use.
type Broker struct {
	cluster *kfake.Cluster
	addrs   []string
	lock    *os.File // nil without a folder
	faults  *faultLog

	close    sync.Once
	closeErr error
}

// Start starts a broker that listens on 127.0.0.1 and has the topics that the
// options ask for. The caller closes it.
func Start(opts ...Option) (*Broker, error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	b := &Broker{faults: new(faultLog)}
	if c.folder != "" {
		if b.lock, err = lockFolder(c.folder); err != nil {
			return nil, err
		}
	}
	if b.cluster, err = kfake.NewCluster(clusterOptions(c, b.faults)...); err != nil {
		b.unlock()
		return nil, fmt.Errorf("embedded: start (port %d, folder %q): %w", c.port, c.folder, err)
	}
	b.addrs = b.cluster.ListenAddrs()
	for _, t := range c.topics {
		err := b.cluster.CreateTopic(t.name, t.partitions, nil)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return nil, errors.Join(fmt.Errorf("embedded: create topic %q: %w", t.name, err), b.Close())
		}
	}
	return b, nil
}

func clusterOptions(c config, faults *faultLog) []kfake.Opt {
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.Ports(c.port),
		kfake.ClusterID("tidemill-embedded"),
		kfake.DefaultNumPartitions(1),
		kfake.WithLogger(faults),
	}
	if c.folder != "" {
		opts = append(opts, kfake.DataDir(c.folder))
	}
	return opts
}

// Addrs returns the addresses to give to Kafka clients, as host:port.
func (b *Broker) Addrs() []string { return append([]string(nil), b.addrs...) }

// Close stops the broker and, with a folder, writes down what is not there yet.
// An error says what could not be written. Further calls wait for the first and
// return the same.
func (b *Broker) Close() error {
	b.close.Do(func() {
		b.cluster.Close()
		b.unlock()
		b.closeErr = b.faults.err()
	})
	return b.closeErr
}

func (b *Broker) unlock() {
	if b.lock != nil {
		b.lock.Close() // closing releases the lock
	}
}

// maxFaults bounds what a broker remembers of a folder that keeps failing.
const maxFaults = 10

// faultLog keeps the errors that the broker can only log, such as a state file
// that it could not write.
type faultLog struct {
	mu   sync.Mutex
	errs []error
}

// Logf implements the broker's logger.
func (l *faultLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level != kfake.LogLevelError {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.errs) < maxFaults {
		l.errs = append(l.errs, fmt.Errorf("embedded: "+format, args...))
	}
}

func (l *faultLog) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.errs...)
}
