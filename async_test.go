package tidemill_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
)

// enriching writes what call returns for each record of in to out.
func enriching(call func(ctx context.Context, key, value string) (string, error), options ...topology.AsyncOption) func() *topology.Builder {
	return func() *topology.Builder {
		b := topology.New("enriching")
		b.Stream[string, string]("in").Async(call, options...).To("out")
		return b
	}
}

// numbered produces n records of some keys, whose values are numbers from from on.
func (b *bench) numbered(from, n, keys int) {
	b.t.Helper()
	var records []*kgo.Record
	for i := from; i < from+n; i++ {
		records = append(records, &kgo.Record{Topic: "in", Key: fmt.Appendf(nil, "key%d", i%keys), Value: fmt.Append(nil, i)})
	}
	b.produce(records...)
}

// inOrder waits until all of n numbered records are in out, and fails if one is there
// twice, or before another of its key that it came after.
func (b *bench) inOrder(n int) {
	b.t.Helper()
	last, seen := map[string]int{}, map[int]bool{}
	b.follow("out", func(r *kgo.Record) bool {
		at, _ := strconv.Atoi(string(r.Value))
		if before, ok := last[string(r.Key)]; ok && before >= at {
			b.t.Fatalf("%s has %d after %d", r.Key, at, before)
		}
		last[string(r.Key)], seen[at] = at, true
		return len(seen) == n
	})
}

// committed is the committed offset of partition 0 of in, or -1.
func (b *bench) committed(group string) int64 {
	b.t.Helper()
	offsets, err := kadm.NewClient(b.client).FetchOffsets(b.ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		return -1 // there is no group before its first member
	}
	if err != nil {
		b.t.Fatal(err)
	}
	at, ok := offsets.Lookup("in", 0)
	if !ok {
		return -1
	}
	return at.At
}

