package request_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/events"
	"github.com/tidemill/tidemill/events/request"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service answers requests by hand, so that a test decides what happens.
type service struct {
	t      *testing.T
	broker *embedded.Broker
	kafka  *kgo.Client
}

func newService(t *testing.T) *service {
	t.Helper()
	broker, err := embedded.Start(embedded.Topic("lookups", 2), embedded.Topic("replies", 3))
	if err != nil {
		t.Fatal(err)
	}
	kafka, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.ConsumeTopics("lookups"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kafka.Close()
		_ = broker.Close()
	})
	return &service{t, broker, kafka}
}

func (s *service) open() *request.Client {
	s.t.Helper()
	c, err := request.Open(s.t.Context(), "replies", request.Brokers(s.broker.Addrs()...))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.Close)
	return c
}

// next waits for n requests.
func (s *service) next(n int) (out []*kgo.Record) {
	s.t.Helper()
	for len(out) < n {
		fetches := s.kafka.PollRecords(s.t.Context(), n-len(out))
		if err := fetches.Err(); err != nil {
			s.t.Fatal(err)
		}
		out = append(out, fetches.Records()...)
	}
	return out
}

func get(r *kgo.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func (s *service) reply(to *kgo.Record, status, value string) {
	s.t.Helper()
	var partition int32
	_, _ = fmt.Sscan(get(to, events.HeaderReplyPartition), &partition)
	err := s.kafka.ProduceSync(s.t.Context(), &kgo.Record{
		Topic: get(to, events.HeaderReplyTo), Partition: partition, Value: []byte(value),
		Headers: []kgo.RecordHeader{{Key: events.HeaderRequest, Value: []byte(get(to, events.HeaderRequest))}, {Key: events.HeaderReply, Value: []byte(status)}},
	}).FirstErr()
	if err != nil {
		s.t.Fatal(err)
	}
}

// until waits for counts.
func until(t *testing.T, c *request.Client, done func(request.Stats) bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(c.Stats()); {
		if time.Now().After(deadline) {
			t.Fatalf("the counts are %+v", c.Stats())
		}
		<-time.After(5 * time.Millisecond)
	}
}

func TestEachInstanceGetsItsOwnReplies(t *testing.T) {
	s := newService(t)
	var wg sync.WaitGroup
	const each = 50
	for instance := range 4 {
		c := s.open()
		for n := range each {
			wg.Go(func() {
				text := fmt.Sprintf("%d-%d", instance, n)
				got, err := c.Request[string, string](t.Context(), "lookups", text, 20*time.Second)
				if err != nil || got != "re: "+text {
					t.Errorf("request %s: got %q, %v", text, got, err)
				}
			})
		}
	}
	all := s.next(4 * each)
	for i := range all { // in another order than they came
		r := all[len(all)-1-i]
		s.reply(r, events.ReplyOK, `"re: `+strings.Trim(string(r.Value), `"`)+`"`)
	}
	wg.Wait()
}

func TestEveryRequestHasOneOutcome(t *testing.T) {
	s := newService(t)
	c := s.open()
	ask := func(ctx context.Context, timeout time.Duration, call request.Call) <-chan error {
		ended := make(chan error, 1)
		go func() {
			_, err := c.Do[string, int](ctx, "lookups", "x", timeout, call)
			ended <- err
		}()
		return ended
	}
	failing := ask(t.Context(), time.Minute, request.Call{ID: "mine", Key: "k", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"})
	r := s.next(1)[0]
	if string(r.Key) != "k" || get(r, "traceparent") == "" {
		t.Errorf("the request is %+v", r)
	}
	if err := <-ask(t.Context(), time.Minute, request.Call{ID: "mine"}); err == nil || !strings.Contains(err.Error(), "waits for its reply already") {
		t.Errorf("a second request with the same id got %v", err)
	}
	s.reply(r, events.ReplyError, "no such address")
	s.reply(r, events.ReplyOK, "1")
	var said *request.ReplyError
	if err := <-failing; !errors.As(err, &said) || said.Message != "no such address" {
		t.Errorf("got %v", err)
	}
	until(t, c, func(s request.Stats) bool { return s.Duplicate == 1 })

	slow := ask(t.Context(), 50*time.Millisecond, request.Call{})
	if err := <-slow; !errors.Is(err, request.ErrTimeout) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	given := ask(ctx, time.Minute, request.Call{})
	two := s.next(2)
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, r := range two {
		s.reply(r, events.ReplyOK, "1")
	}
	until(t, c, func(s request.Stats) bool { return s.Late == 2 })

	odd := ask(t.Context(), time.Minute, request.Call{})
	s.reply(s.next(1)[0], events.ReplyOK, `"text"`)
	if err := <-odd; err == nil || !strings.Contains(err.Error(), "the reply: decode JSON") {
		t.Errorf("got %v", err)
	}
	last := ask(t.Context(), time.Minute, request.Call{})
	s.next(1)
	c.Close()
	if err := <-last; !errors.Is(err, request.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if err := <-ask(t.Context(), time.Minute, request.Call{}); !errors.Is(err, request.ErrClosed) {
		t.Errorf("a closed client says %v", err)
	}
	if got, want := c.Stats(), (request.Stats{Sent: 5, Answered: 2, TimedOut: 1, Cancelled: 1, Late: 2, Duplicate: 1}); got != want {
		t.Errorf("the counts are %+v, want %+v", got, want)
	}
}

func TestAClientNeedsItsTopicAndACluster(t *testing.T) {
	s := newService(t)
	if _, err := request.Open(t.Context(), "nothing", request.Brokers(s.broker.Addrs()...)); err == nil || !strings.Contains(err.Error(), `topic "nothing"`) {
		t.Errorf("got %v", err)
	}
	if _, err := request.Open(t.Context(), "replies", request.ClientOptions(kgo.SeedBrokers())); err == nil {
		t.Error("a client without brokers was opened")
	}
	if _, err := s.open().Request[chan int, int](t.Context(), "lookups", nil, time.Second); err == nil {
		t.Error("a payload that cannot be encoded was sent")
	}
}
