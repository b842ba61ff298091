//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/tidemill/tidemill/topology"
)

// asyncTopology enriches numbers by calls that take up to 100 ms and fail now and
// then.
func asyncTopology(j job) *topology.Builder {
	b := topology.New(j.Application)
	b.Stream[string, string](j.Topics["in"]).
		Async(func(ctx context.Context, _, value string) (string, error) {
			if err := answer(ctx, time.Duration(rand.Int64N(int64(100*time.Millisecond)))); err != nil {
				return "", err
			}
			if rand.IntN(50) == 0 {
				return "", errors.New("busy")
			}
			return value, nil
		}, topology.CallTimeout(200*time.Millisecond), topology.CallRetries(8, time.Millisecond)).
		To(j.Topics["out"])
	return b
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

// numbered are n records of 200 keys whose values are numbers from from on.
func numbered(topic string, from, n int) []*kgo.Record {
	records := make([]*kgo.Record, n)
	for i := range records {
		records[i] = &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", (from+i)%200), Value: fmt.Append(nil, from+i)}
	}
	return records
}

func TestCallsInFlightAreNeitherLostNorRepeatedByKills(t *testing.T) {
	const partitions, kills, batch = 6, 14, 20
	f := newFixture(t)
	j := job{
		Application: f.app, Topology: "async", Brokers: f.brokers, ExactlyOnce: true,
		Topics:         map[string]string{"in": f.topic("in", partitions), "out": f.topic("out", partitions)},
		SessionTimeout: 3 * time.Second, TransactionTimeout: 3 * time.Second,
	}
	c := newChaos(f, j)
	sent, calm, fed := 0, make(chan struct{}), make(chan struct{})
	var failed firstError
	go func() {
		defer close(fed)
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for ; !ended(calm); <-tick.C {
			for _, r := range numbered(j.Topics["in"], sent, batch) {
				f.client.Produce(t.Context(), r, func(_ *kgo.Record, err error) { failed.set(err) })
			}
			sent += batch
		}
		failed.set(f.client.Flush(t.Context()))
	}()
	c.run(kills)
	close(calm)
	<-fed
	if failed.err != nil {
		t.Fatal(failed.err)
	}
	await(t, "all offsets are committed", func() bool {
		offsets, err := f.admin.FetchOffsets(t.Context(), f.app)
		total := int64(0)
		offsets.Each(func(at kadm.OffsetResponse) { total += at.At })
		return err == nil && total == int64(sent)
	})
	c.end()
	last, times := map[string]int{}, map[int]int{}
	for _, r := range f.read(j.Topics["out"]) {
		n, _ := strconv.Atoi(string(r.Value))
		if before, ok := last[string(r.Key)]; ok && n <= before {
			t.Errorf("%s has %d behind %d", r.Key, n, before)
		}
		last[string(r.Key)] = n
		times[n]++
	}
	for n := range sent {
		if times[n] != 1 {
			t.Errorf("%d is there %d times", n, times[n])
		}
	}
	t.Logf("%d records", sent)
}

func TestABlockedCallKeepsTheCommittedOffsetBeforeItsRecord(t *testing.T) {
	for _, g := range guarantees {
		t.Run(g.name, func(t *testing.T) {
			const before, blocked, all = 50, 77, 200
			f := newFixture(t)
			in, out := f.topic("in", 1), f.topic("out", 1)
			called, release := make(chan struct{}), make(chan struct{})
			b := topology.New(f.app)
			b.Stream[string, string](in).Async(func(ctx context.Context, _, value string) (string, error) {
				if value == strconv.Itoa(blocked) {
					close(called)
					select {
					case <-release:
					case <-ctx.Done():
						return "", ctx.Err()
					}
				}
				return value, nil
			}, topology.CallTimeout(8*time.Second)).To(out)
			w := f.work(b, g.options...)
			committed := func() int64 {
				offsets, err := f.admin.FetchOffsets(t.Context(), f.app)
				if err != nil {
					t.Fatal(err)
				}
				at, _ := offsets.Lookup(in, 0)
				return at.At
			}
			f.produce(numbered(in, 0, before)...)
			await(t, "the first records are committed", func() bool { return committed() == before })
			f.produce(numbered(in, before, all-before)...)
			<-called
			held := time.Now().Add(time.Second)
			await(t, "several commits were due", func() bool {
				if at := committed(); at > blocked {
					t.Fatalf("offset %d is committed while the call for offset %d is under way", at, blocked)
				}
				return time.Now().After(held)
			})
			close(release)
			await(t, "all is committed", func() bool { return committed() == all })
			w.stop()
			times := map[string]int{}
			for _, r := range f.read(out) {
				times[string(r.Value)]++
			}
			for n := range all {
				if times[strconv.Itoa(n)] != 1 {
					t.Errorf("%d is there %d times", n, times[strconv.Itoa(n)])
				}
			}
		})
	}
}
