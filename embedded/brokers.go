package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BrokersVariable is the environment variable that names the brokers of a
// cluster as host:port, separated by commas.
const BrokersVariable = "KAFKA_BROKERS"

// clusterTimeout bounds how long Brokers tries to reach a cluster.
const clusterTimeout = 15 * time.Second

// Brokers returns the addresses of the cluster that KAFKA_BROKERS names, or, if
// it is unset or empty, those of an embedded broker that it starts. Either has
// the topics that the options ask for: those that a cluster lacks are created
// there with its default replication. Folder and Port say nothing about a
// cluster. Call stop when the program is done with the broker; for a cluster it
// does nothing. A cluster that does not answer is given up after 15 seconds.
func Brokers(ctx context.Context, opts ...Option) (addrs []string, stop func() error, err error) {
	c, err := newConfig(opts)
	if err != nil {
		return nil, nil, err
	}
	named := os.Getenv(BrokersVariable)
	if named == "" {
		b, err := Start(opts...)
		if err != nil {
			return nil, nil, err
		}
		return b.Addrs(), b.Close, nil
	}
	for addr := range strings.SplitSeq(named, ",") {
		if addr = strings.TrimSpace(addr); addr != "" {
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) == 0 {
		return nil, nil, fmt.Errorf("embedded: %s=%q names no broker; use host:port,host:port, or unset it for an embedded broker", BrokersVariable, named)
	}
	if err := createTopics(ctx, addrs, c.topics); err != nil {
		return nil, nil, fmt.Errorf("embedded: cluster %s=%q: %w", BrokersVariable, named, err)
	}
	return addrs, func() error { return nil }, nil
}

// createTopics creates the topics that the cluster lacks.
func createTopics(ctx context.Context, addrs []string, topics []topic) error {
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Ping(ctx); err != nil {
		return fmt.Errorf("no broker answers (is the cluster up, and does it take plain connections?): %w", err)
	}
	admin := kadm.NewClient(client)
	for _, t := range topics {
		_, err := admin.CreateTopic(ctx, t.partitions, -1, nil, t.name)
		if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("create topic %q: %w", t.name, err)
		}
	}
	return nil
}
