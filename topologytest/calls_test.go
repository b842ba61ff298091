package topologytest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidemill/tidemill"
	"github.com/tidemill/tidemill/topology"
	"github.com/tidemill/tidemill/topologytest"
)

// asking writes the answers to the records of in to out.
func asking(ask func(ctx context.Context, value string) (string, error), options ...topology.AsyncOption) *topology.Builder {
	b := topology.New("asking")
	b.Stream[string, string]("in").Async(func(ctx context.Context, _, value string) (string, error) { return ask(ctx, value) }, options...).To("out")
	return b
}

func echo(_ context.Context, value string) (string, error) { return value, nil }

// values are those of the records of a topic, in their order.
func values(d *topologytest.Driver, topic string) []string {
	var out []string
	for _, r := range d.Output[string, string](topic).ReadAll() {
		out = append(out, r.Value)
	}
	return out
}

// sendPairs sends values to two keys in turn, all at once.
func sendPairs(d *topologytest.Driver, n int) {
	in := d.Input[string, string]("in")
	d.Batch(func() {
		for i := range n {
			in.Send([]string{"a", "b"}[i%2], fmt.Sprintf("%c%d", 'a'+i%2, i), i)
		}
	})
}

func TestCallsAreAnsweredInTheirOrder(t *testing.T) {
	d := topologytest.New(t, asking(echo), topologytest.ExactlyOnce())
	sendPairs(d, 6)
	if got := values(d, "out"); !slices.Equal(got, []string{"a0", "b1", "a2", "b3", "a4", "b5"}) {
		t.Errorf("got %v", got)
	}
}

func TestASeedLetsAnswersOvertakeEachOther(t *testing.T) {
	orders := map[string]bool{}
	for seed := range uint64(20) {
		var twice [2][]string
		for i := range twice {
			d := topologytest.New(t, asking(echo), topologytest.Seed(seed))
			sendPairs(d, 8)
			twice[i] = values(d, "out")
		}
		if !slices.Equal(twice[0], twice[1]) {
			t.Errorf("seed %d gives %v and %v", seed, twice[0], twice[1])
		}
		for _, key := range []string{"a", "b"} {
			of := slices.DeleteFunc(slices.Clone(twice[0]), func(v string) bool { return !strings.HasPrefix(v, key) })
			if !slices.IsSorted(of) || len(of) != 4 {
				t.Errorf("seed %d: key %s has %v", seed, key, of)
			}
		}
		orders[fmt.Sprint(twice[0])] = true
	}
	if len(orders) < 5 {
		t.Errorf("20 seeds lead to %d orders only: %v", len(orders), slices.Collect(maps.Keys(orders)))
	}
}

// onceBusy fails at the first call for each value.
func onceBusy() func(context.Context, string) (string, error) {
	asked := map[string]bool{}
	return func(_ context.Context, value string) (string, error) {
		if !asked[value] {
			asked[value] = true
			return "", errors.New("busy")
		}
		return value, nil
	}
}

func TestARetryAndTheCommitWaitForTheClock(t *testing.T) {
	d := topologytest.New(t, asking(onceBusy(), topology.CallRetries(1, 100*time.Millisecond)), topologytest.ExactlyOnce())
	d.Input[string, string]("in").Send("k", "v", 0)
	d.Advance(99 * time.Millisecond)
	if got := values(d, "out"); len(got) > 0 {
		t.Errorf("got %v before the retry was due", got)
	}
	d.Advance(time.Millisecond)
	if got := values(d, "out"); !slices.Equal(got, []string{"v"}) {
		t.Errorf("got %v", got)
	}
}

func TestATaskThatMovesFinishesItsCalls(t *testing.T) {
	d := topologytest.New(t, asking(onceBusy(), topology.CallRetries(1, time.Hour)), topologytest.ExactlyOnce())
	d.Input[string, string]("in").Send("k", "v", 0)
	d.Move("0_0", 1)
	if got := values(d, "out"); !slices.Equal(got, []string{"v"}) {
		t.Errorf("got %v", got)
	}
}

func TestCallsOfACrashedWorkerAreForgotten(t *testing.T) {
	d := topologytest.New(t, asking(onceBusy(), topology.CallRetries(1, time.Hour)))
	d.Input[string, string]("in").Send("k", "v", 0)
	d.Crash()
	if got := values(d, "out"); !slices.Equal(got, []string{"v"}) {
		t.Errorf("got %v, want the record to be asked for again", got)
	}
	d.Advance(time.Hour)
	if got := values(d, "out"); len(got) != 1 {
		t.Errorf("got %v, the second from before the crash", got)
	}
}

func TestChaosLosesAndRepeatsNoAnswer(t *testing.T) {
	for seed := range uint64(40) {
		b := topology.New("app")
		busy := 0
		call := func(_ context.Context, _, value string) (string, error) {
			if busy++; busy%3 == 0 {
				return "", errors.New("busy")
			}
			return value, nil
		}
		rules := []topology.AsyncOption{topology.Concurrency(3), topology.CallRetries(20, 5*time.Millisecond)}
		b.Stream[string, string]("in").Async(call, rules...).
			GroupByKey().Reduce(func(_, value string) string { return value }).ToStream().
			Async(call, rules...).To("out")
		d := topologytest.New(t, b, topologytest.ExactlyOnce(), topologytest.Seed(seed), topologytest.Chaos(seed),
			topologytest.CommitInterval(10*time.Millisecond), topologytest.Workers(2), topologytest.Partitions(2))
		var want []string
		in := d.Input[string, string]("in")
		for i := range 30 {
			value := fmt.Sprintf("%02d", i)
			want = append(want, value)
			in.Send(fmt.Sprint("k", i%7), value, i)
			d.Advance(time.Duration(i%4) * time.Millisecond)
		}
		for range 200 {
			d.Advance(time.Minute)
		}
		last := map[string]string{}
		var got []string
		for _, r := range d.Output[string, string]("out").ReadAll() {
			if last[r.Key] >= r.Value {
				t.Errorf("seed %d: %s has %s behind %s", seed, r.Key, r.Value, last[r.Key])
			}
			last[r.Key] = r.Value
			got = append(got, r.Value)
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("seed %d: got %v", seed, got)
		}
	}
}

func TestACallThatBlocksEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := topologytest.New(t, asking(func(ctx context.Context, _ string) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}), topologytest.OnProcessError(tidemill.DeadLetter("dead")))
		d.Input[string, string]("in").Send("k", "v", 0)
		r, ok := d.Output[string, string]("dead").Read()
		why, _ := r.Headers.Get("__streams.errors.message")
		if !ok || string(why) != context.DeadlineExceeded.Error() {
			t.Errorf("got %+v", r)
		}
	})
}

func TestACallThatGoesOnBlockingIsReported(t *testing.T) {
	for want, timeout := range map[string]time.Duration{
		`topologytest: a call of node "ask" blocks though its context has ended: it must return then`:   time.Minute,
		`topologytest: a call of node "ask" blocks and has no timeout: give the operator a CallTimeout`: 0,
	} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			d, err := topologytest.Open(asking(func(context.Context, string) (string, error) {
				<-release
				return "", nil
			}, topology.Named("ask"), topology.CallTimeout(timeout)))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			defer close(release)
			d.Input[string, string]("in").Send("k", "v", 0)
			if err := d.Err(); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}
