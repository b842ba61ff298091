//go:build integration

package kafkatest_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/embedded/brokertest"
	"github.com/tidemill/tidemill/integration/kafkatest"
)

func TestMain(m *testing.M) { kafkatest.Main(m) }

// The same checks run on the embedded broker, in package embedded.
func TestKafkaDoesWhatExactlyOnceNeeds(t *testing.T) {
	brokertest.Run(t, kafkatest.Run(t).Addrs())
}

func TestAPausedBrokerDoesNotAnswerUntilItGoesOn(t *testing.T) {
	cluster, err := kafkatest.Start(t.Context(), kafkatest.Setting("num.partitions", "3"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	cl, err := kgo.NewClient(kgo.SeedBrokers(cluster.Addrs()...))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ping := func(patience time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return cl.Ping(ctx)
	}
	if err := cluster.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := ping(300 * time.Millisecond); err == nil {
		t.Error("a paused broker answered")
	}
	if err := cluster.Unpause(); err != nil {
		t.Fatal(err)
	}
	if err := ping(30 * time.Second); err != nil {
		t.Errorf("the broker does not answer after the pause: %v", err)
	}
}

func TestKafkaDiffersFromTheEmbeddedBrokerAsDocumented(t *testing.T) {
	addrs := kafkatest.Run(t).Addrs()
	for _, d := range brokertest.Differences() {
		t.Run(d.Name, func(t *testing.T) {
			if found := d.Find(t, addrs); found != d.Kafka {
				t.Errorf("found %q, want %q", found, d.Kafka)
			}
		})
	}
}
