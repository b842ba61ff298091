package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/connectors/ingest"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/record"
)

// script is a source that answers its calls as it is told to, and then waits.
type script struct {
	reads  []func() ([]connectors.Message, error)
	acks   []error
	acked  int
	closed bool
}

func (s *script) Read(ctx context.Context) ([]connectors.Message, error) {
	if len(s.reads) == 0 {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	next := s.reads[0]
	s.reads = s.reads[1:]
	return next()
}

func (s *script) Acknowledge(context.Context) (err error) {
	if len(s.acks) > 0 {
		err, s.acks = s.acks[0], s.acks[1:]
	}
	if err == nil {
		s.acked++
	}
	return err
}

func (s *script) Close() error { s.closed = true; return nil }

func says(values ...string) func() ([]connectors.Message, error) {
	return func() (out []connectors.Message, err error) {
		for _, v := range values {
			out = append(out, connectors.Message{Key: []byte("k"), Value: []byte(v), Time: time.UnixMilli(1000), Headers: record.Headers{{Key: "h", Value: []byte(v)}}})
		}
		return out, nil
	}
}

func fails(err error) func() ([]connectors.Message, error) {
	return func() ([]connectors.Message, error) { return nil, err }
}

func kafka(t *testing.T) *kgo.Client {
	t.Helper()
	broker, err := embedded.Start(embedded.Topic("in", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.ConsumeTopics("in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func TestMessagesBecomeRecordsAndAreAcknowledged(t *testing.T) {
	away := connectors.Unavailable(errors.New("away"))
	s := &script{reads: []func() ([]connectors.Message, error){says("1", "2"), fails(away), says(), says("3")}, acks: []error{nil, away}}
	client := kafka(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	running, stop := context.WithCancel(ctx)
	go func() { ended <- ingest.Run(running, client, "in", s) }()
	var got []string
	for len(got) < 3 && ctx.Err() == nil {
		for _, r := range client.PollFetches(ctx).Records() {
			got = append(got, fmt.Sprintf("%s=%s at %d with %s", r.Key, r.Value, r.Timestamp.UnixMilli(), r.Headers[0].Value))
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if want := "k=1 at 1000 with 1, k=2 at 1000 with 2, k=3 at 1000 with 3"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if s.acked < 2 || !s.closed {
		t.Errorf("%d reads were acknowledged, want 2 at least; closed: %v", s.acked, s.closed)
	}
}

func TestAFaultOfTheSourceEndsTheRun(t *testing.T) {
	fault := errors.New("a fault")
	for name, s := range map[string]*script{
		"of a read":             {reads: []func() ([]connectors.Message, error){fails(fault)}},
		"of an acknowledgement": {reads: []func() ([]connectors.Message, error){says("1")}, acks: []error{fault}},
	} {
		if err := ingest.Run(t.Context(), kafka(t), "in", s); !errors.Is(err, fault) || !s.closed {
			t.Errorf("%s: ended with %v, closed: %v", name, err, s.closed)
		}
	}
}

func TestWhatKafkaDoesNotTakeIsNotAcknowledged(t *testing.T) {
	s := &script{reads: []func() ([]connectors.Message, error){says(strings.Repeat("x", 3<<20))}}
	if err := ingest.Run(t.Context(), kafka(t), "in", s); err == nil || !strings.Contains(err.Error(), `topic "in"`) || s.acked != 0 {
		t.Errorf("ended with %v and %d acknowledged, want an error and none", err, s.acked)
	}
}