// until waits for a condition.
func (b *bench) until(what string, is func() bool) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// answer waits as a call to a service does.
func answer(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// took measures how long a worker takes to write all of n records.
func (b *bench) took(n int, build func() *topology.Builder, options ...tidemill.Option) time.Duration {
	b.t.Helper()
	b.numbered(0, n, n)
	began := time.Now()
	stop, _ := b.worker(build, options...)
	b.follow("out", func(*kgo.Record) bool { n--; return n == 0 })
	took := time.Since(began)
	if err := stop(); err != nil {
		b.t.Fatal(err)
	}
	return took
}

func TestAsyncReachesTwentyTimesTheThroughputOfMapValues(t *testing.T) {
	const call = 5 * time.Millisecond
	const fewer, more = 400, 40 * 400
	options := []tidemill.Option{tidemill.ExactlyOnce(), tidemill.CommitInterval(100 * time.Millisecond)}
	slow := func() *topology.Builder {
		b := topology.New("mapping")
		b.Stream[string, string]("in").MapValues(func(value string) string {
			_ = answer(context.Background(), call)
			return value
		}).To("out")
		return b
	}
	fast := enriching(func(ctx context.Context, _, value string) (string, error) { return value, answer(ctx, call) })
	for range 3 { // what else runs on the machine may spoil one try
		plain := newBench(t, 4, "in", "out").took(fewer, slow, options...)
		async := newBench(t, 4, "in", "out").took(more, fast, options...)
		before, after := fewer/plain.Seconds(), more/async.Seconds()
		t.Logf("MapValues: %d records in %v, %.0f/s; Async: %d records in %v, %.0f/s; ratio %.1f", fewer, plain, before, more, async, after, after/before)
		if after >= 20*before || racing {
			return
		}
	}
	t.Error("Async is less than 20 times as fast in each of three tries")
}

func TestCallsAreInOrderAndOnceWhileWorkersComeAndGo(t *testing.T) {
	b := newBench(t, 4, "in", "out")
	var mu sync.Mutex
	calls, failures := map[string]int{}, 0
	build := enriching(func(ctx context.Context, _, value string) (string, error) {
		err := answer(ctx, time.Duration(rand.Int64N(int64(10*time.Millisecond))))
		mu.Lock()
		defer mu.Unlock()
		if calls[value]++; err == nil && rand.IntN(20) == 0 {
			failures++
			err = errors.New("busy")
		}
		return value, err
	}, topology.Concurrency(16), topology.CallTimeout(500*time.Millisecond), topology.CallRetries(10, time.Millisecond))
	b.numbered(0, 2000, 50)
	first, _ := b.worker(build, tidemill.ExactlyOnce())
	b.inOrder(1000)
	b.worker(build, tidemill.ExactlyOnce())
	b.numbered(2000, 2000, 50)
	b.inOrder(2500)
	if err := first(); err != nil {
		t.Errorf("the worker that was stopped ended with %v", err)
	}
	b.numbered(4000, 1000, 50)
	b.inOrder(5000)
	mu.Lock()
	defer mu.Unlock()
	total := 0
	for _, n := range calls {
		total += n
	}
	// Tasks are given away with all of their calls finished, so none is repeated.
	if total != 5000+failures {
		t.Errorf("%d calls were made, want one for each of 5000 records and for each of %d failures", total, failures)
	}
}

func TestABlockedCallKeepsItsOffsetUncommitted(t *testing.T) {
	for name, options := range map[string][]tidemill.Option{"at least once": nil, "exactly once": {tidemill.ExactlyOnce(), tidemill.CommitInterval(20 * time.Millisecond)}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, 1, "in", "out", "in2", "out2")
			called, release := make(chan struct{}), make(chan struct{})
			build := func() *topology.Builder {
				bld := topology.New("blocking")
				bld.Stream[string, string]("in").Async(func(ctx context.Context, _, value string) (string, error) {
					if value == "5" {
						close(called)
						select {
						case <-release:
						case <-ctx.Done():
							return "", ctx.Err()
						}
					}
					return value, nil
				}, topology.CallTimeout(8*time.Second)).To("out")
				bld.Stream[string, string]("in2").To("out2")
				return bld
			}
			b.worker(build, append(options, tidemill.Parallelism(1))...)
			b.numbered(0, 5, 5)
			b.until("the records before are committed", func() bool { return b.committed("blocking") == 5 })
			b.numbered(5, 20, 20)
			<-called
			if len(options) == 0 { // outputs are visible before they are committed
				for i := range 3 {
					b.produce(&kgo.Record{Topic: "in2", Value: fmt.Append(nil, i)})
					b.follow("out2", func(r *kgo.Record) bool { return string(r.Value) == strconv.Itoa(i) })
				}
			}
			if at := b.committed("blocking"); at != 5 {
				t.Errorf("offset %d is committed while the call for offset 5 is under way", at)
			}
			close(release)
			b.until("all is committed", func() bool { return b.committed("blocking") == 25 })
			b.inOrder(25)
		})
	}
}

func TestAWorkerThatIsStoppedFinishesItsCalls(t *testing.T) {
	b := newBench(t, 2, "in", "out")
	called := make(chan struct{}, 100)
	build := enriching(func(ctx context.Context, _, value string) (string, error) {
		called <- struct{}{}
		return value, answer(ctx, 200*time.Millisecond)
	})
	stop, _ := b.worker(build, tidemill.ExactlyOnce())
	b.numbered(0, 20, 20)
	<-called
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	b.worker(build, tidemill.ExactlyOnce())
	b.inOrder(20)
	if n := len(called) + 1; n != 20 {
		t.Errorf("%d calls were made, want 20: none again", n)
	}
}

func TestACallIsCancelledWhenTheShutdownTakesTooLong(t *testing.T) {
	b := newBench(t, 1, "in", "out")
	called, ended := make(chan struct{}), make(chan error, 1)
	stop, _ := b.worker(enriching(func(ctx context.Context, _, value string) (string, error) {
		close(called)
		<-ctx.Done()
		ended <- ctx.Err()
		return value, ctx.Err()
	}, topology.CallTimeout(0)), tidemill.ShutdownTimeout(50*time.Millisecond), tidemill.OnError(tidemill.Skip()))
	b.numbered(0, 1, 1)
	<-called
	if err := stop(); err == nil || !strings.Contains(err.Error(), "the shutdown took too long") {
		t.Errorf("Run returned %v", err)
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the context of the call ended with %v", err)
	}
	if at := b.committed("enriching"); at > 0 {
		t.Errorf("offset %d is committed, but the call for offset 0 was cancelled", at)
	}
}

