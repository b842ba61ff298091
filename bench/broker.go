package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/integration/kafkatest"
)

// broker is the cluster that is measured on.
type broker struct {
	addrs   []string
	version string
	stop    func() error
}

// startBroker takes the cluster of KAFKA_BROKERS, or starts a broker.
func startBroker(ctx context.Context, inProcess bool) (broker, error) {
	if inProcess {
		b, err := embedded.Start()
		if err != nil {
			return broker{}, err
		}
		return broker{addrs: b.Addrs(), version: "embedded broker (no figures to compare)", stop: b.Close}, nil
	}
	if os.Getenv(embedded.BrokersVariable) != "" {
		addrs, stop, err := embedded.Brokers(ctx)
		if err != nil {
			return broker{}, err
		}
		version, err := askVersion(ctx, addrs)
		return broker{addrs: addrs, version: version, stop: stop}, err
	}
	cluster, err := kafkatest.Start(ctx, kafkatest.Heap("1g"))
	if err != nil {
		return broker{}, fmt.Errorf("no broker: %w\nStart Docker, or name a cluster with %s=host:port, or use --embedded for a quick look", err, embedded.BrokersVariable)
	}
	return broker{addrs: cluster.Addrs(), version: strings.Replace(kafkatest.Image, ":", " ", 1), stop: cluster.Stop}, nil
}

// askVersion guesses the version of a cluster from what its brokers can do.
func askVersion(ctx context.Context, addrs []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addrs...))
	if err != nil {
		return "", err
	}
	defer cl.Close()
	versions, err := kadm.NewClient(cl).ApiVersions(ctx)
	if err != nil {
		return "", err
	}
	guess := "unknown version"
	versions.Each(func(v kadm.BrokerApiVersions) {
		if v.Err == nil {
			guess = "Kafka " + v.VersionGuess()
		}
	})
	return guess, nil
}
