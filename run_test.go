package tidemill_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/embedded"
	"github.com/tidemill/tidemill/topology"
)

// bench is a broker with the topics of a test, and the workers on it.
type bench struct {
	t      *testing.T
	ctx    context.Context
	addrs  []string
	client *kgo.Client
}

func newBench(t *testing.T, partitions int32, topics ...string) *bench {
	t.Helper()
	var options []embedded.Option
	for _, topic := range topics {
		options = append(options, embedded.Topic(topic, partitions))
	}
	broker, err := embedded.Start(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	client, err := kgo.NewClient(kgo.SeedBrokers(broker.Addrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return &bench{t: t, ctx: ctx, addrs: broker.Addrs(), client: client}
}

func (b *bench) produce(records ...*kgo.Record) {
	b.t.Helper()
	if err := b.client.ProduceSync(b.ctx, records...).FirstErr(); err != nil {
		b.t.Fatal(err)
	}
}

// worker runs a topology until stop is called, which returns what Run returned.
func (b *bench) worker(build func() *topology.Builder, options ...tidemill.Option) (stop func() error, ended <-chan struct{}) {
	ctx, cancel := context.WithCancel(b.ctx)
	done := make(chan struct{})
	var err error
	quiet := slog.New(slog.NewTextHandler(b.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	all := []tidemill.Option{
		tidemill.Brokers(b.addrs...), tidemill.StateDir(b.t.TempDir()), tidemill.Logger(quiet),
		tidemill.CommitInterval(20 * time.Millisecond),
	}
	go func() {
		defer close(done)
		err = tidemill.Run(ctx, build(), append(all, options...)...)
	}()
	b.t.Cleanup(func() { cancel(); <-done })
	return func() error { cancel(); <-done; return err }, done
}

// follow reads the committed records of a topic until enough returns true.
func (b *bench) follow(topic string, enough func(*kgo.Record) bool) {
	b.t.Helper()
	reader, err := kgo.NewClient(kgo.SeedBrokers(b.addrs...), kgo.ConsumeTopics(topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		b.t.Fatal(err)
	}
	defer reader.Close()
	for done := false; !done; {
		fetches := reader.PollFetches(b.ctx)
		if b.ctx.Err() != nil {
			b.t.Fatal("the expected records did not come")
		}
		fetches.EachRecord(func(r *kgo.Record) { done = done || enough(r) })
	}
}

func counting() *topology.Builder {
	b := topology.New("counting")
	b.Stream[string, string]("in").
		GroupBy(func(_, v string) string { return v }).
		Count(topology.StoreName("counts")).
		ToStream().
		To("out")
	return b
}

// counted waits until the counts in out are as wanted, and fails if one of them
// is ever too high.
func (b *bench) counted(want map[string]int64) {
	b.t.Helper()
	have := map[string]int64{}
	b.follow("out", func(r *kgo.Record) bool {
		n := int64(binary.BigEndian.Uint64(r.Value))
		if n > want[string(r.Key)] {
			b.t.Fatalf("count of %s is %d, want %d", r.Key, n, want[string(r.Key)])
		}
		have[string(r.Key)] = n
		return maps.Equal(have, want)
	})
}

// words produces n words and adds them to the counts.
func (b *bench) words(n int, want map[string]int64) {
	b.t.Helper()
	var records []*kgo.Record
	for i := range n {
		word := fmt.Sprintf("word%d", rand.IntN(40))
		want[word]++
		records = append(records, &kgo.Record{Topic: "in", Key: []byte(fmt.Sprint(i)), Value: []byte(word)})
	}
	b.produce(records...)
}

func TestWorkersThatComeAndGoCountEachRecordOnce(t *testing.T) {
	b := newBench(t, 4, "in", "out")
	want := map[string]int64{}
	first, _ := b.worker(counting, tidemill.ExactlyOnce(), tidemill.CommitInterval(20*time.Millisecond))
	b.words(3000, want)
	b.counted(want)
	b.worker(counting, tidemill.ExactlyOnce(), tidemill.CommitInterval(20*time.Millisecond))
	b.words(3000, want)
	if err := first(); err != nil {
		t.Errorf("the worker that was stopped ended with %v", err)
	}
	b.words(3000, want)
	b.counted(want)
}

func TestAtLeastOnceLosesNothingWhenAWorkerIsRestarted(t *testing.T) {
	b := newBench(t, 3, "in", "out")
	want := map[string]int64{}
	for range 3 {
		stop, _ := b.worker(counting)
		b.words(1000, want)
		b.counted(want)
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// instance is the id of the worker that keeps its state in dir.
func instance(t *testing.T, dir, application string) string {
	t.Helper()
	id, err := os.ReadFile(filepath.Join(dir, application, "0", "instance"))
	if err != nil {
		t.Fatal(err)
	}
	return string(id)
}

// fence takes its transactional id from a worker.
func (b *bench) fence(application, instance string) {
	id := application + "-" + instance
	fence := kmsg.NewPtrInitProducerIDRequest()
	fence.TransactionalID, fence.TransactionTimeoutMillis = &id, 10000
	if _, err := fence.RequestWith(b.ctx, b.client); err != nil {
		b.t.Error(err)
	}
}

func TestAFencedWorkerGoesBackToWhatIsCommitted(t *testing.T) {
	b := newBench(t, 2, "in", "out")
	dir := t.TempDir()
	var mu sync.Mutex
	aborted := make(chan struct{})
	observe := func(e tidemill.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Kind == tidemill.Aborted {
			select {
			case <-aborted:
			default:
				close(aborted)
			}
		}
	}
	want := map[string]int64{}
	b.worker(counting, tidemill.ExactlyOnce(), tidemill.StateDir(dir), tidemill.Observe(observe))
	b.words(500, want)
	b.counted(want)
	b.fence("counting", instance(t, dir, "counting"))
	b.words(500, want)
	select {
	case <-aborted:
	case <-b.ctx.Done():
		t.Fatal("the worker did not notice that it was fenced")
	}
	b.words(500, want)
	b.counted(want)
}

func TestAFailingRecordEndsTheWorkerAndIsNamed(t *testing.T) {
	b := newBench(t, 1, "in", "out")
	build := func() *topology.Builder {
		bld := topology.New("failing")
		bld.Stream[string, string]("in").MapValues(func(v string) string {
			if v == "bad" {
				panic("no")
			}
			return v
		}).To("out")
		return bld
	}
	stop, ended := b.worker(build)
	b.produce(&kgo.Record{Topic: "in", Value: []byte("good")}, &kgo.Record{Topic: "in", Value: []byte("bad")})
	<-ended
	var failed *tidemill.RecordError
	if err := stop(); !errors.As(err, &failed) {
		t.Fatalf("Run returned %v, want a RecordError", err)
	}
	if failed.Topic != "in" || failed.Partition != 0 || failed.Offset != 1 || failed.Stage != "process" {
		t.Errorf("the error names %+v", failed.Metadata)
	}
}

func TestADeadLetterIsTheRecordAsItWasAndSaysWhatHappened(t *testing.T) {
	b := newBench(t, 1, "in", "out", "dead")
	build := func() *topology.Builder {
		bld := topology.New("lettering")
		bld.Stream[string, int64]("in").To("out")
		return bld
	}
	b.worker(build, tidemill.ExactlyOnce(), tidemill.OnError(tidemill.DeadLetter("dead")))
	b.produce(
		&kgo.Record{Topic: "in", Key: []byte("k"), Value: []byte("not a number"), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}},
		&kgo.Record{Topic: "in", Key: []byte("k"), Value: binary.BigEndian.AppendUint64(nil, 7)},
	)
	b.follow("out", func(r *kgo.Record) bool { return binary.BigEndian.Uint64(r.Value) == 7 })
	b.follow("dead", func(r *kgo.Record) bool {
		headers := map[string]string{}
		for _, h := range r.Headers {
			headers[h.Key] = string(h.Value)
		}
		if string(r.Key) != "k" || string(r.Value) != "not a number" || headers["h"] != "x" {
			t.Errorf("the dead letter is %q: %q with %v", r.Key, r.Value, headers)
		}
		if headers["__streams.errors.topic"] != "in" || headers["__streams.errors.offset"] != "0" || !strings.Contains(headers["__streams.errors.message"], "want 8 bytes") {
			t.Errorf("the headers say %v", headers)
		}
		return true
	})
}

func TestWhatIsMissingIsSaidAtTheStart(t *testing.T) {
	b := newBench(t, 1, "in")
	build := func() *topology.Builder {
		bld := topology.New("missing")
		bld.Stream[string, string]("in").To("out")
		return bld
	}
	stop, ended := b.worker(build)
	<-ended
	if err := stop(); err == nil || !strings.Contains(err.Error(), `sink topic "out" does not exist`) {
		t.Errorf("Run returned %v", err)
	}
}
