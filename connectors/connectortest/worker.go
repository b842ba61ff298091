package connectortest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/connectors"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/record"
	"github.com/tidemill/tidemill/topology"
)

// batchItems is small, so that there are many batches.
const batchItems = 50

// RunWorker checks a target behind a whole worker on the embedded broker, at least once
// and exactly once: order, restarts, dead letters with a reason, records that do not wait
// for a commit, and a target that goes away, which holds the worker up and loses nothing.
// open makes a new, empty one for each
// test.
func RunWorker[T any](t *testing.T, open func(*testing.T) Subject[T]) {
	for _, guarantee := range []struct {
		name    string
		options []tidemill.Option
	}{
		{"at least once", []tidemill.Option{tidemill.CommitInterval(50 * time.Millisecond)}},
		{"exactly once", []tidemill.Option{tidemill.ExactlyOnce()}},
	} {
		for _, test := range []struct {
			name string
			run  func(*flow[T])
		}{
			{"records of a key arrive in order", (*flow[T]).order},
			{"workers that come and go repeat nothing", (*flow[T]).restart},
			{"a refused record is a dead letter with the reason", (*flow[T]).poison},
			{"a record does not wait for the commit", (*flow[T]).prompt},
			{"a target that is away holds the worker up", (*flow[T]).outage},
		} {
			t.Run(guarantee.name+": "+test.name, func(t *testing.T) { test.run(newFlow(t, open(t), guarantee.options)) })
		}
	}
}

// flow is a topology from the topic in to a target.
type flow[T any] struct {
	*kit[T]
	options []tidemill.Option
	brokers []string
	client  *kgo.Client
	// taken counts the records that became items.
	taken atomic.Int64
}

func newFlow[T any](t *testing.T, s Subject[T], options []tidemill.Option) *flow[T] {
	broker, err := embedded.Start(embedded.Topic("in", 2), embedded.Topic("dead", 1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.DefaultProduceTopic("in"), kgo.ConsumeTopics("dead"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return &flow[T]{kit: &kit[T]{T: t, Subject: s}, options: options, brokers: broker.Addrs(), client: client}
}

// item is what a value stands for: a number with a sign is added, ! is poison.
func (f *flow[T]) item(r record.Record[string, string]) (item T, ok bool, err error) {
	f.taken.Add(1)
	n, err := strconv.Atoi(r.Value)
	switch {
	case r.Tombstone:
		return f.Delete(r.Key), true, nil
	case r.Value == "!":
		return f.Poison(), true, nil
	case strings.HasPrefix(r.Value, "+") && err == nil:
		return f.Add(r.Key, n), true, nil
	}
	return f.Put(r.Key, r.Value), true, nil
}

// work starts a worker. stop ends it in good order.
func (f *flow[T]) work() (stop func()) {
	b := topology.New("kit")
	b.Stream[string, string]("in").Sink(connectors.To("kit", f.Target, f.item, connectors.BatchItems(batchItems)))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	options := append([]tidemill.Option{
		tidemill.Brokers(f.brokers...), tidemill.InMemory(), tidemill.StateDir(f.TempDir()),
		tidemill.Logger(slog.New(slog.NewTextHandler(io.Discard, nil))), tidemill.OnProcessError(tidemill.DeadLetter("dead")),
	}, f.options...)
	go func() { ended <- tidemill.Run(ctx, b, options...) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			f.Errorf("the worker ended: %v", err)
		}
	}
	f.Cleanup(stop)
	return stop
}

// produce writes values to the topic, keyed by k0 to k4.
func (f *flow[T]) produce(values ...string) {
	f.Helper()
	var records []*kgo.Record
	for i, v := range values {
		records = append(records, &kgo.Record{Key: fmt.Appendf(nil, "k%d", i%5), Value: []byte(v)})
	}
	if err := f.client.ProduceSync(f.Context(), records...).FirstErr(); err != nil {
		f.Fatal(err)
	}
}

func (f *flow[T]) await(what string, done func() bool) {
	f.Helper()
	tick, end := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			f.Fatalf("waited in vain: %s", what)
		}
	}
}

