package upkeep

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/internal/scan"
	"github.com/tidemill/tidemill/topology"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a broker and a client of it.
type site struct {
	*Client
	t     *testing.T
	addrs []string
}

func newSite(t *testing.T, topics ...string) *site {
	t.Helper()
	var opts []embedded.Option
	for _, topic := range topics {
		opts = append(opts, embedded.Topic(topic, 2))
	}
	broker, err := embedded.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	c, err := Open(Brokers(broker.Addrs()...), ClientOptions(kgo.RecordPartitioner(kgo.ManualPartitioner())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	})
	return &site{c, t, broker.Addrs()}
}

func (s *site) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) produce(records ...*kgo.Record) {
	s.t.Helper()
	s.must(s.kafka.ProduceSync(s.t.Context(), records...).FirstErr())
}

// read returns what is committed in a topic, in the order of its partitions.
func (s *site) read(topic string) (all []*kgo.Record) {
	s.t.Helper()
	ranges, err := scan.Topic(s.t.Context(), s.kafka, topic)
	s.must(err)
	s.must(scan.Read(s.t.Context(), s.kafka, ranges, func(r *kgo.Record) error {
		all = append(all, r)
		return nil
	}))
	return all
}

// run runs an application while something is done.
func (s *site) run(b *topology.Builder, dir string, while func(), options ...tidemill.Option) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	ended := make(chan error, 1)
	options = append([]tidemill.Option{
		tidemill.Brokers(s.addrs...), tidemill.StateDir(dir), tidemill.CommitInterval(10 * time.Millisecond),
		tidemill.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}, options...)
	go func() { ended <- tidemill.Run(ctx, b, options...) }()
	defer func() {
		cancel()
		s.must(<-ended)
	}()
	while()
}

// await waits for a number of records in a topic.
func (s *site) await(topic string, n int) []*kgo.Record {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		if all := s.read(topic); len(all) >= n {
			return all
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("topic %q has %d records, want %d", topic, len(s.read(topic)), n)
		}
	}
}