func TestCallsOfAWorkerThatIsFencedAreCancelledAndForgotten(t *testing.T) {
	b := newBench(t, 2, "in", "out")
	var aborted, cancelled sync.Once
	gone, stopped := make(chan struct{}), make(chan struct{})
	observe := func(e tidemill.Event) {
		if e.Kind == tidemill.Aborted {
			aborted.Do(func() { close(gone) })
		}
	}
	instances := make(chan string, 1)
	build := enriching(func(ctx context.Context, _, value string) (string, error) {
		select {
		case <-gone: // the second attempt
			return value, nil
		case <-ctx.Done():
			cancelled.Do(func() { close(stopped) })
			return "late", nil
		case <-time.After(time.Millisecond):
		}
		if value != "999" {
			return value, nil
		}
		b.fence("enriching", <-instances)
		<-ctx.Done()
		cancelled.Do(func() { close(stopped) })
		return "late", nil
	}, topology.CallTimeout(8*time.Second))
	dir := t.TempDir()
	b.worker(build, tidemill.ExactlyOnce(), tidemill.StateDir(dir), tidemill.Observe(observe))
	b.numbered(0, 900, 30)
	b.inOrder(900)
	instances <- instance(t, dir, "enriching")
	b.numbered(900, 900, 30)
	select {
	case <-stopped:
	case <-b.ctx.Done():
		t.Fatal("no call was cancelled")
	}
	b.inOrder(1800)
}

func TestAFailedCallEndsTheWorkerAndNamesItsRecord(t *testing.T) {
	b := newBench(t, 1, "in", "out")
	stop, ended := b.worker(enriching(func(_ context.Context, _, value string) (string, error) {
		if value == "7" {
			return "", errors.New("no such customer")
		}
		return value, nil
	}, topology.Named("ask"), topology.CallRetries(2, time.Millisecond)))
	b.numbered(0, 10, 10)
	<-ended
	var failed *tidemill.RecordError
	if err := stop(); !errors.As(err, &failed) || failed.Node != "ask" || failed.Offset != 7 || failed.Stage != "process" {
		t.Errorf("Run returned %v", err)
	}
}

func TestCallsThatMayOutlastATransactionAreRefused(t *testing.T) {
	b := newBench(t, 1, "in", "out")
	for _, c := range []struct {
		name    string
		calls   []topology.AsyncOption
		options []tidemill.Option
		want    string
	}{
		{"retries add up", []topology.AsyncOption{topology.Named("ask"), topology.CallTimeout(2 * time.Second), topology.CallRetries(4, 100*time.Millisecond)}, nil,
			"the calls of ask may take 11.5s with all retries, but a transaction of 10s leaves them 8.98s: lower CallTimeout, CallRetries or the retries of the error policies, or raise TransactionTimeout"},
		{"those of the policy count", []topology.AsyncOption{topology.Named("ask")}, []tidemill.Option{tidemill.OnProcessError(tidemill.Retry(2, time.Second, tidemill.Skip()))},
			"the calls of ask may take 12s with all retries"},
		{"calls without end", []topology.AsyncOption{topology.Named("ask"), topology.CallTimeout(0)}, nil, "the calls of ask have no end, but a transaction of 10s leaves them 8.98s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := func(_ context.Context, _, value string) (string, error) { return value, nil }
			options := append([]tidemill.Option{tidemill.ExactlyOnce(), tidemill.CommitInterval(20 * time.Millisecond)}, c.options...)
			stop, ended := b.worker(enriching(call, c.calls...), options...)
			<-ended
			if err := stop(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run returned %v, want %q", err, c.want)
			}
		})
	}
}