// total is the sum of all keys.
func (f *flow[T]) total() (n int) {
	for i := range 5 {
		n += f.Sum("k" + strconv.Itoa(i))
	}
	return n
}

func (f *flow[T]) order() {
	f.work()
	var values []string
	for i := range 1000 {
		values = append(values, "v"+strconv.Itoa(i))
	}
	f.produce(values...)
	f.await("the last values are there", func() bool {
		for i := 995; i < 1000; i++ {
			if got, _ := f.Get("k" + strconv.Itoa(i%5)); got != "v"+strconv.Itoa(i) {
				return false
			}
		}
		return true
	})
}

func (f *flow[T]) restart() {
	const times, each = 4, 300
	for range times {
		stop := f.work()
		taken := f.taken.Load()
		f.produce(repeat("+1", each)...)
		f.await("some are taken", func() bool { return f.taken.Load() > taken })
		stop()
	}
	f.work()
	f.await("all are added", func() bool { return f.total() >= times*each })
	f.produce("done")
	f.await("the end is there", func() bool { got, _ := f.Get("k0"); return got == "done" })
	rest := 0
	for i := 1; i < 5; i++ {
		rest += f.Sum("k" + strconv.Itoa(i))
	}
	if want := times * each * 4 / 5; rest != want {
		f.Errorf("%d were added to four of five keys, want %d", rest, want)
	}
}

func (f *flow[T]) poison() {
	f.work()
	f.produce("+1", "+1", "!", "+1", "+1", "+1")
	f.await("the others are added", func() bool { return f.total() == 5 })
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	letters := f.client.PollFetches(ctx).Records()
	if len(letters) != 1 || string(letters[0].Value) != "!" {
		f.Fatalf("%d dead letters %v, want the poison", len(letters), letters)
	}
	for _, h := range letters[0].Headers {
		if h.Key == "__streams.errors.message" && len(h.Value) > 0 {
			f.Logf("the reason: %s", h.Value)
			return
		}
	}
	f.Errorf("the headers %v give no reason", letters[0].Headers)
}

// prompt has few records come in while no commit is near.
func (f *flow[T]) prompt() {
	f.options = append(f.options, tidemill.CommitInterval(2*patience), tidemill.TransactionTimeout(4*patience))
	f.work()
	for n := range 3 {
		f.produce(repeat("+1", 5)...)
		f.await("what has come is added", func() bool { return f.total() == 5*(n+1) })
	}
}

// outage has the target go away while records come in. Each of the two tasks takes one
// batch that waits to be written and another one, and no more.
func (f *flow[T]) outage() {
	if f.Interrupt == nil {
		f.Fatal("the subject has no Interrupt")
	}
	f.work()
	f.produce(repeat("+1", 200)...)
	f.await("the first are added", func() bool { return f.total() == 200 })
	before := f.taken.Load()
	restore := f.Interrupt()
	const more = 5000
	f.produce(repeat("+1", more)...)
	most, last := before, time.Now()
	f.await("no more records are taken", func() bool {
		if now := f.taken.Load(); now != most {
			most, last = now, time.Now()
		}
		return time.Since(last) > time.Second
	})
	if ahead := most - before; ahead == 0 || ahead > 2*2*(batchItems+1) {
		f.Errorf("%d records were taken while the target was away, want at most %d", ahead, 2*2*batchItems)
	}
	restore()
	f.await("all are added", func() bool { return f.total() >= 200+more })
	if n := f.total(); n != 200+more {
		f.Errorf("%d were added, want %d", n, 200+more)
	}
}

func repeat(value string, n int) (out []string) {
	for range n {
		out = append(out, value)
	}
	return out
}
